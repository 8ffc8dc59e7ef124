"""Snapshots of the fold in the database: a start reads the newest good one and folds only what came after.

They are a convenience: any may be deleted, and one that does not hold what its hash says, or is of another journal, is
passed over for the one before it. They are made off the hot path, by ``manage.py snapshot`` in a process of its own,
always at a checkpoint of the chain of outcomes. The newest RETAINED are kept, and the last of each of RETAINED_DAYS days.
"""

import hashlib
import logging

import psycopg

from .engine.snapshot import SnapshotInvalid, dump, load
from .fold import Fold
from .journal.read import records_between
from .outcome_chain import CHECKPOINT_EVENTS, Checkpoint, OutcomeChain

log = logging.getLogger(__name__)

Connection = psycopg.Connection[tuple[object, ...]]

RETAINED = 3
RETAINED_DAYS = 30
DAY_US = 86_400_000_000


def make(connection: Connection, *, at_most: int, now_us: int) -> Fold | None:
    """Folds from the newest snapshot to the last checkpoint not beyond event ``at_most``, and writes that down.

    None if there is one already.
    """
    last = at_most - at_most % CHECKPOINT_EVENTS
    fold = restore(connection, at_most=last)
    if fold.seq == last:
        return None
    for record in records_between(connection, fold.seq, last):
        fold.apply(record)
    save(connection, fold, now_us=now_us)
    return fold


def save(connection: Connection, fold: Fold, *, now_us: int) -> None:
    """Writes the state down, and drops the snapshots that are not to be kept. The fold must be at a checkpoint."""
    if fold.chain.last.seq != fold.seq:
        raise ValueError(f"event {fold.seq} is no checkpoint")
    body = dump(fold.engine)
    with connection.transaction():
        connection.execute(
            "INSERT INTO engine_snapshot (seq, rules, state_hash, journal_hash, outcome_chain, body, created_at_us)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            (
                fold.seq,
                fold.engine.rules,
                hashlib.sha256(body).hexdigest(),
                fold.journal_hash,
                fold.chain.last.value,
                body,
                now_us,
            ),
        )
        connection.execute(
            "DELETE FROM engine_snapshot"
            " WHERE seq NOT IN (SELECT seq FROM engine_snapshot ORDER BY seq DESC LIMIT %s)"
            "   AND seq NOT IN (SELECT max(seq) FROM engine_snapshot WHERE created_at_us > %s GROUP BY created_at_us / %s)",
            (RETAINED, now_us - RETAINED_DAYS * DAY_US, DAY_US),
        )


def restore(connection: Connection, *, at_most: int) -> Fold:
    """The fold of the newest good snapshot that is not beyond event ``at_most``; a new one if there is none."""
    while True:
        row = connection.execute(
            "SELECT s.seq, s.state_hash, s.body, s.outcome_chain, s.journal_hash, e.hash"
            "  FROM engine_snapshot s LEFT JOIN order_event e ON e.seq = s.seq"
            " WHERE s.seq <= %s ORDER BY s.seq DESC LIMIT 1",
            (at_most,),
        ).fetchone()
        if row is None:
            return Fold.new()
        try:
            fold = _restored(row)
        except SnapshotInvalid as error:
            log.warning("the snapshot at event %s %s; taking the one before", row[0], error)
            at_most = int(str(row[0])) - 1
            continue
        log.info("restored the snapshot of event %s", fold.seq)
        return fold


def _restored(row: tuple[object, ...]) -> Fold:
    """Raises SnapshotInvalid, in words that say what the snapshot is or does."""
    seq, state_hash, body, chain, journal_hash, event_hash = row
    if not isinstance(body, bytes) or hashlib.sha256(body).hexdigest() != state_hash:
        raise SnapshotInvalid("is damaged")
    if not isinstance(event_hash, bytes) or journal_hash != event_hash:
        raise SnapshotInvalid("is not of this journal")
    try:
        engine = load(body)
    except SnapshotInvalid as error:
        raise SnapshotInvalid(f"cannot be loaded ({error})") from error
    if engine.seq != seq or not isinstance(chain, bytes):
        raise SnapshotInvalid(f"is of event {engine.seq}")
    return Fold(engine, event_hash, OutcomeChain(Checkpoint(engine.seq, chain)))
