"""The inbox of the engine thread: commands that wait for the journal, bounded, cancels before new orders.

Any thread puts, the engine thread takes. A cancel never waits behind a queue of new orders, and is not refused because of
one: it has a bound of its own. Asleep, the taker is woken by a command or by news on the database connection.
"""

import collections
import os
import select
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Overloaded(Exception):
    """The inbox is full; nothing was accepted."""


class Inbox(Generic[T]):
    """``limit`` bounds the urgent and the others, each. ``is_joined`` says of an item that the next one leaves with it."""

    def __init__(self, limit: int, is_joined: Callable[[T], bool] = lambda item: False) -> None:
        self._limit = limit
        self._is_joined = is_joined
        self._urgent: collections.deque[T] = collections.deque()
        self._others: collections.deque[T] = collections.deque()
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._asleep = False

    def __len__(self) -> int:
        return len(self._urgent) + len(self._others)

    def put(self, *items: T, urgent: bool, exempt: bool = False) -> None:
        """Puts the items in, with nothing between them. ``exempt``: accepted beyond the bound too, up to the same number
        again. Raises Overloaded, nothing accepted.
        """
        queue = self._urgent if urgent else self._others
        if len(queue) + len(items) > self._limit * (1 + exempt):
            raise Overloaded(f"{len(queue)} commands wait already")
        queue.extend(items)  # at once, for the taker too: it never sees the first of them alone
        if self._asleep:
            self._asleep = False  # so that others need not ring too; before it, for the taker may soon sleep again
            self.ring()

    def waiting(self) -> tuple[T, ...]:
        """What waits and is not urgent, as it is at this moment. Any thread."""
        return tuple(self._others)

    def ring(self) -> None:
        """Wakes the taker. Any thread."""
        os.eventfd_write(self._bell, 1)

    def take(self, limit: int) -> list[T]:
        """At most ``limit`` items, and what is joined to the last: the urgent first, but half of the places are kept for
        the others.
        """
        batch = self._take(self._urgent, limit - min(len(self._others), limit // 2))
        return batch + self._take(self._others, max(limit - len(batch), 0))

    def _take(self, queue: collections.deque[T], limit: int) -> list[T]:
        items = [queue.popleft() for _ in range(min(limit, len(queue)))]
        while items and self._is_joined(items[-1]):
            items.append(queue.popleft())
        return items

    def wait(self, timeout_s: float, *file_descriptors: int) -> None:
        """Sleeps until there is something to take, one of the descriptors can be read, or the time is over."""
        self._asleep = True
        try:
            if not len(self):
                poll = select.poll()
                for descriptor in (self._bell, *file_descriptors):
                    poll.register(descriptor, select.POLLIN)
                poll.poll(timeout_s * 1000)
        finally:
            self._asleep = False
        try:
            os.eventfd_read(self._bell)
        except BlockingIOError:
            return

    def __del__(self) -> None:
        os.close(self._bell)
