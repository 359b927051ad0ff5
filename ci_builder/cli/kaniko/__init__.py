"""The argument list of kaniko's executor, read as kaniko reads it."""
