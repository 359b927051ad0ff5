"""Whole builds, from nothing to the pushed image: ours, the peers that are installed, and bare tools."""
