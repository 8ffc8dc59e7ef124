"""Custody's commands into the journal, under ids that follow from what they are for: asked again, they are there once."""

import time

import psycopg

from trading.engine.commands import Command
from trading.journal.append import append
from trading.journal.records import Record, draft, is_same

Connection = psycopg.Connection[tuple[object, ...]]

REQUEST_ID = "funding"


def append_once(connection: Connection, command: Command, command_id: str) -> Record | None:
    """The command's row, new or from before; None if the id was used for another command."""
    drafts = [draft(command, command_id=command_id, request_id=REQUEST_ID)]
    appended = append(connection, drafts, now_us=time.time_ns() // 1000)
    (record,) = appended.records or appended.repeated.values()
    return record if is_same(record, drafts[0]) else None
