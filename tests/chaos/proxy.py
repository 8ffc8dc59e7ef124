"""A proxy between replicas and PostgreSQL that cuts connections at the COMMIT of an append.

It reads just enough of PostgreSQL's protocol to tell messages apart: after the first one, each is a byte of type, four of
length, and a body. A cut before the COMMIT is forwarded undoes the append; one after PostgreSQL has carried it out, and
before its answer is passed on, leaves the replica without an answer to something that has happened.
"""

import asyncio
import contextlib
import random
import threading
from asyncio import StreamReader, StreamWriter
from collections import Counter
from typing import Literal, Self

from psycopg.conninfo import conninfo_to_dict

SHARE = 0.03
"""The share of appends that are cut, while it cuts."""
_CHUNK = 65536
_READY = b"Z\x00\x00\x00\x05I"
"""PostgreSQL's last word in answer to a message, outside a transaction."""

Cut = Literal["before", "after"]


class CommitProxy:
    """Listens on a port of its own, in a thread of its own, while it is entered. Cuts while ``cutting`` is set."""

    def __init__(self, *, seed: int) -> None:
        self.cuts: Counter[Cut] = Counter()
        self.cutting = False
        self._socket = ""
        self._rng = random.Random(seed)
        self._port = 0
        self._listening = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._listen()), daemon=True)

    def in_front_of(self, database_url: str) -> str:
        """The address through the proxy of a database on a Unix socket. Always of the same cluster."""
        target = conninfo_to_dict(database_url)
        self._socket = f"{target['host']}/.s.PGSQL.{target['port']}"
        where = f"{target['user']}@127.0.0.1:{self._port}/{target['dbname']}"
        return f"postgresql://{where}?sslmode=disable&gssencmode=disable"

    def __enter__(self) -> Self:
        self._thread.start()
        self._listening.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join()

    async def _listen(self) -> None:
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        async with await asyncio.start_server(self._serve, "127.0.0.1", 0) as server:
            self._port = server.sockets[0].getsockname()[1]
            self._listening.set()
            await self._ended.wait()
            server.close()
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()

    async def _serve(self, client: StreamReader, to_client: StreamWriter) -> None:
        """One connection. Whatever ends one side ends the other."""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            server, to_server = await asyncio.open_unix_connection(self._socket)
            answers = asyncio.create_task(_pump(server, to_client))
            try:
                await self._forward(client, server, to_server, answers)
            finally:
                answers.cancel()
                to_server.close()
        to_client.close()

    async def _forward(
        self, client: StreamReader, server: StreamReader, to_server: StreamWriter, answers: "asyncio.Task[None]"
    ) -> None:
        to_server.write(await _message(client, type_bytes=0))
        while not answers.done():
            message = await _message(client, type_bytes=1)
            cut = self._draw(message)
            if cut is None:
                to_server.write(message)
                await to_server.drain()
                continue
            if cut == "after":
                answers.cancel()
                await asyncio.wait([answers])
                to_server.write(message)
                await server.readuntil(_READY)
            self.cuts[cut] += 1
            return

    def _draw(self, message: bytes) -> Cut | None:
        is_append = message[:1] == b"Q" and b"COMMIT" in message and b"UPDATE journal_head" in message
        if not (is_append and self.cutting and self._rng.random() < SHARE):
            return None
        return self._rng.choice(("before", "after"))


async def _message(reader: StreamReader, *, type_bytes: int) -> bytes:
    """The next whole message; the first of a connection has no type."""
    head = await reader.readexactly(type_bytes + 4)
    return head + await reader.readexactly(int.from_bytes(head[type_bytes:], "big") - 4)


async def _pump(reader: StreamReader, writer: StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while chunk := await reader.read(_CHUNK):
            writer.write(chunk)
            await writer.drain()
    writer.close()
