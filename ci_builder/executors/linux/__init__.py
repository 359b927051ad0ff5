"""System calls that Python's standard library does not offer, through ctypes."""
