"""All bots against a real exchange: they quote, trade, survive its kill -9, and leave nothing behind."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.server import ROOT, WAIT_LIMIT_S, Server, wait_until

MARKETS = ("BTC/USD", "ETH/USD", "ETH/BTC")
STATE = Path(os.environ["KONTOR_STATE"])
QUOTES_AT_LEAST = 10
SEED = "224"
"""One by which the taker visits every market within its first seconds."""


@contextmanager
def bots(server: Server) -> Iterator["subprocess.Popen[bytes]"]:
    with (STATE / f"bots-{server.port}.log").open("wb") as log:
        command = [sys.executable, str(ROOT / "manage.py"), "bot", "all", "--url", server.url, "--seed", SEED]
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=dict(os.environ))
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def quotes_everywhere(client: httpx.Client) -> bool:
    books = [client.get("/public/orderbook", params={"market": market}).json() for market in MARKETS]
    return all(len(book[side]) >= QUOTES_AT_LEAST for book in books for side in ("bids", "asks"))


def last_trades(client: httpx.Client) -> dict[str, int]:
    """The number of the last trade of each market that has one."""
    found = {}
    for market in MARKETS:
        items = client.get("/public/trades", params={"market": market, "limit": 1}).json()["items"]
        if items:
            found[market] = items[0]["id"]
    return found


def open_orders(server: Server, tokens: dict[str, str]) -> dict[str, list[dict[str, Any]]]:
    found = {}
    for name, token in tokens.items():
        with server.client(Authorization=f"Bearer {token}") as client:
            answer = client.get("/trade/orders", params={"status": "open", "limit": 1000})
            found[name] = answer.raise_for_status().json()["items"]
    return found


def sign_in_as_bots(client: httpx.Client) -> dict[str, str]:
    tokens = {}
    for bot in json.loads((STATE / "demo.json").read_text())["bots"]:
        body = {"email": bot["email"], "password": bot["password"]}
        tokens[bot["name"]] = client.post("/session", json=body).raise_for_status().json()["token"]
    return tokens


def test_bots_quote_and_trade_survive_a_crash_and_leave_nothing_behind(own_server: Server) -> None:
    with own_server.client() as client, bots(own_server) as process:
        wait_until(lambda: quotes_everywhere(client), what="all markets are quoted")
        tokens = sign_in_as_bots(client)
        wait_until(lambda: len(last_trades(client)) == 3, what="trades on every market")
        assert not open_orders(own_server, tokens)["taker"]

        own_server.kill()
        own_server.start()
        before = last_trades(client)
        known = {order["id"] for items in open_orders(own_server, tokens).values() for order in items}

        def quotes_again() -> bool:
            now = open_orders(own_server, tokens)
            makers = [items for name, items in now.items() if name != "taker"]
            return all(any(order["id"] not in known for order in items) for items in makers)

        wait_until(quotes_again, what="each maker places orders after the crash")
        wait_until(lambda: quotes_everywhere(client), what="all markets are quoted again")
        wait_until(lambda: last_trades(client) != before, what="the taker trades after the crash")
        assert process.poll() is None, "a crash of the exchange does not end the bots"

        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_LIMIT_S) == 0
        assert all(not items for items in open_orders(own_server, tokens).values())


def test_bots_outlive_an_exchange_that_is_away_and_end_at_once_when_told(own_server: Server) -> None:
    with own_server.client() as client, bots(own_server) as process:
        wait_until(lambda: quotes_everywhere(client), what="all markets are quoted")
        own_server.kill()
        log = STATE / f"bots-{own_server.port}.log"
        wait_until(lambda: log.read_text().count("not connected") >= 4, what="every bot notices that it is alone")
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_LIMIT_S) == 0
        assert "could not be cancelled in time" in log.read_text()

        own_server.start()
        tokens = sign_in_as_bots(client)
        left = {order["id"] for items in open_orders(own_server, tokens).values() for order in items}
        assert left, "what could not be cancelled is still open"
    with bots(own_server):
        wait_until(
            lambda: not left & {o["id"] for items in open_orders(own_server, tokens).values() for o in items},
            what="the next run cancels what the last one left",
        )
