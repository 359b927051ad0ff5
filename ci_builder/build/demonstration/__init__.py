"""A tiny base image for demonstrations and self-tests, out of this machine's own shell."""
