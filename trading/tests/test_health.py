"""F42: ready means that every part serves, the nodes of custody among them; trading can be asked about by itself."""

import json
from typing import Any

from tests.fixtures import Database
from trading.api.application import application
from trading.runtime import Runtime

from .world import serving

LAGS = "its tip was read 75 s ago"


async def ready(runtime: Runtime, query: bytes = b"") -> tuple[int, dict[str, str]]:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    path = "/health/ready"
    scope = {"method": "GET", "path": path, "query_string": query, "headers": [], "client": ("127.0.0.1", 1)}
    await application(runtime, scope, receive, send)
    return sent[0]["status"], json.loads(sent[1]["body"]).get("parts", {})


async def test_f42_a_node_that_lags_makes_the_exchange_unready_but_trading_can_be_asked_about(
    database: Database,
) -> None:
    async with serving() as runtime:
        parts = {"engine": "ok", "projector": "ok"}
        assert await ready(runtime) == (200, parts)
        runtime.nodes = {"bitcoin": "ok"}
        assert await ready(runtime) == (200, parts | {"node of bitcoin": "ok"})
        runtime.nodes = {"bitcoin": LAGS, "litecoin": "ok"}
        parts |= {"node of bitcoin": LAGS, "node of litecoin": "ok"}
        assert await ready(runtime) == (503, parts)
        assert await ready(runtime, b"needs=trading") == (200, parts)
        assert (await ready(runtime, b"needs=nothing"))[0] == 400
