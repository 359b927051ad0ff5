"""A kernel for commands that may do nothing: their system calls answered by a process of the same user."""
