"""Cases: events as JSON lines, to be read and replayed. The first line says what the case is about.

A field that has its default is left out, at any depth. Sequence numbers are the lines' own, from 1.
"""

import json
from collections.abc import Iterable
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any

import msgspec

from trading.engine.commands import KINDS, Event


def write(path: Path, about: str, events: Iterable[Event]) -> None:
    lines = [json.dumps({"about": about})]
    for event in events:
        body = {"at_us": event.at_us, type(event.command).__name__: _plain(event.command)}
        lines.append(json.dumps(body))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def read(path: Path) -> list[Event]:
    _, *lines = path.read_text().splitlines()
    return [_event(seq, json.loads(line)) for seq, line in enumerate(lines, start=1)]


def _event(seq: int, line: dict[str, Any]) -> Event:
    at_us = line.pop("at_us")
    ((kind, body),) = line.items()
    return Event(seq, at_us, msgspec.convert(body, KINDS[kind]))


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if not is_dataclass(value):
        return value
    contents = [(field, getattr(value, field.name)) for field in fields(value)]
    return {
        field.name: _plain(content)
        for field, content in contents
        if field.default is MISSING or content != field.default
    }
