"""Many rows in one statement: each column goes as one text, its values apart by a control character.

``string_to_table`` takes them apart on the server. This is what COPY would do, but several statements can travel in one
message, so a whole transaction is one round trip; between threads that share an interpreter, round trips are what costs.
"""

from collections.abc import Iterable

import psycopg
from psycopg.pq import ExecStatus, abc

from ledger.columns import apart

Connection = psycopg.Connection[tuple[object, ...]]

BY_KEY = "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off"
"""For connections that write by prepared statements: every row is found by its key.

Plans are made once, when tables may be empty and reading all of a table looks cheap. It would not stay so.
"""

WRITER_SETTINGS = "SET statement_timeout = '10s'; SET idle_in_transaction_session_timeout = '1s'"
"""For connections that write: one that waits too long starts again, and a process that was stopped in the middle of a
transaction loses it, so that it cannot hold the journal's head for ever."""


def column(values: Iterable[object]) -> str:
    """The values as one SQL constant. None becomes an empty text: let the statement make NULL of it by nullif."""
    return literal(apart(tuple(values)))


def literal(text: str) -> str:
    """A string constant of SQL, with standard_conforming_strings on (PostgreSQL's default)."""
    return "'" + text.replace("'", "''") + "'"


def rows_from(first: int, count: int) -> str:
    """The FROM item that takes apart the parameters ``first`` to ``first + count - 1`` of a prepared statement."""
    tables = ", ".join(f"string_to_table(${number}, E'\\x1e')" for number in range(first, first + count))
    return f"ROWS FROM ({tables}) WITH ORDINALITY"


def at_once(connection: Connection, statements: str) -> abc.PGresult:
    """Carries out statements without parameters; returns the result of the last. Raises psycopg.Error.

    The interpreter's lock is given away once, from sending to the last answer. psycopg's own way gives it away a dozen times,
    and where other threads are busy each time may cost the switch interval until it is had again.
    """
    pgconn = connection.pgconn
    result = pgconn.exec_(statements.encode())
    while (notification := pgconn.notifies()) is not None:
        if pgconn.notify_handler is not None:
            pgconn.notify_handler(notification)
    if result.status == ExecStatus.FATAL_ERROR:
        raise psycopg.errors.error_from_result(result)
    if result.status not in (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK):
        raise psycopg.OperationalError(f"the database answered {result.status}")
    return result
