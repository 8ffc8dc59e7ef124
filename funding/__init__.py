"""Custody: where deposits are expected, what came, and the commands that credit it."""
