"""``/stream``: market data, private events and order entry over WebSocket, in the shapes of Kraken's WebSocket v2."""

ABORT = "kontor.abort"
"""The ASGI extension that cuts a connection off without asking its peer: a callable. ``exchange.worker`` has it."""
NOTICE = "kontor.shutdown_notice"
"""Where the server finds what it tells everybody before it goes away: a callable that gives the text of a message."""
