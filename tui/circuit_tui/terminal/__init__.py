"""What reaches the terminal: what commands print, and what the explorer draws and copies."""
