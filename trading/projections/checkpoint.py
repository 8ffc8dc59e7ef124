"""The checkpoint of the read models and the books: up to which event they are written."""

import psycopg

Connection = psycopg.Connection[tuple[object, ...]]


class CheckpointLost(Exception):
    """The checkpoint is not where this projector left it: another one writes, or an unknown outcome was a success."""


class OutcomesDiffer(Exception):
    """The same events came to something else in another process. One of the two must not go on."""


def read_checkpoint(connection: Connection) -> int:
    """Up to which event the read models and the books are written."""
    row = connection.execute("SELECT seq FROM projection_checkpoint").fetchone()
    match row:
        case (int(seq),):
            return seq
    raise CheckpointLost(f"projection_checkpoint holds {row!r}")
