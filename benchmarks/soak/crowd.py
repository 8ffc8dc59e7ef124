"""The crowd of a soak: its customers on one server or several, those who only listen, and those who sign in and out."""

import asyncio
import json
import random
from collections.abc import Callable, Sequence

from benchmarks.connection import Connection
from tests.journeys.stream_client import Book
from tests.server import PASSWORD, Server

from .customer import EXPECTED, Customer
from .findings import Findings
from .latency import Latencies
from .listener import Listener
from .mix import MARKET, draw_kind

CUSTOMERS = 32
WATCHED_DEPTHS = (10, 25)
SIGN_IN_EVERY_S = 2.0
BOOKS = "every book has the checksum that it was told"


class Crowd:
    """``latencies`` are from the moment at which a request was due, so that a stall counts for all whom it kept waiting."""

    def __init__(self, servers: Sequence[Server], findings: Findings, seed: int) -> None:
        self.customers: list[Customer] = []
        self.latencies = Latencies()
        self._servers = servers
        self._findings = findings
        self._random = random.Random(seed)
        self._listeners: list[Listener] = []

    async def gather(self) -> None:
        """Signs everybody up, and subscribes."""
        for number in range(CUSTOMERS):
            await self._join(number, self._servers[number % len(self._servers)])
        for server in self._servers:
            for depth in WATCHED_DEPTHS:
                subscription = {"channel": "book", "symbol": [MARKET], "depth": depth}
                hear = self._watch(Book(depth))
                self._listeners.append(await Listener.subscribe(server.stream_url, subscription, hear, self._findings))

    async def trade(self, rate: float, seconds: float) -> None:
        """Everybody asks for things, so many a second together, for so long."""
        until = asyncio.get_running_loop().time() + seconds
        share = rate / len(self.customers)
        signing_in = asyncio.create_task(self._sign_in_and_out())
        try:
            await asyncio.gather(*(self._follow(customer, share, until) for customer in self.customers))
        finally:
            signing_in.cancel()

    async def drain(self) -> None:
        for listener in self._listeners:
            await listener.drain()

    async def leave(self) -> None:
        for listener in self._listeners:
            await listener.close()

    async def _join(self, number: int, server: Server) -> None:
        trader = await asyncio.to_thread(server.trader, BTC="100", USD="10000000")
        token = trader.get("/session/stream-token")["token"]
        connection = await Connection.open(server.port, trader.token)
        customer = Customer(f"soak-{number}", connection, self._findings, random.Random(self._random.random()))
        subscription = {"channel": "executions", "token": token}
        self._listeners.append(await Listener.subscribe(server.stream_url, subscription, customer.hear, self._findings))
        self.customers.append(customer)

    async def _follow(self, customer: Customer, rate: float, until: float) -> None:
        """One request after the other, due at random times; one that is late is sent at once."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while (due := due + customer.rng.expovariate(rate)) < until:
            wait_s = due - loop.time()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            kind = customer.choose(draw_kind(customer.rng))
            await customer.do(kind)
            self.latencies.note(kind.name, kind.group, loop.time() - due)
            await customer.look_into_races()

    def _watch(self, book: Book) -> Callable[[str], None]:
        def hear(text: str) -> None:
            message = json.loads(text, parse_float=str)
            if message["channel"] != "book":
                return
            self._findings.books += 1
            try:
                book.apply(message)
            except AssertionError as error:
                self._findings.add(BOOKS, str(error))
            book.sequences.clear()

        return hear

    async def _sign_in_and_out(self) -> None:
        """Sessions come and go at a low rate: a password's hash costs more than a thousand orders."""
        loop = asyncio.get_running_loop()
        trader = await asyncio.to_thread(self._servers[0].trader)
        body = json.dumps({"email": trader.email, "password": PASSWORD}).encode()
        while True:
            due = loop.time()
            guest = await Connection.open(self._servers[0].port)
            status, answer = await guest.call("POST", "/session", body)
            guest.close()
            self.latencies.note("sign in", "read", loop.time() - due)
            self._findings.sign_ins += 1
            if status != 201:
                self._findings.add(EXPECTED, f"{status} to a sign-in: {answer!r}")
                return
            user = await Connection.open(self._servers[0].port, json.loads(answer)["token"])
            await user.call("DELETE", "/session")
            user.close()
            await asyncio.sleep(SIGN_IN_EVERY_S)
