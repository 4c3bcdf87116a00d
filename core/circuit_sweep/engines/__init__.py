"""Where workers run: processes of this box, or a Ray cluster."""
