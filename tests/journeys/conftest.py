"""What the journeys share: a seller, a buyer, and a market that each test leaves empty."""

from collections.abc import Iterator

import pytest

from tests.server import Server, Trader


@pytest.fixture
def seller(server: Server) -> Trader:
    return server.trader(BTC="10")


@pytest.fixture
def buyer(server: Server) -> Trader:
    return server.trader(USD="1000000")


@pytest.fixture
def silent_market(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The test leaves the book empty, so that tests do not trade with each other's orders."""
    traders: list[Trader] = []
    make = server.trader

    def remember(**funds: str) -> Trader:
        traders.append(make(**funds))
        return traders[-1]

    monkeypatch.setattr(server, "trader", remember)
    yield
    for trader in traders:
        trader.http.delete("/trade/orders")
