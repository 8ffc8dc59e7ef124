"""``/0/public/*`` and ``/0/private/*``: the exchange in the shapes of Kraken's spot REST API, so that its clients work.

Nothing is decided here: each call makes the domain call that REST makes, and translates in and out. Assets have our names
(``BTC``), pairs are ``BTCUSD``; ``BTC/USD`` is understood as well. What is served, and where it differs: docs/api.md.
"""
