"""CI systems: a job's environment becomes a Request, a Result becomes what the system shows."""
