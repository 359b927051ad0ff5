"""Events turned into what people and programs read: one file per ``--progress``."""
