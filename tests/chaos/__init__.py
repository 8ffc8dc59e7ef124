"""Faults under load, each followed by an audit of everything that was said: ``python -m tests.chaos``."""
