"""Circuits: score every edge (`attribution`), select some (`selection`), keep only those (`interchange`), and find the
smallest that still does the task (`faithfulness`)."""
