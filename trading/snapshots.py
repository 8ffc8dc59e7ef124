"""Snapshots of the engine in the database: a start reads the newest good one and folds only what came after.

They are a convenience: any may be deleted, and one that does not hold what its hash says is passed over for the one
before it. Written by the engine thread, when nobody waits for it: after a long catch-up before it serves, and at a stop.
"""

import hashlib
import logging

import psycopg

from .engine.engine import Engine
from .engine.snapshot import SnapshotInvalid, dump, load

log = logging.getLogger(__name__)

Connection = psycopg.Connection[tuple[object, ...]]

RETAINED = 3


def save(connection: Connection, engine: Engine, *, now_us: int) -> None:
    """Writes the engine's state down, and drops all but the newest RETAINED snapshots."""
    body = dump(engine)
    connection.execute(
        "INSERT INTO engine_snapshot (seq, state_hash, body, created_at_us) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT DO NOTHING",
        (engine.seq, hashlib.sha256(body).hexdigest(), body, now_us),
    )
    connection.execute(
        "DELETE FROM engine_snapshot WHERE seq NOT IN (SELECT seq FROM engine_snapshot ORDER BY seq DESC LIMIT %s)",
        (RETAINED,),
    )


def restore(connection: Connection, *, at_most: int) -> Engine:
    """The engine of the newest good snapshot that is not beyond event ``at_most``; a new engine if there is none."""
    rows = connection.execute(
        "SELECT seq, state_hash, body FROM engine_snapshot WHERE seq <= %s ORDER BY seq DESC", (at_most,)
    ).fetchall()
    for seq, state_hash, body in rows:
        engine = _restored(seq, state_hash, body)
        if engine is not None:
            log.info("restored the snapshot of event %s", engine.seq)
            return engine
    return Engine()


def _restored(seq: object, state_hash: object, body: object) -> Engine | None:
    if not isinstance(body, bytes) or hashlib.sha256(body).hexdigest() != state_hash:
        log.warning("the snapshot at event %s is damaged; taking the one before", seq)
        return None
    try:
        engine = load(body)
    except SnapshotInvalid as error:
        log.warning("the snapshot at event %s cannot be loaded (%s); taking the one before", seq, error)
        return None
    if engine.seq != seq:
        log.warning("the snapshot at event %s is of event %s; taking the one before", seq, engine.seq)
        return None
    return engine
