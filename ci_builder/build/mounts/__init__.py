"""What RUN --mount shows a command: made ready for it, and cleared away after it."""
