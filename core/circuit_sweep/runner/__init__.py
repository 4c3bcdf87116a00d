"""The one process that writes results into a store, and what starts and ends it."""
