"""The command line: the only reader of argv and the environment, the only printer and exiter."""
