"""The read models made anew from the journal, while trading goes on.

They are built in a schema of their own by the statements that the projector uses. When they are as far as the old ones the
projection checkpoint is locked, so that no projector writes; the rest is added, the new tables take the place of the old,
and the projectors go on at the same checkpoint. If it fails before that, nothing has changed. The books are not rebuilt,
they are append-only; ``verify`` compares them with the journal.

Runs as the owner of the tables, on a connection of its own.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import psycopg
from psycopg import sql

from trading.fold import Fold
from trading.journal.read import records_between

from . import read_models
from .checkpoint import read_checkpoint

Connection = psycopg.Connection[tuple[object, ...]]
Progress = Callable[[int, int], None]
"""Called with the events done, and of how many."""

SCHEMA = "rebuilt"
REPLACED = "replaced"
BATCH_EVENTS = 2000
NEAR_EVENTS = 2000
"""So near to the old read models the rest is added under the lock: a few hundred milliseconds."""
LOCK_TRIES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """``seq``: the event that the new read models were at when they took their place. ``rows``: soon after, by table, all at
    one moment. ``different``: by table the rows that only one side has.
    """

    seq: int
    rows: dict[str, int]
    different: dict[str, int]


class Rebuild:
    """One rebuilding. ``run`` puts the new tables in the place of the old ones, ``compare`` only says how they differ."""

    def __init__(self, connection: Connection, progress: Progress = lambda done, of: None) -> None:
        self._connection = connection
        self._progress = progress
        self._fold = Fold.new()

    def run(self) -> Rebuilt:
        self._build()
        for tried in itertools.count(1):
            try:
                with self._connection.transaction():
                    self._lock(", ".join(f"public.{table}" for table in read_models.TABLES))
                    self._write_to(read_checkpoint(self._connection))
                    self._swap()
                break
            except psycopg.errors.LockNotAvailable:
                if tried == LOCK_TRIES:
                    raise
                self._catch_up()
        self._drop(REPLACED)
        self._drop(SCHEMA)
        return Rebuilt(seq=self._fold.seq, rows=self._count("public"), different={})

    def compare(self) -> Rebuilt:
        self._build()
        with self._connection.transaction():
            self._lock(None)
            self._write_to(read_checkpoint(self._connection))
            different = {table: self._differences(table) for table in read_models.TABLES}
        rebuilt = Rebuilt(seq=self._fold.seq, rows=self._count(SCHEMA), different=different)
        self._drop(SCHEMA)
        return rebuilt

    def _build(self) -> None:
        self._drop(REPLACED)
        self._drop(SCHEMA)
        self._connection.execute(f"CREATE SCHEMA {SCHEMA}")
        for table in read_models.TABLES:
            self._copy_table(table)
        self._connection.execute(f"SET search_path = {SCHEMA}, public; SET enable_seqscan = off")
        self._connection.execute(read_models.PREPARE)
        self._connection.execute("SET search_path = public")
        self._catch_up()
        for table in read_models.TABLES:
            self._copy_indexes(table)
            self._connection.execute(f"ANALYZE {SCHEMA}.{table}")

    def _catch_up(self) -> None:
        """Writes what the old read models have, until they are near."""
        while (behind := read_checkpoint(self._connection) - self._fold.seq) > NEAR_EVENTS:
            self._write_to(self._fold.seq + behind)

    def _lock(self, tables: str | None) -> None:
        """Within a transaction: locks the projectors out, and from these tables the readers too."""
        self._connection.execute("SET LOCAL lock_timeout = '2s'")
        self._connection.execute("SELECT FROM projection_checkpoint FOR UPDATE")
        if tables is not None:
            self._connection.execute(f"LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE")

    def _write_to(self, last: int) -> None:
        records = records_between(self._connection, self._fold.seq, last)
        while rows := list(itertools.islice(records, BATCH_EVENTS)):
            statements = read_models.statements(self._fold.apply_many(rows))
            with self._connection.transaction():
                self._connection.execute(f"SET LOCAL search_path = {SCHEMA}, public")
                if statements:
                    self._connection.execute(";".join(statements))
            self._progress(self._fold.seq, last)

    def _copy_table(self, table: str) -> None:
        """Columns, defaults, constraints by their names, privileges. No secondary indexes: filled first, it is faster."""
        self._connection.execute(
            f"CREATE TABLE {SCHEMA}.{table} (LIKE public.{table} INCLUDING ALL EXCLUDING INDEXES EXCLUDING CONSTRAINTS)"
        )
        constraints = self._connection.execute(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE conrelid = %s::regclass AND contype IN ('p', 'u', 'c', 'f') ORDER BY contype = 'f'",
            (f"public.{table}",),
        ).fetchall()
        self._connection.execute(f"SET search_path = {SCHEMA}, public")  # what they refer to is the new tables
        for name, definition in constraints:
            self._connection.execute(
                sql.SQL(f"ALTER TABLE {SCHEMA}.{table} ADD CONSTRAINT {{}} {definition}").format(
                    sql.Identifier(str(name))
                )
            )
        self._connection.execute("SET search_path = public")
        grants = self._connection.execute(
            "SELECT privilege_type, grantee::regrole::text FROM pg_class, aclexplode(relacl)"
            " WHERE oid = %s::regclass AND grantee <> relowner",
            (f"public.{table}",),
        ).fetchall()
        for privilege, grantee in grants:
            self._connection.execute(f"GRANT USAGE ON SCHEMA {SCHEMA} TO {grantee}")
            self._connection.execute(f"GRANT {privilege} ON {SCHEMA}.{table} TO {grantee}")

    def _copy_indexes(self, table: str) -> None:
        definitions = self._connection.execute(
            "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = %s::regclass"
            " AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)",
            (f"public.{table}",),
        ).fetchall()
        for (definition,) in definitions:
            self._connection.execute(str(definition).replace(f" ON public.{table} ", f" ON {SCHEMA}.{table} "))

    def _count(self, schema: str) -> dict[str, int]:
        # In one statement, for the projectors write on.
        counts = ", ".join(f"(SELECT count(*) FROM {schema}.{table})" for table in read_models.TABLES)
        row = self._connection.execute(f"SELECT {counts}").fetchone() or ()
        return {table: int(str(count)) for table, count in zip(read_models.TABLES, row, strict=True)}

    def _differences(self, table: str) -> int:
        """How many rows are on one side only."""
        row = self._connection.execute(
            f"SELECT count(*) FROM ((TABLE public.{table} EXCEPT ALL TABLE {SCHEMA}.{table})"
            f" UNION ALL (TABLE {SCHEMA}.{table} EXCEPT ALL TABLE public.{table})) AS d"
        ).fetchone()
        return int(str(row and row[0]))

    def _swap(self) -> None:
        self._connection.execute(f"CREATE SCHEMA {REPLACED}")
        for table in read_models.TABLES:
            self._connection.execute(f"ALTER TABLE public.{table} SET SCHEMA {REPLACED}")
            self._connection.execute(f"ALTER TABLE {SCHEMA}.{table} SET SCHEMA public")

    def _drop(self, schema: str) -> None:
        self._connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
