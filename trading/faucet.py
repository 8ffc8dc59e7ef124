"""Play money: what an account may draw from the faucet in a day."""

import datetime as dt

from psycopg import Connection

from accounts.problems import CONFLICT, Problem

from .engine.commands import Credit
from .journal.records import derived_command_id, new_command_id
from .models import FaucetGrant
from .order_requests import parse_atoms, wrong
from .problems import FAUCET_LIMIT, UNKNOWN_ASSET
from .runtime import Runtime
from .submission import read, require_open, submit

DAILY = {"BTC": 100, "ETH": 1_000, "USD": 10_000_000}
"""Whole units that an account is given in a day (UTC)."""


async def draw(
    runtime: Runtime,
    *,
    account: int,
    asset: str,
    quantity: str,
    today: dt.date,
    idempotency_key: str | None,
    request_id: str,
) -> tuple[str, int]:
    """Credits play money; returns the quantity and the sequence. Raises Problem, faucet_limit beyond the day's limit."""
    known = runtime.live.assets.get(asset)
    if known is None:
        raise Problem(UNKNOWN_ASSET, f"There is no asset {asset!r}. GET /public/assets lists all.")
    atoms = parse_atoms(known.parse, quantity, "quantity")
    if atoms == 0:
        raise wrong("quantity", "The quantity must be more than zero.")
    limit = DAILY.get(asset, 0) * 10**known.definition.decimals
    key = new_command_id() if idempotency_key is None else idempotency_key
    command_id = derived_command_id("faucet", account, key)
    await require_open(runtime, command_id)
    grant = FaucetGrant(command_id=command_id, account_id=account, asset=asset, day=today, amount_atoms=atoms)
    granted = await read(runtime, _grant, grant=grant, limit_atoms=limit)
    if granted is None:
        raise Problem(FAUCET_LIMIT, f"At most {DAILY.get(asset, 0)} {asset} per account and day.")
    if granted != (asset, atoms):
        raise Problem(CONFLICT, "This idempotency key was used for a different request.")
    credit = Credit(account=account, asset=asset, amount_atoms=atoms, source="faucet", reference=command_id)
    answer = await submit(runtime, credit, command_id=command_id, request_id=request_id)
    return known.text(atoms), answer.seq


def _grant(
    connection: Connection[tuple[object, ...]], *, grant: FaucetGrant, limit_atoms: int
) -> tuple[str, int] | None:
    """Writes the grant down if the day's limit allows it; one account at a time.

    Returns asset and atoms of what is granted under this command id, which a grant before this one may have said
    otherwise; None if nothing is.
    """
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('faucet', %s))", (grant.account_id,))
        row = connection.execute(
            "WITH given AS (SELECT coalesce(sum(amount_atoms), 0) AS atoms FROM faucet_grant"
            "  WHERE account_id = %(account)s AND asset = %(asset)s AND day = %(day)s AND command_id <> %(id)s),"
            " made AS (INSERT INTO faucet_grant (command_id, account_id, asset, day, amount_atoms)"
            "  SELECT %(id)s, %(account)s, %(asset)s, %(day)s, %(atoms)s FROM given"
            "  WHERE given.atoms + %(atoms)s <= %(limit)s ON CONFLICT DO NOTHING RETURNING asset, amount_atoms)"
            " SELECT asset, amount_atoms FROM made"
            " UNION ALL SELECT asset, amount_atoms FROM faucet_grant WHERE command_id = %(id)s",
            {
                "id": grant.command_id,
                "account": grant.account_id,
                "asset": grant.asset,
                "day": grant.day,
                "atoms": grant.amount_atoms,
                "limit": limit_atoms,
            },
        ).fetchone()
    return None if row is None else (str(row[0]), int(str(row[1])))
