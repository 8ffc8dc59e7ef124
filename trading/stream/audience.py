"""Who hears a public feed. A message is kept once for all; each reader has a place in what is kept.

Runs on the event loop. A reader that keeps up is written to as messages come, with all that it has not had in one write; of many
readers only some at a turn of the loop, so that orders are answered in between. One that does not take what it is sent costs
nothing until it can take more: its own task then asks for what it missed. If that is not kept any more, it is closed with 4008.
"""

import asyncio
from collections import deque
from collections.abc import Iterator
from itertools import islice

from .client import CLOSE_SLOW_READER, OUTBOX_LIMIT, OUTBOX_LIMIT_BYTES, Client, frame_of

SLICE = 64
"""Readers that are written to at a turn of the loop."""
MISSED_AT_ONCE = 100


class Audience:
    """Messages have numbers, from 0. ``_first`` is that of the oldest that is kept, ``_next`` that of the one to come."""

    def __init__(self) -> None:
        self._texts: deque[str] = deque()
        self._characters = 0
        self._first = self._next = 0
        self._current: dict[Client, int] = {}
        """Who keeps up, and which message is its next."""
        self._late: dict[Client, int] = {}
        """Who does not, likewise."""
        self._frames: dict[int, bytes] = {}
        """From that message to the last."""
        self._round: Iterator[Client] | None = None
        self._told = 0
        """The round that is under way tells what came before this message."""

    def __bool__(self) -> bool:
        return bool(self._current or self._late)

    def add(self, client: Client) -> None:
        """The client hears what comes from now on."""
        self._late.pop(client, None)
        self._current[client] = self._next

    def discard(self, client: Client) -> None:
        self._current.pop(client, None)
        self._late.pop(client, None)

    def post(self, text: str) -> None:
        self._texts.append(text)
        self._characters += len(text)
        self._next += 1
        self._frames.clear()
        if self._round is None:
            self._begin_round()
            self._go_on()

    def missed(self, client: Client) -> list[str]:
        """What a late client is to be sent next; nothing once it has all, and is written to again as messages come."""
        at = self._late.get(client)
        if at is None:
            return []
        texts = list(islice(self._texts, at - self._first, at - self._first + MISSED_AT_ONCE))
        if texts:
            self._late[client] = at + len(texts)
        else:
            del self._late[client]
            self._current[client] = at
        return texts

    def _begin_round(self) -> None:
        self._round, self._told = iter(list(self._current)), self._next

    def _go_on(self) -> None:
        """Writes to the next readers of the round; after the last, begins another if messages came meanwhile."""
        chosen = list(islice(self._round or (), SLICE))
        for client in chosen:
            self._write(client)
        if len(chosen) < SLICE:
            self._forget()
            if self._told == self._next:
                self._round = None
                return
            self._begin_round()
        asyncio.get_running_loop().call_soon(self._go_on)

    def _write(self, client: Client) -> None:
        at = self._current.get(client, self._next)
        if at == self._next:
            return
        if client.write_at_once(self._frames_from(at)):
            self._current[client] = self._next
        else:
            del self._current[client]
            self._late[client] = at
            client.fall_behind(self)

    def _frames_from(self, at: int) -> bytes:
        frames = self._frames.get(at)
        if frames is None:
            frames = b"".join(frame_of(text) for text in islice(self._texts, at - self._first, None))
            self._frames[at] = frames
        return frames

    def _forget(self) -> None:
        """Drops what all have, and beyond the limits what some have not: they are closed."""
        if not self._late and self._told == self._next:
            self._texts.clear()
            self._first, self._characters = self._next, 0
            return
        first = self._first
        while len(self._texts) > OUTBOX_LIMIT or self._characters > OUTBOX_LIMIT_BYTES:
            self._characters -= len(self._texts.popleft())
            self._first += 1
        if self._first > first:
            for places in (self._late, self._current):
                for client in [client for client, at in places.items() if at < self._first]:
                    del places[client]
                    client.close(CLOSE_SLOW_READER)
