"""Pages by cursor while trading goes on: of what was there when the walk began, everything once, newest first."""

import itertools
import threading
from collections.abc import Iterator

import pytest

from tests.server import Server, wait_until

pytestmark = pytest.mark.usefixtures("silent_market")
FIRST = 12
"""Orders of each side before the first walk."""


class Trading(threading.Thread):
    """A seller and a buyer who trade with each other, on and on, until they are ended."""

    def __init__(self, server: Server) -> None:
        super().__init__()
        self.seller, self.buyer = server.trader(BTC="5"), server.trader(USD="1000000")
        self.ended = threading.Event()
        self.trades = 0

    def run(self) -> None:
        while not self.ended.is_set():
            self.seller.order("sell", "0.001", "64000").raise_for_status()
            self.buyer.order("buy", "0.001", "64000", time_in_force="IOC").raise_for_status()
            self.trades += 1


@pytest.fixture
def trading(server: Server) -> Iterator[Trading]:
    trading = Trading(server)
    trading.start()
    wait_until(lambda: trading.trades >= FIRST, what="there are trades to walk over")
    yield trading
    trading.ended.set()
    trading.join()


def walk(trading: Trading, path: str, key: str, **query: str) -> list[str]:
    """Page after page of the buyer's, with a trade between each two."""
    found: list[str] = []
    cursor: str | None = ""
    pages = itertools.count(1)
    while cursor is not None and next(pages) < 200:
        before = trading.trades
        page = trading.buyer.get(path, limit=5, **query, **({"cursor": cursor} if cursor else {}))
        found += [str(item[key]) for item in page["items"]]
        cursor = page["next_cursor"]
        wait_until(lambda before=before: trading.trades > before, what="trading goes on")  # type: ignore[misc]
    return found


@pytest.mark.parametrize(
    ("path", "key", "query"),
    [
        ("/trade/fills", "id", {}),
        ("/trade/fills", "id", {"market": "BTC/USD"}),
        ("/trade/orders", "id", {"status": "closed"}),
        ("/account/ledger", "id", {}),
        ("/account/ledger", "id", {"asset": "USD"}),
    ],
)
def test_a_walk_by_cursor_meets_everything_once_while_trading_goes_on(
    trading: Trading, path: str, key: str, query: dict[str, str]
) -> None:
    met = walk(trading, path, key, **query)
    assert trading.is_alive()
    trading.ended.set()
    trading.join()
    whole = [str(item[key]) for item in trading.buyer.get(path, limit=1000, **query)["items"]]
    assert len(met) == len(set(met)) >= FIRST
    assert met == whole[whole.index(met[0]) :]


def test_open_orders_that_stay_are_met_once_while_others_come_and_go(server: Server, trading: Trading) -> None:
    stay = [trading.buyer.order("buy", "0.001", str(50_000 + n)).json()["id"] for n in range(12)]
    met = walk(trading, "/trade/orders", "id", status="open")
    assert [order for order in met if order in stay] == stay[::-1]
    assert len(met) == len(set(met))
