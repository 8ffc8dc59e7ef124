"""``/stream``: market data, private events and order entry over WebSocket, in the shapes of Kraken's WebSocket v2."""
