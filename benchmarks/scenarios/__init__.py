"""What is measured, a module for each point of what is to be reached.

Each has a `TITLE` and `run_round`, which takes every subject in turn once.
"""
