"""Bytes on disk per order, by table: what an order leaves behind for ever, and what its indexes cost."""

from typing import NamedTuple

import psycopg

_SIZES = """
SELECT relname, pg_table_size(relid), pg_indexes_size(relid)
  FROM pg_catalog.pg_statio_user_tables ORDER BY relname
"""


class Size(NamedTuple):
    """In bytes; ``rows`` with TOAST."""

    rows: int
    indexes: int


def sizes(url: str) -> dict[str, Size]:
    """Of every table."""
    with psycopg.connect(url, autocommit=True) as connection:
        return {str(name): Size(int(rows), int(indexes)) for name, rows, indexes in connection.execute(_SIZES)}


def wal_bytes(url: str) -> int:
    """How much WAL was ever written: what an archive has to hold."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn").fetchone()
    return int(str(row[0])) if row else 0


def per_order(before: dict[str, Size], after: dict[str, Size], orders: int) -> dict[str, tuple[float, float]]:
    """Bytes of rows and of indexes that each order added, of the tables that grew by at least a byte an order."""
    grown = {}
    for table, size in after.items():
        was = before.get(table, Size(0, 0))
        added = ((size.rows - was.rows) / orders, (size.indexes - was.indexes) / orders)
        if sum(added) >= 1:
            grown[table] = added
    return dict(sorted(grown.items(), key=lambda item: -sum(item[1])))
