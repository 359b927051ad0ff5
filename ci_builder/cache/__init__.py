"""Layers of earlier builds, found again by what they were made from."""
