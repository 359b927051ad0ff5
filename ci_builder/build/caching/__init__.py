"""Finding steps of earlier builds again: what each depends on, and what is kept of it."""
