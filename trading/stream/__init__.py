"""``/stream``: market data, private events and order entry over WebSocket, in the shapes of Kraken's WebSocket v2."""

ABORT = "kontor.abort"
"""The ASGI extension that cuts a connection off without asking its peer: a callable. ``exchange.worker`` has it."""
WRITE = "kontor.write"
"""The ASGI extension that writes a whole frame at once, without a task for it: a callable that takes the frame's bytes, and says
whether it could; if not, the message is to be sent as usual."""
NOTICE = "kontor.shutdown_notice"
"""Where the server finds what it tells everybody before it goes away: a callable that gives the text of a message."""
