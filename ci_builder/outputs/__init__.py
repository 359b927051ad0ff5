"""Places an image can be written to."""
