"""The load generator's orders are accepted, whoever sends them."""

from typing import Any

import pytest

from benchmarks import web
from tests.journeys.stream_client import stream_token
from tests.server import Server, Trader


def session(trader: Trader) -> Any:
    return trader.token


@pytest.mark.parametrize(
    ("kind", "credential"),
    [
        ("rest", session),
        ("paced", session),
        ("proxied", session),
        ("keys", web._hmac_key),
        ("keys", web._ed25519_key),
        ("stream", stream_token),
    ],
)
def test_orders_are_accepted_and_timed(
    server: Server, monkeypatch: pytest.MonkeyPatch, kind: str, credential: Any
) -> None:
    monkeypatch.setattr(web, "SECONDS", 0.3)
    traders = [server.trader(BTC="10", USD="1000000") for _ in range(2)]
    report = web._load(kind, server.port, 4, [credential(trader) for trader in traders])
    assert report["orders_per_s"] > 0
    assert 0 < report["ms_p50"] <= report["ms_p99"]
