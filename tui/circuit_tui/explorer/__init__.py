"""The explorer: its screens and widgets, on one selection."""
