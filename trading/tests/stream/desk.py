"""A serving process with its channels, clients that keep what they are sent, and traders of every order type."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

from trading.applied import Applied
from trading.engine.commands import Command
from trading.journal.records import derived_command_id, new_command_id
from trading.publications import Publication
from trading.runtime import Runtime
from trading.stream.channels import Channels
from trading.stream.client import Client
from trading.tests.all_types import ACCOUNTS, OPENING, Traders
from trading.tests.world import do, serving

Message = dict[str, Any]


class Desk:
    """``on_batch`` are called after each batch, when all that it makes has been posted."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.channels = Channels(runtime)
        self.on_batch_calls: list[Callable[[], None]] = []
        runtime.observers.append(self)

    def on_event(self, event: Applied) -> None:
        self.channels.on_event(event)

    def on_batch(self, publication: Publication) -> None:
        self.channels.on_batch(publication)
        for call in self.on_batch_calls:
            call()

    async def trade(self, traders: Traders, rounds: int, together: int) -> None:
        """Commands of every kind, ``together`` in one batch each round."""
        for _ in range(rounds):
            known = [order for account in ACCOUNTS for order in self.runtime.live.open_orders(account)]
            commands: list[tuple[str, Command]] = [(new_command_id(), traders.command(known)) for _ in range(together)]
            await self.runtime.submit_together(commands, request_id="test")


class Listener:
    """A client that reads all it is sent."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.client = Client(self._send)
        self._writing = asyncio.ensure_future(self.client.write())

    async def _send(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "websocket.send":
            self.messages.append(json.loads(message["text"], parse_float=str))

    def post(self, text: str) -> None:
        self.client.post(text)

    async def take(self) -> list[Message]:
        """What came since the last time."""
        await self.client.room()
        taken, self.messages = self.messages, []
        return taken

    def close(self) -> None:
        self._writing.cancel()


@asynccontextmanager
async def opened() -> AsyncIterator[Desk]:
    """A desk on Django's database, with the markets and the money of ``all_types``."""
    async with serving() as runtime:
        for command in OPENING:
            await do(runtime, command, derived_command_id("all types", repr(command)))
        yield Desk(runtime)
