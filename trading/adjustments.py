"""Balances put right by hand: a credit with a reason, or one that was given by hand taken back. On the event loop.

First the row, then the event, under an id that follows from the row: whoever dies in between asks again and it is there once.
A debit is the reversal of a credit by hand, whole: what was booked is never changed, and nobody is debited for anything else.
"""

import asyncio

import psycopg

from accounts.database import in_database
from accounts.problems import Problem

from . import adjustment_rows, submission
from .adjustment_rows import Wish
from .database import conninfo
from .engine.commands import Credit
from .engine.engine import MAXIMUM_CREDIT_ATOMS
from .engine.outcomes import Reason
from .instruments import Asset
from .journal.read import records_by_seq
from .journal.records import decode, derived_command_id
from .models import Adjustment
from .order_requests import parse_atoms, wrong
from .problems import NOT_REVERSIBLE, OUTCOME_UNKNOWN, UNKNOWN_ASSET, refused
from .reversal import NotReversible, outcome, reverse, wait_for_outcome
from .runtime import Runtime


def credit_wish(runtime: Runtime, *, account: int, asset: str, quantity: str, reason: str) -> Wish:
    """Raises Problem."""
    known: Asset | None = runtime.live.assets.get(asset)
    if known is None:
        raise Problem(UNKNOWN_ASSET, f"There is no asset {asset!r}. GET /public/assets lists all.")
    atoms = parse_atoms(known.parse, quantity, "quantity")
    if atoms == 0:
        raise wrong("quantity", "The quantity must be more than zero.")
    if atoms > MAXIMUM_CREDIT_ATOMS:
        raise refused(Reason.ABOVE_MAXIMUM)
    return Wish(kind="credit", account=account, asset=asset, amount_atoms=atoms, credit_seq=None, reason=reason)


async def debit_wish(runtime: Runtime, *, credit_seq: int, reason: str) -> Wish:
    """Of the credit by hand of this event. Raises Problem."""
    records = await submission.read(runtime, records_by_seq, numbers=[credit_seq])
    command = decode(records[credit_seq]) if credit_seq in records else None
    if not isinstance(command, Credit) or command.source != "adjustment":
        raise Problem(NOT_REVERSIBLE, f"Event {credit_seq} is no credit by hand.")
    return Wish(
        kind="debit",
        account=command.account,
        asset=command.asset,
        amount_atoms=command.amount_atoms,
        credit_seq=credit_seq,
        reason=reason,
    )


async def carry_out(runtime: Runtime, row: Adjustment, *, request_id: str) -> Adjustment:
    """What may be carried out, if that was not done yet. Raises Problem; asked again, it is tried again."""
    if row.state == "approved":
        act = _credit if row.kind == Adjustment.Kind.CREDIT else _debit
        seq = await act(runtime, row, request_id)
        await in_database(adjustment_rows.carried_out, number=row.id, event_seq=seq)
    return await in_database(adjustment_rows.with_people, number=row.id)


async def _credit(runtime: Runtime, row: Adjustment, request_id: str) -> int:
    credit = Credit(
        account=row.account_id,
        asset=row.asset,
        amount_atoms=int(row.amount_atoms),
        source="adjustment",
        reference=f"adjustment {row.id}: {row.reason}",
    )
    command_id = derived_command_id("adjustment", row.id)
    answer = await submission.submit(runtime, credit, command_id=command_id, request_id=request_id)
    if not await submission.read(runtime, outcome, seq=answer.seq):
        # Asset and amount were good when it was asked for; "done" is only said of what the books have.
        raise RuntimeError(f"adjustment {row.id}: event {answer.seq} credits nothing")
    return answer.seq


async def _debit(runtime: Runtime, row: Adjustment, request_id: str) -> int:
    reason = f"adjustment {row.id}: {row.reason}"
    seq, succeeded = await asyncio.to_thread(_reverse, int(row.credit_seq or 0), reason, request_id)
    if succeeded is None:
        raise Problem(OUTCOME_UNKNOWN, "Ask again: it is done once.", headers={"Retry-After": "1"})
    if not succeeded:
        raise refused(Reason.INSUFFICIENT_FUNDS, sequence=seq)
    return seq


def _reverse(credit_seq: int, reason: str, request_id: str) -> tuple[int, bool | None]:
    """The event, and what became of it. Raises Problem."""
    with psycopg.connect(conninfo(), autocommit=True) as connection:
        try:
            reversal = reverse(connection, credit_seq, reason=reason, request_id=request_id)
        except NotReversible as error:
            raise Problem(NOT_REVERSIBLE, str(error)) from error
        return reversal.seq, wait_for_outcome(connection, reversal.seq)
