"""The books against the journal: whether the ledger agrees with the engine, and what anybody had when."""

from collections.abc import Mapping
from dataclasses import dataclass

import psycopg

from ledger.chart import Kind
from ledger.posting import AccountKey
from ledger.queries import Position, as_int, positions_after
from trading.engine.balances import HOUSE
from trading.engine.engine import Engine
from trading.journal.read import head_seq, records_between
from trading.projections.checkpoint import read_checkpoint
from trading.snapshots import restore

Connection = psycopg.Connection[tuple[object, ...]]

OF_THE_HOUSE = (Kind.FEES, Kind.ROUNDING)
"""The kinds that together are what the engine's house has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The engine after event ``seq``, the last until the time asked for. The books are at event ``posted``.

    ``disagreements``: where the books after that event say something else; None if they have not come so far.
    """

    seq: int
    posted: int
    engine: Engine
    disagreements: list[str] | None


def standing(connection: Connection, *, at_us: int) -> Standing:
    """What everybody had at a time, by the journal, and whether the ledger agrees."""
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        row = connection.execute("SELECT max(seq) FROM order_event WHERE at_us <= %s", (at_us,)).fetchone()
        last = min(0 if row is None or row[0] is None else as_int(row[0]), head_seq(connection))
        fold, posted = restore(connection, at_most=last), read_checkpoint(connection)
        for record in records_between(connection, fold.seq, last):
            fold.apply(record)
        found = disagreements(fold.engine, positions_after(connection, last)) if posted >= last else None
        return Standing(seq=last, posted=posted, engine=fold.engine, disagreements=found)


def disagreements(engine: Engine, booked: Mapping[AccountKey, Position]) -> list[str]:
    """Where the ledger's users and its house do not have, or do not hold, what they have in the engine."""
    owned: dict[tuple[int, str], int] = {}
    held: dict[tuple[int, str], int] = {}
    for account, asset, available_atoms, held_atoms in engine.all_balances():
        owned[account, asset] = available_atoms + held_atoms
        held[account, asset] = held_atoms
    balances: dict[tuple[int, str], int] = {}
    holds: dict[tuple[int, str], int] = {}
    for (owner, asset, kind), (balance, known) in booked.items():
        if kind == Kind.USER or kind in OF_THE_HOUSE:
            key = (HOUSE if owner is None else owner, asset)
            balances[key] = balances.get(key, 0) + balance
            holds[key] = held.get(key, 0) if known is None else known
    findings = []
    for key in sorted(balances.keys() | owned.keys()):
        for verb, engines, ledgers in (("has", owned, balances), ("holds", held, holds)):
            if engines.get(key, 0) != ledgers.get(key, 0):
                findings.append(
                    f"account {key[0]} {verb} {engines.get(key, 0)} {key[1]} in the engine,"
                    f" {ledgers.get(key, 0)} in the ledger"
                )
    return findings
