"""What must hold when a soak is over: the exchange, its read models and its customers agree, and nothing is left behind."""

import asyncio
from collections.abc import Sequence

import httpx
import psycopg

from tests.fixtures import manage
from tests.server import Server, wait_until

from .crowd import BOOKS, Crowd
from .customer import CANCELS, EXPECTED, OPEN_LIMIT, TOLD, Customer
from .findings import Findings
from .listener import UNCUT
from .mix import MARKET
from .trend import Sample

ORPHANS = "open orders by API, in the read model and as their owners believe are the same"
BOUNDED = "the book stays within what its customers leave open"
EMPTY = "after everybody cancelled everything the book is empty"
VERIFIED = "manage.py verify finds nothing wrong"
CHECKS = (EXPECTED, CANCELS, TOLD, UNCUT, BOOKS, ORPHANS, BOUNDED, EMPTY, VERIFIED)


async def check_orders(crowd: Crowd, servers: Sequence[Server], findings: Findings) -> None:
    """When nobody asks for anything any more: who believes what; then everybody cancels everything."""
    await asyncio.to_thread(_wait_until_projected, servers)
    await crowd.drain()
    in_database = _open_in_database(servers[0].database_url)
    believed: set[str] = set()
    for customer in crowd.customers:
        listed = await customer.listed_orders()
        if listed != set(customer.open_orders):
            findings.add(ORPHANS, f"{sorted(listed ^ set(customer.open_orders))} are open for one side only")
        if customer.untold:
            findings.add(TOLD, f"{sorted(customer.untold)} were closed in silence")
        believed |= set(customer.open_orders)
    if believed != in_database:
        findings.add(ORPHANS, f"{sorted(believed ^ in_database)} are open in the read model only, or not there")
    for customer in crowd.customers:
        await customer.cancel_all()
        await customer.look_into_races()
    await asyncio.to_thread(_wait_until_projected, servers)
    left = _open_in_database(servers[0].database_url)
    for server in servers:
        book = httpx.get(f"{server.url}/public/orderbook", params={"market": MARKET}).json()
        if book["bids"] or book["asks"] or left:
            findings.add(EMPTY, f"{len(left)} orders are open, the book is {book}")


def check_book(open_orders: Sequence[Sample], customers: Sequence[Customer], findings: Findings) -> None:
    most = max(value for _, value in open_orders)
    if most > OPEN_LIMIT * len(customers):
        findings.add(BOUNDED, f"{most:.0f} orders rested")


def check_journal(url: str, findings: Findings) -> None:
    told = manage("verify", url=url, check=False)
    if told.returncode:
        findings.add(VERIFIED, told.stdout + told.stderr)


def _open_in_database(url: str) -> set[str]:
    with psycopg.connect(url, autocommit=True) as connection:
        return {str(row[0]) for row in connection.execute("SELECT id FROM trading_order WHERE status = 'open'")}


def _wait_until_projected(servers: Sequence[Server]) -> None:
    """Until every server has applied the whole journal, and the read models have it."""

    def all_there() -> bool:
        answers = [httpx.get(f"{server.url}/health/ready").json() for server in servers]
        with psycopg.connect(servers[0].database_url, autocommit=True) as connection:
            row = connection.execute("SELECT seq FROM journal_head").fetchone()
        heads = {row[0] if row else 0, *(one["sequence"] for one in answers)}
        return len(heads) == 1 and all(one["projected_sequence"] in heads for one in answers)

    wait_until(all_there, limit_s=60, what="every server and the read models have the whole journal")
