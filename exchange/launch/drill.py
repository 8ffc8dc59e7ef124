"""`python -m exchange.launch.drill [--state DIR] [--seconds N]`: a backup is taken from a trading exchange, and restored.

On a PostgreSQL of its own the demo trades; its WAL is archived and a base backup is taken meanwhile. Then everything
stops, and a moment in the middle is restored into another directory. The journal there must be exactly what was
committed up to that moment, event by event and hash by hash; `manage.py verify` must find it whole; and the exchange,
started on it, must trade on. Exit code 1 if any of this is not so.

The moment is the commit time of an event, so that a restore which stops one commit early or late is found out.
"""

import argparse
import datetime as dt
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import psycopg

from exchange.launch.backup import WalArchive, prepare_for_backup, restore, take_base_backup
from exchange.launch.configuration import CHECKOUT, manage
from exchange.launch.console import Console
from exchange.launch.drill_exchange import environment_of, trading_exchange
from exchange.launch.postgres import DATABASE, SUPERUSER, EmbeddedPostgres
from exchange.launch.refusal import Refusal

_ORDERS = 20
"""So many acknowledged orders show that the exchange trades."""


class Event(NamedTuple):
    """An event as the drill compares it. ``committed_at``: when its transaction was."""

    seq: int
    at_us: int
    hash: bytes
    committed_at: dt.datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """The exchange before the disaster. ``acknowledged``: the events of the orders that a customer was told of."""

    events: list[Event]
    acknowledged: list[int]
    backed_up_at: dt.datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Drilled:
    """What came of it. ``forgotten``: acknowledged orders that the restored exchange does not know."""

    until: dt.datetime
    events: int
    restored: int
    forgotten: int
    traded_on: int


def main() -> int:
    parser = argparse.ArgumentParser(prog="exchange.launch.drill", description="Rehearse backup and restore.")
    parser.add_argument(
        "--state", type=Path, default=CHECKOUT / ".state" / "drill", help="a directory that it empties first"
    )
    parser.add_argument("--seconds", type=float, default=20.0, help="how long it trades after the backup (default: 20)")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGINT))
    console = Console()
    try:
        drill(arguments.state.resolve(), trade_s=arguments.seconds, console=console)
    except Refusal as refusal:
        console.complain(str(refusal))
        return refusal.exit_code
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    console.say("the drill is passed")
    return 0


def drill(state: Path, *, trade_s: float, console: Console) -> Drilled:
    """The whole rehearsal; leaves nothing behind but its logs. Raises Refusal."""
    shutil.rmtree(state, ignore_errors=True)
    state.mkdir(parents=True)
    first = EmbeddedPostgres(state / "original", say=console.say)
    second = EmbeddedPostgres(state / "restored", say=console.say)
    try:
        original = _trade_and_back_up(first, state, trade_s=trade_s, console=console)
        until = middle_of(original.events, since=original.backed_up_at)
        console.say(f"restoring to {until.isoformat()}, the middle of what came after the backup")
        restore(state / "backup", state / "archive", into=second, until=until)
        console.say("restored, and the server has started")
        restored = _check(second, original, until, console=console)
        traded_on = _trade_on(second, state, console=console)
    finally:
        for postgres in (first, second):
            postgres.stop("immediate")
            postgres.discard()
        for folder in ("backup", "archive"):
            shutil.rmtree(state / folder, ignore_errors=True)
    return Drilled(
        until=until,
        events=len(original.events),
        restored=restored,
        forgotten=sum(seq > restored for seq in original.acknowledged),
        traded_on=traded_on,
    )


def middle_of(events: Sequence[Event], *, since: dt.datetime) -> dt.datetime:
    """The commit time of the event in the middle of those after a moment. Raises Refusal if there are hardly any."""
    later = [event for event in events if event.committed_at > since]
    if len(later) < 2:
        raise Refusal("too little was traded after the backup; give it more --seconds")
    return later[(len(later) - 1) // 2].committed_at


def difference(original: Sequence[Event], restored: Sequence[Event], until: dt.datetime) -> str | None:
    """How the restored journal differs from what was committed up to the moment; None if it does not."""
    expected = [event for event in original if event.committed_at <= until]
    for before, after in zip(expected, restored, strict=False):
        if before != after:
            return f"event {before.seq} was {before} and is {after}"
    if len(expected) != len(restored):
        return f"it has {len(restored)} events, but {len(expected)} were committed by {until.isoformat()}"
    return None


def _trade_and_back_up(postgres: EmbeddedPostgres, state: Path, *, trade_s: float, console: Console) -> Original:
    console.say("starting PostgreSQL and the archive of its WAL")
    postgres.start()
    prepare_for_backup(postgres)
    archive = WalArchive(postgres, state / "archive")
    try:
        archive.start()
        with trading_exchange(postgres, state, console=console) as customer:
            customer.wait_for_orders(_ORDERS)
            console.say("taking a base backup while it trades")
            take_base_backup(postgres, state / "backup")
            backed_up_at = dt.datetime.now(dt.UTC)
            console.say(f"the backup is taken; trading goes on for {trade_s:.0f} s")
            time.sleep(trade_s)
            customer.wait_for_orders(_ORDERS)
        events = _journal(postgres)
        postgres.stop()
        archive.finish()
    finally:
        archive.end()
    console.say(f"stopped at event {events[-1].seq}")
    return Original(events=events, acknowledged=customer.acknowledged, backed_up_at=backed_up_at)


def _check(postgres: EmbeddedPostgres, original: Original, until: dt.datetime, *, console: Console) -> int:
    """Compares the journals and verifies the restored one; the number of its last event. Raises Refusal."""
    events = _journal(postgres)
    wrong = difference(original.events, events, until)
    if wrong is not None:
        raise Refusal(f"the restored journal is not what was committed: {wrong}")
    last = events[-1].seq
    forgotten = sum(seq > last for seq in original.acknowledged)
    console.say(
        f"the journal is the original's up to that moment, hash by hash: {last} of {original.events[-1].seq} events"
    )
    console.say(
        f"{forgotten} of the customer's {len(original.acknowledged)} acknowledged orders came later and are lost"
    )
    _verify(postgres, console=console)
    return last


def _trade_on(postgres: EmbeddedPostgres, state: Path, *, console: Console) -> int:
    """Starts the exchange on the restored database; how many events it added. Raises Refusal."""
    before = _journal(postgres)[-1].seq
    with trading_exchange(postgres, state, console=console) as customer:
        customer.wait_for_orders(_ORDERS)
    added = _journal(postgres)[-1].seq - before
    console.say(f"the exchange traded on: {added} events more")
    _verify(postgres, console=console)
    return added


def _verify(postgres: EmbeddedPostgres, *, console: Console) -> None:
    environment = environment_of(postgres, postgres.log.parent)
    verified = subprocess.run(manage("verify"), env=environment, capture_output=True, text=True, check=False)
    if verified.returncode:
        raise Refusal(f"manage.py verify found something wrong: {verified.stdout}{verified.stderr}")
    console.say(f"verify: {verified.stdout.strip()}")


def _journal(postgres: EmbeddedPostgres) -> list[Event]:
    query = "SELECT seq, at_us, hash, pg_xact_commit_timestamp(xmin) FROM order_event ORDER BY seq"
    with psycopg.connect(postgres.url(DATABASE, SUPERUSER)) as connection:
        return [Event(*row) for row in connection.execute(query)]


if __name__ == "__main__":
    sys.exit(main())
