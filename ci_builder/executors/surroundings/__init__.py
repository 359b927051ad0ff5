"""What these surroundings permit, each fact found by reading or by trying."""
