"""Withdrawals in a running exchange, with the holder as a process of its own: by people, by programs, all at once, and killed."""

import contextlib
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import psycopg
import pytest
from embit import bech32

from tests.custody.stage import public_descriptor
from tests.fixtures import ROOT
from tests.server import Server, Trader, wait_until
from tests.signing import hmac_key, program
from trading.verify import verify

CHAIN = "bitcoin:regtest"
WAIT_S = 60.0


@contextlib.contextmanager
def holder(server: Server) -> Iterator["subprocess.Popen[bytes]"]:
    environment = {**os.environ, "DATABASE_URL": server.database_url}
    command = [sys.executable, str(ROOT / "manage.py"), "watch_custody", "withdrawals"]
    process = subprocess.Popen(command, env=environment)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def bank(server: Server) -> Server:
    """An exchange that withdraws bitcoin."""
    with psycopg.connect(server.database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO funding_wallet (asset, chain, descriptor, next_index, is_active, created_at)"
            " VALUES ('BTC', %s, %s, 0, true, now())",
            (CHAIN, public_descriptor(CHAIN, 9)),
        )
    return server


def customer(bank: Server, coins: str) -> Trader:
    """With a verified address, identified, and a second factor that was just proven."""
    trader = bank.trader(BTC=coins)
    with psycopg.connect(bank.database_url, autocommit=True) as connection:
        proven = (
            "UPDATE accounts_user SET email_verified_at = now(), identified_at = now() WHERE email = %s",
            "UPDATE accounts_session SET factor_at = now() FROM accounts_user u WHERE u.id = user_id AND u.email = %s",
        )
        for statement in proven:
            connection.execute(statement, (trader.email,))
    return trader


def add_address(trader: Trader, number: int) -> str:
    text = str(bech32.encode("bcrt", 0, list(number.to_bytes(20, "big"))))
    trader.post("/withdrawal/addresses", {"asset": "BTC", "address": text, "label": text[-8:]}).raise_for_status()
    return text


def withdraw(client: httpx.Client, quantity: str, address: str, key: str) -> httpx.Response:
    body = {"asset": "BTC", "quantity": quantity, "address": address}
    return client.post("/withdrawal", json=body, headers={"Idempotency-Key": key})


def states(trader: Trader) -> Counter[str]:
    return Counter(one["state"] for one in trader.get("/withdrawal")["items"])


def test_what_is_asked_for_at_once_is_given_once_whoever_is_killed(bank: Server) -> None:
    """Nine withdrawals, an order and a transfer, each of all that there is; the holder is killed among them."""
    trader = customer(bank, "0.5")
    address = add_address(trader, 1)
    with ThreadPoolExecutor(9) as pool:
        keys = [f"key {number}" for number in range(9)]
        answers = list(pool.map(lambda key: withdraw(trader.http, "0.5", address, key), [*keys, *keys[:3]]))
        ids = {answer.json()["id"] for answer in answers}
        assert len(ids) == 9 and sorted(answer.status_code for answer in answers) == [200] * 3 + [201] * 9
        with holder(bank) as process:
            wait_until(lambda: states(trader)["requested"] < 9, limit_s=WAIT_S, what="the first hold")
            others = [
                pool.submit(trader.order, "sell", "0.5", "90000"),
                pool.submit(
                    trader.http.post,
                    "/account/transfers",
                    json={"asset": "BTC", "quantity": "0.5", "to_account": spare(trader)},
                    headers={"Idempotency-Key": "gift"},
                ),
            ]
            process.send_signal(signal.SIGKILL)
            process.wait()
        assert {other.result().json()["code"] for other in others} == {"insufficient_funds"}
    with holder(bank) as process:
        wait_until(lambda: not states(trader)["requested"], limit_s=WAIT_S, what="all are decided")
        assert states(trader) == {"approved": 1, "refused": 8}
        assert btc(trader) == ("0.50000000", "0.50000000", "0.00000000")
        (held,) = [one for one in trader.get("/withdrawal")["items"] if one["state"] == "approved"]
        assert trader.http.delete(f"/withdrawal/{held['id']}").json()["state"] == "releasing"
        wait_until(lambda: states(trader)["cancelled"] == 1, limit_s=WAIT_S, what="it is cancelled")
        assert btc(trader) == ("0.50000000", "0.00000000", "0.50000000")
        process.terminate()
        assert process.wait(WAIT_S) == 0
    with psycopg.connect(bank.database_url) as connection:
        assert verify(connection).findings == []


def btc(trader: Trader) -> tuple[str, str, str]:
    balance = trader.balance("BTC")
    return balance["total"], balance["held"], balance["available"]


def spare(trader: Trader) -> int:
    return int(trader.post("/account/subaccounts", {"name": "spare"}).json()["id"])


def test_a_program_withdraws_to_what_its_owner_has_registered_and_adds_nothing(bank: Server) -> None:
    trader = customer(bank, "1")
    address = add_address(trader, 2)
    with program(bank, hmac_key(trader, "withdraw")) as client:
        answer = withdraw(client, "0.01", address, "by a program")
        assert (answer.status_code, answer.json()["amount"]) == (201, "0.00990000")
        body = {"asset": "BTC", "address": str(bech32.encode("bcrt", 0, [7] * 20)), "label": "a thief's"}
        refused = client.post("/withdrawal/addresses", json=body)
        assert (refused.status_code, refused.json()["code"]) == (403, "step_up_required")
        assert client.delete(f"/withdrawal/{answer.json()['id']}").status_code == 200
    with program(bank, hmac_key(trader, "read", "trade")) as client:
        assert withdraw(client, "0.01", address, "another").json()["code"] == "scope_missing"
