"""The limits of the machine: how fast this PostgreSQL commits, and how fast it takes event rows."""

import hashlib
import time
from statistics import median

import psycopg

RUNS = 3
SECONDS = 1.5
ROWS_PER_COMMIT = 1000
EVENT_TABLE = "CREATE TABLE bench_event (LIKE order_event INCLUDING ALL)"
EVENT = "bench_event (seq, at_us, command_id, account_id, market, kind, body, request_id, format, hash)"
"""Where COPY puts what ``event_row`` makes."""
_BODY = (
    '{"account":12,"market":"BTC/USD","side":"buy","type":"limit","time_in_force":"GTC",'
    '"quantity_lots":12345,"price_ticks":6400000,"post_only":"none"}'
)


def run(url: str) -> dict[str, float]:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(EVENT_TABLE)
        try:
            return {
                "commits_per_s": median(_commits(connection) for _ in range(RUNS)),
                "copy_rows_per_s": median(_copied_rows(connection) for _ in range(RUNS)),
            }
        finally:
            connection.execute("DROP TABLE bench_event")


def _commits(connection: "psycopg.Connection[tuple[object, ...]]") -> float:
    """Single-row commits per second, one connection."""
    start = time.perf_counter()
    count = 0
    base = _next_seq(connection)
    while time.perf_counter() - start < SECONDS:
        connection.execute(
            f"INSERT INTO {EVENT} VALUES"
            " (%s, 1, gen_random_uuid(), 1, 'BTC/USD', 'PlaceOrder', '{}', '', 1, sha256(''))",
            (base + count,),
        )
        count += 1
    return count / (time.perf_counter() - start)


def _copied_rows(connection: "psycopg.Connection[tuple[object, ...]]") -> float:
    """Event rows per second by COPY, ROWS_PER_COMMIT in a commit; the rows are made beforehand."""
    base = _next_seq(connection)
    batches = [_rows(base + n * ROWS_PER_COMMIT) for n in range(60)]
    start = time.perf_counter()
    for batch in batches:
        with connection.cursor() as cursor, cursor.copy(f"COPY {EVENT} FROM STDIN") as copy:
            copy.write(batch)
    return len(batches) * ROWS_PER_COMMIT / (time.perf_counter() - start)


def _rows(first: int) -> str:
    return "".join(event_row(seq) for seq in range(first, first + ROWS_PER_COMMIT))


def event_row(seq: int) -> str:
    """A line of COPY for ``bench_event``."""
    digest = hashlib.sha256(str(seq).encode()).hexdigest()
    return f"{seq}\t1\t{digest[:32]}\t12\tBTC/USD\tPlaceOrder\t{_BODY}\t{digest[:32]}\t1\t\\\\x{digest}\n"


def _next_seq(connection: "psycopg.Connection[tuple[object, ...]]") -> int:
    row = connection.execute("SELECT coalesce(max(seq), 0) + 1 FROM bench_event").fetchone()
    return int(str(row[0])) if row else 1
