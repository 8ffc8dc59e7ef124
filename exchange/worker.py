"""The web worker: gunicorn's, with uvicorn inside. One event loop, one engine thread, one projector thread."""

from typing import Any, ClassVar

from uvicorn_worker import UvicornWorker


class Worker(UvicornWorker):  # type: ignore[misc]
    """Refuses WebSocket frames beyond 64 KiB; no compression, which would cost more than the orders do."""

    CONFIG_KWARGS: ClassVar[dict[str, Any]] = {
        "loop": "uvloop",
        "http": "httptools",
        "ws": "websockets-sansio",
        "ws_max_size": 64 * 1024,
        "ws_per_message_deflate": False,
        "lifespan": "on",
        "server_header": False,
        "timeout_keep_alive": 75,
    }
