"""Funds from one trading account to another: between one's own, or to another person by e-mail. On the event loop.

The money moves by one command, so whole or not at all. To other people there is a limit per account and day, written
down before the command (``TransferGrant``), and addresses cannot be tried out: who asks must have the funds and is counted,
and for every address that cannot be paid the answer is the same.
"""

import datetime as dt

from django.conf import settings
from psycopg import Connection

import ledger.queries
from accounts.authentication import Principal
from accounts.database import in_database
from accounts.problems import CONFLICT, INVALID_PARAMETER, UNKNOWN_ACCOUNT, Problem
from accounts.recipients import find_recipient
from accounts.suspensions import require_withdrawing_of
from accounts.throttling import TRANSFER

from . import submission
from .engine.commands import TransferFunds
from .engine.outcomes import CommandRejected, Reason
from .instruments import Asset
from .journal.records import derived_command_id
from .models import TransferGrant
from .order_requests import parse_atoms, wrong
from .problems import TRANSFER_LIMIT, UNKNOWN_ASSET, UNKNOWN_RECIPIENT, refused
from .publications import Answer
from .runtime import Runtime
from .shapes.accounts import TransferBody
from .shapes.requests import TransferRequest

Granted = tuple[int, str, int]
"""Account of the recipient, asset, atoms."""


async def transfer(
    runtime: Runtime,
    *,
    principal: Principal,
    request: TransferRequest,
    today: dt.date,
    idempotency_key: str | None,
    request_id: str,
) -> tuple[TransferBody, bool]:
    """Carries a transfer out; returns it, and whether that was done now. Raises Problem."""
    if not idempotency_key:
        raise Problem(INVALID_PARAMETER, "Send the header Idempotency-Key: a transfer is carried out once for each.")
    if (request.to_account is None) == (request.to_email is None):
        raise wrong("to_account", "Give to_account, or to_email.")
    asset = runtime.live.assets.get(request.asset)
    if asset is None:
        raise Problem(UNKNOWN_ASSET, f"There is no asset {request.asset!r}. GET /public/assets lists all.")
    atoms = parse_atoms(asset.parse, request.quantity, "quantity")
    if atoms == 0:
        raise wrong("quantity", "The quantity must be more than zero.")
    command_id = derived_command_id("transfer", principal.account_id, idempotency_key)
    await submission.require_open(runtime, command_id)
    if request.to_account is None:
        to_account = await _allowed_recipient(runtime, principal, request, command_id, asset, atoms, today)
    else:
        to_account = _own_account(principal, request.to_account)
    command = TransferFunds(
        account=principal.account_id,
        to_account=to_account,
        asset=request.asset,
        amount_atoms=atoms,
        reference=command_id,
    )
    answer = await submission.submit(runtime, command, command_id=command_id, request_id=request_id)
    await _refuse_rejected(runtime, answer)
    body = TransferBody(
        id=command_id,
        asset=request.asset,
        quantity=asset.text(atoms),
        to_account=request.to_account,
        to_email=request.to_email,
        sequence=answer.seq,
    )
    return body, answer.applied is not None


def _own_account(principal: Principal, account: int) -> int:
    if account not in principal.accounts or account == principal.account_id:
        raise Problem(UNKNOWN_ACCOUNT, "to_account must be another one of your trading accounts.")
    return account


async def _allowed_recipient(
    runtime: Runtime,
    principal: Principal,
    request: TransferRequest,
    command_id: str,
    asset: Asset,
    atoms: int,
    today: dt.date,
) -> int:
    """The account of another person, to whom so much may be transferred today. Raises Problem."""
    granted: Granted | None = await submission.read(runtime, _granted, command_id=command_id)
    if granted is None:
        if runtime.live.balance(principal.account_id, request.asset)[0] < atoms:
            raise refused(Reason.INSUFFICIENT_FUNDS)
        await in_database(require_withdrawing_of, user_id=principal.user_id)
        await in_database(TRANSFER.check, key=str(principal.user_id))
        to_account = await in_database(find_recipient, email=request.to_email or "")
        if to_account is None or to_account in principal.accounts:
            raise Problem(
                UNKNOWN_RECIPIENT, "Nobody but you can be given anything under this address, or nobody at all."
            )
        grant = TransferGrant(
            command_id=command_id,
            account_id=principal.account_id,
            to_account_id=to_account,
            asset=request.asset,
            day=today,
            amount_atoms=atoms,
        )
        limit_atoms = asset.parse(settings.TRANSFER_DAILY_LIMITS.get(request.asset, "0"))
        granted = await submission.read(runtime, _grant, grant=grant, limit_atoms=limit_atoms)
    if granted is None:
        raise Problem(TRANSFER_LIMIT, "More than may be transferred to other people in a day.")
    if granted != (await in_database(find_recipient, email=request.to_email or ""), request.asset, atoms):
        raise Problem(CONFLICT, "This idempotency key was used for a different request.")
    return granted[0]


async def _refuse_rejected(runtime: Runtime, answer: Answer) -> None:
    """Raises Problem if the engine refused the transfer, now or when it was first asked for."""
    if answer.applied is None:
        if not await submission.read(runtime, ledger.queries.is_transfer, cause=answer.seq):
            raise refused(Reason.INSUFFICIENT_FUNDS)
        return
    for outcome in answer.applied.outcomes:
        if type(outcome) is CommandRejected:
            raise refused(outcome.reason, sequence=answer.seq)


def _granted(connection: Connection[tuple[object, ...]], *, command_id: str) -> Granted | None:
    row = connection.execute(
        "SELECT to_account_id, asset, amount_atoms FROM transfer_grant WHERE command_id = %s", (command_id,)
    ).fetchone()
    return None if row is None else (int(str(row[0])), str(row[1]), int(str(row[2])))


def _grant(connection: Connection[tuple[object, ...]], *, grant: TransferGrant, limit_atoms: int) -> Granted | None:
    """Writes the grant down if the day's limit allows it, one account at a time; returns what stands under its id."""
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('transfer', %s))", (grant.account_id,))
        connection.execute(
            "INSERT INTO transfer_grant (command_id, account_id, to_account_id, asset, day, amount_atoms)"
            " SELECT %(id)s, %(account)s, %(to)s, %(asset)s::text, %(day)s, %(atoms)s::numeric"
            "  WHERE %(atoms)s::numeric + (SELECT coalesce(sum(amount_atoms), 0) FROM transfer_grant"
            "   WHERE account_id = %(account)s AND asset = %(asset)s::text AND day = %(day)s) <= %(limit)s"
            " ON CONFLICT DO NOTHING",
            {
                "id": grant.command_id,
                "account": grant.account_id,
                "to": grant.to_account_id,
                "asset": grant.asset,
                "day": grant.day,
                "atoms": grant.amount_atoms,
                "limit": limit_atoms,
            },
        )
        return _granted(connection, command_id=str(grant.command_id))
