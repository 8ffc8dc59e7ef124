"""A load generator of its own process: ``python -m benchmarks.load rest|paced|keys|stream PORT CONNECTIONS SECONDS``, a JSON line.

From its standard input it reads tokens (of sessions, for stream of the stream), or keys (``benchmarks.signing``).

Each connection sends an order, waits for its answer, sends the next. Answers of status 201 (or success) are counted,
everything else is named. A connection whose account has OPEN_LIMIT orders open cancels them all, uncounted.
"""

import asyncio
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import uvloop
from websockets.asyncio.client import connect

from benchmarks.connection import Connection
from benchmarks.flow import FlowOrder, draw
from benchmarks.signing import signer

OPEN_LIMIT = 20
STREAM_IN_FLIGHT = 16
PACED_CONNECTIONS, PACED_ORDERS_PER_S = 64, 5_000


@dataclass(slots=True)
class Measured:
    """What the connections saw together; latencies in seconds."""

    latencies_s: list[float] = field(default_factory=list)
    other: Counter[str] = field(default_factory=Counter)

    def report(self, elapsed_s: float) -> dict[str, object]:
        ordered = sorted(self.latencies_s)
        count = len(ordered)
        return {
            "orders_per_s": count / elapsed_s,
            "p50_ms": ordered[count // 2] * 1000,
            "p99_ms": ordered[count * 99 // 100] * 1000,
            "other": dict(self.other),
        }


async def session_connection(port: int, token: str, seed: int, end: float, measured: Measured) -> None:
    await rest_orders(await Connection.open(port, token), seed, end, measured)


async def key_connection(port: int, key: dict[str, str], seed: int, end: float, measured: Measured) -> None:
    await rest_orders(await Connection.open(port, sign=signer(key, str(seed))), seed, end, measured)


async def rest_orders(connection: Connection, seed: int, end: float, measured: Measured) -> None:
    """One order under way at a time."""
    rng = random.Random(seed)
    open_orders = 0
    while time.perf_counter() < end:
        order = draw(rng)
        body = (
            f'{{"market":"BTC/USD","side":"{order.side}","type":"limit","price":"{order.price}",'
            f'"quantity":"{order.quantity}","time_in_force":"{order.time_in_force}"}}'
        ).encode()
        sent = time.perf_counter()
        status, answer = await connection.call("POST", "/trade/orders", body)
        if status == 201:
            measured.latencies_s.append(time.perf_counter() - sent)
            open_orders += b'"status":"open"' in answer
        else:
            measured.other[json.loads(answer).get("code", "?")] += 1
        if open_orders >= OPEN_LIMIT:
            await connection.call("DELETE", "/trade/orders")
            open_orders = 0
    connection.close()


async def paced_connection(port: int, token: str, seed: int, end: float, measured: Measured) -> None:
    """Orders when they are due, PACED_ORDERS_PER_S of all connections together; counted from then, not from when they were sent."""
    connection = await Connection.open(port, token)
    rng, period_s = random.Random(seed), PACED_CONNECTIONS / PACED_ORDERS_PER_S
    due = time.perf_counter() + rng.random() * period_s
    while due < end:
        await asyncio.sleep(due - time.perf_counter())
        order = draw(rng)
        body = (
            f'{{"market":"BTC/USD","side":"{order.side}","type":"limit","price":"{order.price}",'
            f'"quantity":"{order.quantity}","time_in_force":"IOC"}}'
        ).encode()
        status, answer = await connection.call("POST", "/trade/orders", body)
        if status == 201:
            measured.latencies_s.append(time.perf_counter() - due)
        else:
            measured.other[json.loads(answer).get("code", "?")] += 1
        due += period_s
    connection.close()


async def stream_connection(port: int, token: str, seed: int, end: float, measured: Measured) -> None:
    """One connection with STREAM_IN_FLIGHT orders under way."""
    rng = random.Random(seed)
    sent: dict[int, float] = {}
    open_orders = 0
    number = 0

    def message(order: FlowOrder) -> str:
        return (
            f'{{"method":"add_order","params":{{"symbol":"BTC/USD","side":"{order.side}","order_type":"limit",'
            f'"limit_price":{order.price},"order_qty":{order.quantity},'
            f'"time_in_force":"{order.time_in_force.lower()}","token":"{token}"}},"req_id":{number}}}'
        )

    async with connect(f"ws://127.0.0.1:{port}/stream", compression=None, max_queue=None) as stream:
        for number in range(1, STREAM_IN_FLIGHT + 1):
            sent[number] = time.perf_counter()
            await stream.send(message(draw(rng)))
        while sent:
            text = await stream.recv()
            if '"method":"add_order"' not in text:
                continue
            answer = json.loads(text)
            started = sent.pop(answer["req_id"])
            if answer["success"]:
                measured.latencies_s.append(time.perf_counter() - started)
                open_orders += answer["result"]["order_status"] == "open"
            else:
                measured.other[answer["code"]] += 1
            if open_orders >= OPEN_LIMIT:
                await stream.send(f'{{"method":"cancel_all","params":{{"token":"{token}"}}}}')
                open_orders = 0
            if time.perf_counter() < end:
                number += 1
                sent[number] = time.perf_counter()
                await stream.send(message(draw(rng)))


CONNECTIONS: dict[str, Callable[[int, Any, int, float, Measured], Awaitable[None]]] = {
    "rest": session_connection,
    "paced": paced_connection,
    "keys": key_connection,
    "stream": stream_connection,
}


async def main(kind: str, port: int, connections: int, seconds: float, credentials: list[Any]) -> None:
    measured = Measured()
    start = time.perf_counter()
    one, end = CONNECTIONS[kind], start + seconds
    await asyncio.gather(*(one(port, credentials[n % len(credentials)], n, end, measured) for n in range(connections)))
    print(json.dumps(measured.report(time.perf_counter() - start)))


if __name__ == "__main__":
    kind, port, connections, seconds = sys.argv[1:5]
    uvloop.run(main(kind, int(port), int(connections), float(seconds), json.loads(sys.stdin.read())))
