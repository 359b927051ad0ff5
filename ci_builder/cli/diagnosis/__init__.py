"""What the command ``doctor`` shows: gathered, then rendered."""
