"""Caches of layers."""
