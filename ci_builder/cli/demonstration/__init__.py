"""What the command ``demo`` needs: a tiny base image out of this machine's own shell."""
