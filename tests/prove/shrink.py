"""Shrinking: out of events that end in a difference, few and simple ones that still do.

Events are taken out in ever smaller chunks as long as the difference stays, then their fields are made simpler. Taking one
out moves the numbers of all that follow, so what refers to an order is made to refer to it by its new number. Any
difference counts, for a smaller one that is another is as good a find.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import MISSING, fields, replace
from typing import Any

from trading.engine.commands import (
    AmendOrder,
    CancelOrder,
    CancelReplace,
    Command,
    DefineMarket,
    Event,
    FeeTier,
    PlaceOrder,
)
from trading.engine.engine import Engine
from trading.engine.numbers import leg_number, leg_of, parent_number
from trading.tests.engine.comparison import Apply, Comparison, Difference

NOWHERE = 0
"""What refers to an order whose event was taken out refers to this: there is none."""
FREE = (FeeTier(maker_ppm=0, taker_ppm=0),)
SMALLER = (1, 2, 5, 10)
LOOKS = 100
"""So often the whole state and a snapshot are looked at where the outcomes alone do not show the difference."""


class Shrinker:
    """``apply``: how the engine applies an event. ``seconds``: how long it may take; then it has what it has."""

    def __init__(self, apply: Apply = Engine.apply, seconds: float = 300.0) -> None:
        self._apply = apply
        self._deadline_s = time.monotonic() + seconds
        self._looks = 1
        self.difference = ""

    def shrink(self, events: Sequence[Event]) -> list[Event]:
        """Raises ValueError if the events end in no difference."""
        steps = list(events)
        if not self._differs(steps):
            self._looks = LOOKS
            if not self._differs(steps):
                raise ValueError("these events come to the same")
        before: list[Event] = []
        while before != steps:
            before = steps
            steps = self._simpler(self._fewer(steps))
        return renumbered(steps)

    def _differs(self, steps: list[Event]) -> bool:
        every = 1 + len(steps) // self._looks
        comparison = Comparison(every, every, self._apply)
        events = renumbered(steps)
        try:
            for event in events:
                comparison.apply(event)
            if events:
                comparison.check(events[-1])
        except Difference as difference:
            self.difference = str(difference)
            return True
        return False

    def _accepts(self, steps: list[Event]) -> bool:
        return time.monotonic() < self._deadline_s and self._differs(steps)

    def _fewer(self, steps: list[Event]) -> list[Event]:
        size = len(steps) // 2
        while size:
            place = 0
            while place < len(steps):
                candidate = steps[:place] + steps[place + size :]
                if self._accepts(candidate):
                    steps = candidate
                else:
                    place += size
            size //= 2
        return steps

    def _simpler(self, steps: list[Event]) -> list[Event]:
        for place in range(len(steps)):
            steps = self._sooner(self._simplest(steps, place), place)
        return steps

    def _simplest(self, steps: list[Event], place: int) -> list[Event]:
        """The events with one command made simpler as long as that goes."""
        tried: Iterator[Command] = simpler_commands(steps[place].command)
        while (command := next(tried, None)) is not None:
            candidate = [*steps[:place], steps[place]._replace(command=command), *steps[place + 1 :]]
            if self._accepts(candidate):
                steps, tried = candidate, simpler_commands(command)
        return steps

    def _sooner(self, steps: list[Event], place: int) -> list[Event]:
        """The events without the wait before one of them, if it does not matter."""
        wait_us = steps[place].at_us - (steps[place - 1].at_us if place else 0)
        candidate = steps[:place] + [event._replace(at_us=event.at_us - wait_us) for event in steps[place:]]
        return candidate if wait_us and self._accepts(candidate) else steps


def renumbered(steps: Sequence[Event]) -> list[Event]:
    """As events from 1. Each step still has the sequence number that it had in the flow."""
    numbers = {step.seq: seq for seq, step in enumerate(steps, start=1)}
    return [Event(seq, step.at_us, _referring(step.command, numbers)) for seq, step in enumerate(steps, start=1)]


def _referring(command: Command, numbers: dict[int, int]) -> Command:
    if not isinstance(command, (CancelOrder, AmendOrder, CancelReplace)):
        return command
    parent = numbers.get(parent_number(command.order), NOWHERE)
    return replace(command, order=leg_number(parent, leg_of(command.order)))


def simpler_commands(command: Command) -> Iterator[Command]:
    """The command with one thing simpler at a time."""
    if isinstance(command, DefineMarket) and command.fee_tiers != FREE:
        yield replace(command, fee_tiers=FREE)
    if isinstance(command, CancelReplace):
        for place in simpler_commands(command.place):
            if isinstance(place, PlaceOrder):
                yield replace(command, place=place)
    if isinstance(command, PlaceOrder) and command.options is not None:
        if command.time_in_force == "GTD":
            yield replace(command, time_in_force="GTC", options=replace(command.options, expires_at_us=None))
        yield replace(command, options=None)
        yield from (replace(command, options=options) for options in _simpler_fields(command.options))
    if isinstance(command, (PlaceOrder, DefineMarket, AmendOrder)):
        yield from _simpler_fields(command)


def _simpler_fields(value: Any) -> Iterator[Any]:
    """The value with one field at its default, or a smaller number in it."""
    for field in fields(value):
        content = getattr(value, field.name)
        if field.default is not MISSING and content != field.default:
            yield replace(value, **{field.name: field.default})
        if type(content) is int and field.name not in ("account", "order"):
            yield from (replace(value, **{field.name: number}) for number in SMALLER if number < content)
