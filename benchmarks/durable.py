"""Durable orders per second below the web layer: journal, engine and projection, and how fast a journal is replayed.

Orders are handed to the engine thread as a web process does, IN_FLIGHT at a time; the clock stops when the last of them
is committed, applied, and written to the read models and the books.
"""

import random
import threading
import time
from statistics import median

import psycopg

from benchmarks.flow import draw
from trading.engine.commands import Command, Credit, Event, PlaceOrder
from trading.engine.engine import Engine
from trading.journal.append import append
from trading.journal.read import head_seq, records_between
from trading.journal.records import decode, draft, new_command_id
from trading.projections.projector import Projector
from trading.replica import Publication, Replica, ReplicaSettings, Submission

ORDERS = 30_000
IN_FLIGHT = 500
ACCOUNTS = range(1001, 1101)
RUNS = 3


def run(url: str) -> dict[str, float]:
    _fund(url)
    return {
        "durable_orders_per_s": median(_orders(url, seed) for seed in range(RUNS)),
        "replay_events_per_s": median(_replay(url) for _ in range(RUNS)),
    }


def _fund(url: str) -> None:
    stakes: list[Command] = [
        Credit(account=account, asset=asset, amount_atoms=10**17, source="faucet", reference="benchmark")
        for account in ACCOUNTS
        for asset in ("BTC", "USD")
    ]
    with psycopg.connect(url, autocommit=True) as connection:
        drafts = [draft(one, command_id=new_command_id(), request_id="benchmark") for one in stakes]
        append(connection, drafts, now_us=time.time_ns() // 1000)


def _orders(url: str, seed: int) -> float:
    places = threading.Semaphore(IN_FLIGHT)
    caught_up, projected = threading.Event(), threading.Event()
    last = 0

    def on_publication(publication: Publication) -> None:
        nonlocal last
        for _, answer in publication.answers:
            last = max(last, answer.seq)
            places.release()

    def on_progress(seq: int) -> None:
        if seq >= last:
            projected.set()

    projector = Projector(url, on_progress=on_progress, on_stopped=lambda error: None)
    replica = Replica(
        ReplicaSettings(conninfo=url, poll_s=0.01, batch_limit=1000, inbox_limit=10_000),
        restore_at_most=lambda: projector.seq,
        on_caught_up=lambda _: caught_up.set(),
        publish=on_publication,
        project=projector.project,
        on_restored=lambda fold: projector.know(market.definition for market in fold.engine.markets.values()),
        on_stopped=lambda error: None,
    )
    projector.start()
    replica.start()
    caught_up.wait()
    rng = random.Random(seed)
    start = time.perf_counter()
    for _ in range(ORDERS):
        order = draw(rng)
        command = PlaceOrder(
            account=rng.choice(ACCOUNTS),
            market="BTC/USD",
            side=order.side,  # type: ignore[arg-type]
            type="limit",
            time_in_force=order.time_in_force,  # type: ignore[arg-type]
            price_ticks=order.price_ticks,
            quantity_lots=order.quantity_lots,
        )
        places.acquire()
        one = draft(command, command_id=new_command_id(), request_id="benchmark")
        replica.submit(Submission(one, None))  # type: ignore[arg-type]
    for _ in range(IN_FLIGHT):
        places.acquire()
    while projector.seq < last:
        projected.wait(0.01)
    elapsed_s = time.perf_counter() - start
    replica.stop()
    projector.stop()
    return ORDERS / elapsed_s


def _replay(url: str) -> float:
    """Events per second from the database to the engine's state: read, decode, fold."""
    start = time.perf_counter()
    engine = Engine()
    with psycopg.connect(url, autocommit=True) as connection:
        last = head_seq(connection)
        for record in records_between(connection, 0, last):
            engine.apply(Event(seq=record.seq, at_us=record.at_us, command=decode(record)))
    return last / (time.perf_counter() - start)
