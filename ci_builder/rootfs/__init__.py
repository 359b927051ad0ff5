"""Trees of files and the layer tars that describe them."""
