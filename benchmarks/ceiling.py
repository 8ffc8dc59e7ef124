"""The machine's limit for a durable order: what must be written, written by hand, with no engine and no code of ours.

A transaction for each BATCH of orders: their events with the journal's indexes, their order rows, and for every second
order an entry with four postings, by COPY; and the balances by one UPDATE. The rows are made beforehand. Trades, fills,
candles, the makers' orders and the triggers that check the books are left out, so the limit is a generous one.
"""

import time
from collections.abc import Iterator
from itertools import count, islice
from statistics import median

import psycopg

from benchmarks.database import EVENT, EVENT_TABLE, event_row
from benchmarks.flow import MARKET

BATCH = 100
BATCHES = 150
ACCOUNTS = 200
RUNS = 3
LIKE = {
    "bench_order": "trading_order",
    "bench_entry": "ledger_entry",
    "bench_posting": "ledger_posting",
    "bench_account": "ledger_account",
}
ORDER = (
    "bench_order (seq, id, account_id, market, side, type, time_in_force, post_only, price_ticks, quantity_lots,"
    " filled_lots, filled_quote_atoms, fee_atoms, status, created_at_us, updated_at_us, updated_seq)"
)
ENTRY = "bench_entry (cause, at_us)"
POSTING = "bench_posting (cause, account_id, kind, amount, balance, held)"

Connection = psycopg.Connection[tuple[object, ...]]


def run(url: str) -> dict[str, float]:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(EVENT_TABLE)
        for table, like in LIKE.items():
            connection.execute(f"CREATE TABLE {table} (LIKE {like} INCLUDING ALL)")
        try:
            _open_accounts(connection)
            numbers = count(1)
            return {"ceiling_orders_per_s": median(_orders(connection, numbers) for _ in range(RUNS))}
        finally:
            connection.execute(f"DROP TABLE bench_event, {', '.join(LIKE)}")


def _open_accounts(connection: Connection) -> None:
    connection.execute(
        "INSERT INTO bench_account (id, owner, asset, kind, balance)"
        f" SELECT n, n, 'USD', 'user', 1000000000 FROM generate_series(1, {ACCOUNTS}) AS n"
    )


def _orders(connection: Connection, numbers: Iterator[int]) -> float:
    batches = [_Batch(list(islice(numbers, BATCH))) for _ in range(BATCHES)]
    started = time.perf_counter()
    for batch in batches:
        with connection.transaction(), connection.cursor() as cursor:
            for table, rows in batch.rows.items():
                with cursor.copy(f"COPY {table} FROM STDIN") as copy:
                    copy.write(rows)
            cursor.execute(batch.update)
    return BATCH * BATCHES / (time.perf_counter() - started)


class _Batch:
    """The rows of BATCH orders as COPY takes them, by table, and the statement that moves the balances."""

    def __init__(self, numbers: list[int]) -> None:
        traded = numbers[::2]
        postings = [(number, part, _account(number, part)) for number in traded for part in range(4)]
        self.rows = {
            EVENT: "".join(map(event_row, numbers)),
            ORDER: "".join(map(_order, numbers)),
            ENTRY: "".join(f"{number}\t1\n" for number in traded),
            POSTING: "".join(
                f"{number}\t{account}\ttrade\t{(-1) ** part}\t1000000000\t0\n" for number, part, account in postings
            ),
        }
        moves = ",".join(f"({account},{(-1) ** part})" for _, part, account in postings)
        self.update = (
            "UPDATE bench_account a SET balance = a.balance + s.total FROM (SELECT account, sum(amount) AS total"
            f" FROM (VALUES {moves}) AS m (account, amount) GROUP BY account) s WHERE a.id = s.account"
        )


def _account(number: int, part: int) -> int:
    return 1 + (7 * number + part) % ACCOUNTS


def _order(number: int) -> str:
    terms = f"{MARKET}\tbuy\tlimit\tGTC\tnone\t6400000\t12345"
    return f"{number}\t{number:032x}\t{number % ACCOUNTS}\t{terms}\t0\t0\t0\topen\t1\t1\t{number}\n"
