"""Circuits: select edges by score, measure how much of the task is kept, search the smallest that does enough."""
