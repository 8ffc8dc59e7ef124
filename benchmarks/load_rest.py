"""Orders by REST for the load generator: connections that do as little as a client can, for their core is the server's too.

Requests are ready before the clock starts, but for signatures, which hold the time. Of an answer only the status, the
length and whether the order is open are looked at. Latencies are in seconds; a connection has one order under way.
"""

import asyncio
import itertools
import json
import random
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from benchmarks.flow import FlowOrder, draw
from benchmarks.measured import Measured
from benchmarks.signing import Sign

PATH = "/trade/orders"
OPEN_LIMIT = 20
"""Orders that a connection lets stand open before it cancels all of its account, uncounted."""
TICK_S = 0.001
"""How often the paced connections look whether orders are due; the event loop's clock is no finer."""

now = time.perf_counter


class Requests:
    """The requests of one connection: its orders in the sequence in which they are drawn, and the cancel of all of them.

    ``client``: the address for which a proxy says that it asks, if it is one.
    """

    def __init__(
        self,
        token: str | None,
        sign: Sign | None,
        seed: int,
        *,
        ready: int,
        only_ioc: bool = False,
        client: str | None = None,
    ) -> None:
        lines = ["host: localhost", "content-type: application/json"]
        if token is not None:
            lines.append(f"authorization: Bearer {token}")
        if client is not None:
            lines += [f"x-forwarded-for: {client}", "x-forwarded-proto: https"]
        self._head = " HTTP/1.1\r\n{}\r\n".format("\r\n".join(lines)).encode()
        self._sign = sign
        bodies = self._bodies(random.Random(seed), only_ioc=only_ioc)
        prepared = [next(bodies) for _ in range(ready)]
        if sign is None:
            first: Iterable[bytes] = [self._request("POST", body) for body in prepared]
        else:
            first = (self._request("POST", body) for body in prepared)
        self.orders: Iterator[bytes] = itertools.chain(first, (self._request("POST", body) for body in bodies))

    def cancel_all(self) -> bytes:
        return self._request("DELETE", b"")

    def _request(self, method: str, body: bytes) -> bytes:
        signed = b"" if self._sign is None else self._sign(method, PATH, body)
        return b"%b %b%b%bcontent-length: %d\r\n\r\n%b" % (
            method.encode(),
            PATH.encode(),
            self._head,
            signed,
            len(body),
            body,
        )

    def _bodies(self, rng: random.Random, *, only_ioc: bool) -> Iterator[bytes]:
        while True:
            order: FlowOrder = draw(rng)
            yield (
                f'{{"market":"BTC/USD","side":"{order.side}","type":"limit","price":"{order.price}",'
                f'"quantity":"{order.quantity}","time_in_force":"{"IOC" if only_ioc else order.time_in_force}"}}'
            ).encode()


class RestConnection(asyncio.Protocol):
    """Sends an order, waits for its answer, sends the next, until ``end``. ``done`` is set when it has ended."""

    def __init__(self, requests: Requests, measured: Measured) -> None:
        self.requests = requests
        self.measured = measured
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._end = 0.0
        self._since = 0.0
        self._open_orders = 0
        self._is_cancelling = False
        self._begun = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionResetError("the server closed a connection"))

    def begin(self, end: float) -> None:
        self._end = end
        self.go_on()

    def go_on(self) -> None:
        """What is to be done with nothing under way."""
        if now() >= self._end:
            self.finish()
        else:
            self.send_order(now())

    def send_order(self, since: float) -> None:
        """``since``: from when on its latency counts."""
        self._since = since
        self._transport.write(next(self.requests.orders))

    def finish(self) -> None:
        self.done.set_result(None)
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        if self._begun:
            data = self._begun + data
        body = data.find(b"\r\n\r\n") + 4
        if body < 4 or len(data) < body + _content_length(data, body):
            self._begun = data
            return
        self._begun = b""
        self._answered(data, body)

    def _answered(self, data: bytes, body: int) -> None:
        if self._is_cancelling:
            self._is_cancelling = False
        elif data[9:12] == b"201":
            self.measured.latencies_s.append(now() - self._since)
            self._open_orders += data.find(b'"status":"open"', body) > 0
        else:
            self.measured.other[json.loads(data[body:]).get("code", "?")] += 1
        if self._open_orders >= OPEN_LIMIT:
            self._open_orders = 0
            self._is_cancelling = True
            self._transport.write(self.requests.cancel_all())
        else:
            self.go_on()


class PacedConnection(RestConnection):
    """Sends orders when they are due, as soon as the one before is answered; their latencies count from when they were due."""

    def __init__(self, requests: Requests, measured: Measured) -> None:
        super().__init__(requests, measured)
        self._due: deque[float] = deque()
        self._is_free = True
        self._is_last = False

    def order_due(self, at: float) -> None:
        self._due.append(at)
        if self._is_free:
            self.measured.late_s.append(now() - at)
            self.go_on()

    def no_more(self) -> None:
        self._is_last = True
        if self._is_free:
            self.finish()

    def go_on(self) -> None:
        self._is_free = not self._due
        if self._due:
            self.send_order(self._due.popleft())
        elif self._is_last:
            self.finish()


async def pace(connections: Sequence[PacedConnection], rng: random.Random, rate: int, seconds: float) -> None:
    """Has each connection send at its own moments, all together ``rate`` orders a second, whatever the answers do."""
    period_s = len(connections) / rate
    phases = sorted((rng.random() * period_s, number) for number in range(len(connections)))
    start = now()
    schedule = ((start + lap * period_s + phase, number) for lap in itertools.count() for phase, number in phases)
    due, number = next(schedule)
    while due < start + seconds:
        while due <= now():
            connections[number].order_due(due)
            due, number = next(schedule)
        await asyncio.sleep(TICK_S)
    for connection in connections:
        connection.no_more()


def _content_length(data: bytes, end: int) -> int:
    """Trading's realms write names in small letters; without a length there is no body."""
    start = data.find(b"content-length: ", 0, end)
    return 0 if start < 0 else int(data[start + 16 : data.index(b"\r", start)])
