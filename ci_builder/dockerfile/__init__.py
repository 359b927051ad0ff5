"""Dockerfile text to meaning, without I/O."""
