"""Runs as a person asks for them, on the command line or in the explorer: options, cost, submission, control."""
