"""Run a circuit with everything outside it corrupted (METHODS c.4): cached runs, required nodes, the mixed run."""
