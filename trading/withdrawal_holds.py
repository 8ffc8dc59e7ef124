"""What became of the commands that hold, release and settle withdrawals, by the read models. None: they have not come so far."""

import psycopg

Connection = psycopg.Connection[tuple[object, ...]]


def was_held(connection: Connection, seq: int) -> bool | None:
    """Whether the HoldWithdrawal of this event took what it asked for."""
    return _known(connection, "held_seq", seq)


def has_ended(connection: Connection, seq: int) -> bool | None:
    """Whether the ReleaseWithdrawal or SettleWithdrawal of this event ended a hold."""
    return _known(connection, "ended_seq", seq)


def _known(connection: Connection, column: str, seq: int) -> bool | None:
    row = connection.execute(
        f"SELECT c.seq >= %(seq)s, EXISTS (SELECT FROM withdrawal_hold WHERE {column} = %(seq)s)"
        " FROM projection_checkpoint c",
        {"seq": seq},
    ).fetchone()
    return bool(row[1]) if row is not None and row[0] else None
