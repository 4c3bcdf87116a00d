"""Requests, runs and units: what is to be computed, and how it goes."""
