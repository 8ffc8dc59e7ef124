"""The matching engine: a deterministic fold over commands.

A library of the standard library alone: no Django, no I/O, no clock, no randomness, no threads, no floats.
Amounts are integers throughout: prices in ticks, quantities in lots, balances in atomic units of the asset.
"""
