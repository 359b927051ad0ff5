"""COPY and the local part of ADD: from a context or another root file system into the stage's own."""
