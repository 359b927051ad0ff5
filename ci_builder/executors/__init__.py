"""Ways to run a RUN command: one interface, one file for each way."""
