"""The command line and the explorer. Nothing here imports torch: computing is another process's work."""
