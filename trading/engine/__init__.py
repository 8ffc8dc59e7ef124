"""The matching engine: a deterministic fold over commands.

A library of the standard library alone: no Django, no I/O, no clock, no randomness, no threads, no floats; only ``form``,
which looks for the compiled engine when the package is imported, reads files and the environment.
Amounts are integers throughout: prices in ticks, quantities in lots, balances in atomic units of the asset.
"""

from .form import choose

FORM = choose(__path__)
"""Whether this process runs the compiled engine, and if not, why."""
