"""CI systems: pure functions from the job's environment to a Request, and from a Result to a report."""
