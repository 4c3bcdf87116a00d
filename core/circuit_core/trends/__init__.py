"""Trends: what a series over training says. What is chance and what a role (`floors`), when a role emerges at a head
and is lost (`emergence`), which head takes it over (`handoffs`), when a task is acquired (`tasks`), both as a fitted
curve (`logistic`) and with other thresholds (`sensitivity`), and which heads a figure shows (`figures`). How many heads
carry a role (`load`), whether a stage of the IOI algorithm stays (`stability`), how far circuits agree (`similarity`),
and whether they grow with the model (`correlation`).

Steps ascend, at any spacing; a NaN was not computed. Numpy only, so that a process without torch can import it.
"""
