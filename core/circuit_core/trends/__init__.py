"""Trends: what a series over training says. What is chance and what a role (`floors`), when a role emerges at a head
and is lost (`emergence`), which head takes it over (`handoffs`), when a task is acquired (`tasks`), and which heads a
figure shows (`figures`).

Steps ascend, at any spacing; a NaN was not computed. Numpy only, so that a process without torch can import it.
"""
