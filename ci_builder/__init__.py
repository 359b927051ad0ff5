"""ci_builder builds container images inside CI jobs that own nothing: no daemon, no privilege."""

__version__ = "0.1.0"
