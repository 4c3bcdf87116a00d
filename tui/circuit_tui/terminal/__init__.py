"""What reaches the terminal: sanitised text, differences of screens, copies, signals."""
