"""Demo bots: traders of their own, which know the exchange by its public API alone.

``reference`` is what the bots think things are worth; ``quoting`` and ``flow`` decide, purely; ``maker`` and ``taker``
act; ``desk`` is one account at the exchange, ``client`` and ``session`` are the wire; ``runner`` puts them together. All
of it runs on one event loop. Quantities and prices are Decimals that are whole lots and ticks before they leave.
"""
