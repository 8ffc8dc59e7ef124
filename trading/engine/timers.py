"""Timers: when orders expire and when dead man's switches fire, by event time.

A heap of (due, number, account): the number is the order's, account 0; or that of the event that set the account's switch.
What was disarmed stays in the heap until it is due, or until there is more of it than of what is armed.
"""

from heapq import heapify, heappop, heappush
from typing import Final

NEVER_US: Final = (1 << 61) - 1
SLACK: Final = 64

Timer = tuple[int, int, int]


class Timers:
    """``next_us``: before it nothing is due. Setting and firing are O(log n)."""

    __slots__ = ("_armed", "_heap", "next_us")

    def __init__(self) -> None:
        self._heap: list[Timer] = []
        self._armed: dict[int, Timer] = {}
        """By order number, or minus the account whose switch it is."""
        self.next_us = NEVER_US

    def set_expiry(self, order: int, due_us: int) -> None:
        self._set(order, (due_us, order, 0))

    def set_switch(self, account: int, due_us: int, seq: int) -> None:
        self._set(-account, (due_us, seq, account))

    def clear_expiry(self, order: int) -> None:
        self._armed.pop(order, None)
        self._tidy()

    def clear_switch(self, account: int) -> None:
        self._armed.pop(-account, None)
        self._tidy()

    def take_due(self, at_us: int) -> Timer | None:
        """Takes out the first timer that is due, if any."""
        heap = self._heap
        due: Timer | None = None
        while due is None and heap and heap[0][0] <= at_us:
            timer = heappop(heap)
            key = _key(timer)
            if self._armed.get(key) == timer:
                del self._armed[key]
                due = timer
        self.next_us = heap[0][0] if heap else NEVER_US
        return due

    def switches(self) -> list[tuple[int, int, int]]:
        """(account, due, event that set it) of every armed switch, by account."""
        return sorted((account, due_us, seq) for due_us, seq, account in self._armed.values() if account)

    def next_armed_us(self) -> int | None:
        """When something is next due; None: nothing will be. O(n) after much was disarmed, else O(1)."""
        if self._heap and self._armed.get(_key(self._heap[0])) != self._heap[0]:
            self._rebuild()
        return self._heap[0][0] if self._heap else None

    def _set(self, key: int, timer: Timer) -> None:
        self._armed[key] = timer
        heappush(self._heap, timer)
        self.next_us = self._heap[0][0]
        self._tidy()

    def _tidy(self) -> None:
        if len(self._heap) > 2 * len(self._armed) + SLACK:
            self._rebuild()

    def _rebuild(self) -> None:
        self._heap = list(self._armed.values())
        heapify(self._heap)
        self.next_us = self._heap[0][0] if self._heap else NEVER_US


def _key(timer: Timer) -> int:
    return -timer[2] if timer[2] else timer[1]
