"""The checks after a scenario, when all is quiet: what was said against what is there, and what is there against itself.

Every check goes by its name in words, so that a failure says what was broken. A check that cannot be carried out, because
the exchange does not answer, has failed.
"""

import re
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

import httpx
import psycopg

from tests.fixtures import manage
from tests.journeys.load import PAGE, Desk, audit, orders_of, repeat_unknown
from tests.server import WAIT_LIMIT_S, Trader

from .replicas import Replica, State

FUNDS = {"BTC": "100", "USD": "1000000"}
"""What every trader draws from the faucet, once."""
POLL_S = 0.02
BOOK = "/public/orderbook?market=BTC/USD"

Connection = psycopg.Connection[tuple[object, ...]]

_WHOLE = re.compile(r"whole to event (\d+), .*State ([0-9a-f]{64})")


class Finding(NamedTuple):
    """Something that is wrong: by which check, and what it saw."""

    check: str
    detail: str


@dataclass(slots=True)
class Tally:
    """What was done to a deployment, what clients heard, and what the checks found."""

    faults: int = 0
    acknowledged: int = 0
    unknown: int = 0
    lost: int = 0
    doubled: int = 0
    gaps: int = 0
    verified: State | None = None
    """What the last full replay came to, if it agreed with engine and ledger."""
    seconds: float = 0.0
    patience_s: float = WAIT_LIMIT_S
    """How long the exchange may take to come to rest."""
    not_possible: str = ""
    """Why the scenario could not be played on this machine."""
    findings: list[Finding] = field(default_factory=list)

    def find(self, check: str, detail: object) -> None:
        self.findings.append(Finding(check, str(detail)))

    @contextmanager
    def check(self, name: str) -> Iterator[None]:
        """What is asserted inside, or fails to answer, is a finding of this name."""
        try:
            yield
        except (AssertionError, httpx.HTTPError, psycopg.Error, OSError) as error:
            self.find(name, error)


def settle(
    tally: Tally, desks: Sequence[Desk], replicas: Sequence[Replica], database_url: str, sql: Connection
) -> None:
    """Every check, on an exchange at which nobody trades any more."""
    with tally.check("every replica is ready, and at the journal's head with its read models"):
        for replica in replicas:
            _wait_until_current(replica, sql, tally.patience_s)
    with tally.check("nothing acknowledged is lost, nothing is there twice"):
        _check_orders(tally, desks)
    with tally.check("balances follow from the fills and the faucet"):
        for desk in desks:
            check_money(desk)
    with tally.check("all replicas tell the same"):
        _check_agreement(desks, replicas)
    with tally.check("the journal has no gaps, and one row for each command"):
        tally.gaps += journal_gaps(sql)
        assert tally.gaps == 0, f"{tally.gaps} gaps"
        assert (findings := _doubled_rows(sql)) == [], findings
    tally.verified = None
    with tally.check("ledger = engine = full replay"):
        told = manage("verify", url=database_url, check=False)
        assert told.returncode == 0, told.stdout + told.stderr
        event, state = _WHOLE.findall(told.stdout)[0]
        tally.verified = State(int(event), state)


def _wait_until_current(replica: Replica, sql: Connection, limit_s: float) -> None:
    deadline = time.monotonic() + limit_s
    while True:
        health, head = replica.health(), _value(sql, "SELECT seq FROM journal_head")
        if health.get("status") == "ok" and health["sequence"] == health["projected_sequence"] == head:
            return
        assert time.monotonic() < deadline, f"event {head} is the last; {replica.url} says {health}, see {replica.log}"
        time.sleep(POLL_S)


def _check_orders(tally: Tally, desks: Sequence[Desk]) -> None:
    tally.unknown += sum(not attempt.is_acknowledged for desk in desks for attempt in desk.attempts)
    before = audit(desks)
    repeated = repeat_unknown(desks)
    after = audit(desks)
    tally.lost += len({*before.lost, *after.lost})
    tally.doubled += len({*before.doubled, *after.doubled})
    assert before.is_clean, before
    assert repeated == [], f"sent again, these did not give exactly one order: {repeated}"
    assert after.is_clean, after


def pages(trader: Trader, path: str) -> Iterator[dict[str, Any]]:
    """Every item of a list that comes in pages."""
    cursor: dict[str, str] = {}
    while True:
        page = trader.get(path, limit=PAGE, **cursor)
        yield from page["items"]
        if page["next_cursor"] is None:
            return
        cursor = {"cursor": page["next_cursor"]}


def check_money(desk: Desk) -> None:
    """Recomputes the trader's balances from nothing but its fills, and its orders' filled quantities as well."""
    expected = defaultdict(Decimal, {asset: Decimal(quantity) for asset, quantity in FUNDS.items()})
    filled: defaultdict[str, Decimal] = defaultdict(Decimal)
    for fill in pages(desk.trader, "/trade/fills"):
        base, quote = fill["market"].split("/")
        sign = 1 if fill["side"] == "buy" else -1
        expected[base] += sign * Decimal(fill["quantity"])
        expected[quote] -= sign * Decimal(fill["quote_quantity"])
        expected[fill["fee_asset"]] -= Decimal(fill["fee"])
        filled[fill["order_id"]] += Decimal(fill["quantity"])
    for balance in desk.trader.get("/account/balances")["items"]:
        computed = expected[balance["asset"]]
        assert Decimal(balance["total"]) == computed, f"{desk.trader.email}: {balance}, its fills make it {computed}"
    for order in orders_of(desk.trader):
        assert Decimal(order["filled_quantity"]) == filled[order["id"]], f"{order}, its fills are {filled[order['id']]}"


def _check_agreement(desks: Sequence[Desk], replicas: Sequence[Replica]) -> None:
    """Book, balances and open orders, asked of every replica."""
    questions = ["/account/balances", f"/trade/orders?status=open&limit={PAGE}", "/trade/fills"]
    told = []
    for replica in replicas:
        with replica.client() as client:
            answers: list[Any] = [client.get(BOOK).raise_for_status().json()]
            for desk in desks:
                headers = {"authorization": f"Bearer {desk.trader.token}"}
                answers += [client.get(path, headers=headers).raise_for_status().json() for path in questions]
        told.append(answers)
    for replica, answers in zip(replicas, told, strict=True):
        for here, first in zip(answers, told[0], strict=True):
            assert here == first, f"{replica.url} says {here}, {replicas[0].url} says {first}"


def journal_gaps(sql: Connection) -> int:
    """By how much rows, numbers and the head differ; 0 for a gapless journal in which time never goes back."""
    row = sql.execute(
        "SELECT max(seq) - count(*), count(*) - count(DISTINCT hash), max(seq) - (SELECT seq FROM journal_head),"
        " (SELECT count(*) FROM (SELECT at_us < lag(at_us) OVER (ORDER BY seq) AS back FROM order_event) e WHERE back)"
        " FROM order_event"
    ).fetchone()
    return sum(abs(int(str(difference))) for difference in row or ())


_UNIQUE = {
    "commands": "SELECT command_id FROM order_event",
    "client order ids": "SELECT (account_id, body->>'client_order_id') FROM order_event"
    " WHERE kind = 'PlaceOrder' AND body->>'client_order_id' IS NOT NULL",
    "orders": "SELECT id FROM trading_order",
    "trades": "SELECT id FROM trade",
    "fills": "SELECT (trade_id, liquidity) FROM fill",
    "entries": "SELECT cause FROM ledger_entry",
}


def _doubled_rows(sql: Connection) -> list[str]:
    found = []
    for what, query in _UNIQUE.items():
        doubled = _value(sql, f"SELECT count(*) - count(DISTINCT one) FROM ({query}) AS t (one)")
        if doubled:
            found.append(f"{doubled} {what} are there twice")
    return found


def _value(sql: Connection, query: str) -> int:
    row = sql.execute(query).fetchone()
    if row is None:
        raise AssertionError(f"no row for {query}")
    return int(str(row[0]))
