"""Reversing a credit: a mistake is never changed, what it did is taken back by an event and an entry of their own.

Of one credit at most one reversal succeeds, whoever asks, however often and at once. An attempt's command id is made of
the credit's number and of how many attempts were refused before it, for lack of funds. So those who ask at once ask for
the same command, which the journal writes once; and the next attempt is not made before the books say what became of
the one before, which never changes.
"""

import time
from dataclasses import dataclass

import psycopg

from ledger.queries import as_int
from trading.engine.commands import Credit, ReverseCredit
from trading.journal.append import append
from trading.journal.read import records_by_seq
from trading.journal.records import decode, derived_command_id, draft

Connection = psycopg.Connection[tuple[object, ...]]

OUTCOME_WAIT_S = 5.0
OUTCOME_POLL_S = 0.05


class NotReversible(Exception):
    """There is nothing to reverse, or it cannot be said yet. The message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reversal:
    """``seq`` is the attempt's event. ``is_new``: it was appended just now. ``succeeded``: None while nobody knows."""

    seq: int
    is_new: bool
    succeeded: bool | None


def reverse(connection: Connection, credit_seq: int, *, reason: str, request_id: str) -> Reversal:
    """Asks for the reversal of the credit of this event, unless it is reversed, or being reversed.

    Raises NotReversible, with nothing written.
    """
    credit = _credit(connection, credit_seq)
    command = ReverseCredit(
        account=credit.account,
        asset=credit.asset,
        amount_atoms=credit.amount_atoms,
        source=credit.source,
        credit=credit_seq,
        reason=reason,
    )
    refused = 0
    while True:
        command_id = derived_command_id("reverse", credit_seq, refused)
        drafts = [draft(command, command_id=command_id, request_id=request_id)]
        row = connection.execute("SELECT seq FROM order_event WHERE command_id = %s::uuid", (command_id,)).fetchone()
        if row is None:
            appended = append(connection, drafts, now_us=time.time_ns() // 1000)
            (record,) = appended.records or appended.repeated.values()
            return Reversal(seq=record.seq, is_new=bool(appended.records), succeeded=None)
        seq = as_int(row[0])
        succeeded = outcome(connection, seq)
        if succeeded is not False:
            return Reversal(seq=seq, is_new=False, succeeded=succeeded)
        refused += 1


def outcome(connection: Connection, seq: int) -> bool | None:
    """Whether the event credited, or took back, by the books; None if they have not come so far.

    What timers and other orders set off may have traded in the same event; that is none of either.
    """
    row = connection.execute(
        "SELECT c.seq >= %(seq)s, EXISTS (SELECT FROM ledger_posting WHERE cause = %(seq)s"
        " AND kind NOT IN ('trade', 'fee', 'rounding', 'hold')) FROM projection_checkpoint c",
        {"seq": seq},
    ).fetchone()
    return bool(row[1]) if row is not None and row[0] else None


def wait_for_outcome(connection: Connection, seq: int) -> bool | None:
    """The outcome as soon as the books have it; None if they have not after OUTCOME_WAIT_S."""
    end = time.monotonic() + OUTCOME_WAIT_S
    while (succeeded := outcome(connection, seq)) is None and time.monotonic() < end:
        time.sleep(OUTCOME_POLL_S)
    return succeeded


def _credit(connection: Connection, seq: int) -> Credit:
    record = records_by_seq(connection, [seq]).get(seq)
    if record is None:
        raise NotReversible(f"There is no event {seq}.")
    command = decode(record)
    if not isinstance(command, Credit):
        raise NotReversible(f"Event {seq} is no credit, but {record.kind}.")
    match outcome(connection, seq):
        case None:
            raise NotReversible(f"The credit of event {seq} is not in the books yet.")
        case False:
            raise NotReversible(f"The credit of event {seq} was refused: there is nothing to reverse.")
    return command
