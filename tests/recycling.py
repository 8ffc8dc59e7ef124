"""Databases that tests are done with, made like new: a fraction of what another copy of the template costs.

One is given out again only if its schema is still the template's, to the last row of the catalogs. Its rows and sequences are
put back, and it gets another name, so that whoever still asks for the old one finds nothing. What has grown large, or has
another schema or settings of its own, is not made new: the caller drops it.
"""

from dataclasses import dataclass

import psycopg
from psycopg import sql

Connection = psycopg.Connection[tuple[object, ...]]

GROWTH_LIMIT_BYTES = 4 * 1024 * 1024
END_LIMIT_MS = 10_000
FIRST_OWN_OID = 16_384
CATALOGS = {
    "pg_attribute": "attrelid",
    "pg_index": "indexrelid",
    **dict.fromkeys(("pg_attrdef", "pg_class", "pg_constraint", "pg_extension", "pg_namespace", "pg_policy"), "oid"),
    **dict.fromkeys(("pg_proc", "pg_rewrite", "pg_trigger", "pg_type"), "oid"),
}
"""Where a change of the schema leaves a row of another transaction, and what numbers the rows."""

_LINES = " UNION ALL ".join(
    f"SELECT '{catalog} ' || {number} || ' ' || xmin FROM {catalog} WHERE {number} >= {FIRST_OWN_OID}"
    for catalog, number in CATALOGS.items()
)
SCHEMA = (
    f"SELECT (SELECT md5(string_agg(line, ',' ORDER BY line)) FROM ({_LINES}) AS lines(line)),"
    " (SELECT count(*) FROM pg_db_role_setting JOIN pg_database d ON d.oid = setdatabase"
    " WHERE datname = current_database())"
)
RELATIONS = (
    "SELECT relkind = 'S', relname FROM pg_class"
    " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'S') ORDER BY oid"
)


@dataclass(frozen=True, slots=True)
class Template:
    """What a new copy holds. ``rows``: of each table, as COPY tells them: a line each, in no order that means anything."""

    schema: tuple[object, ...]
    size_bytes: int
    rows: dict[str, list[bytes]]
    sequences: dict[str, tuple[object, ...]]

    @classmethod
    def of(cls, connection: Connection) -> "Template":
        """Of a database that nobody has written into."""
        relations = connection.execute(RELATIONS).fetchall()
        return cls(
            schema=_one(connection, SCHEMA),
            size_bytes=_size(connection),
            rows={str(name): _rows(connection, str(name)) for is_sequence, name in relations if not is_sequence},
            sequences={
                str(name): _one(connection, sql.SQL("SELECT last_value, is_called FROM {}").format(_name(str(name))))
                for is_sequence, name in relations
                if is_sequence
            },
        )

    def restore(self, connection: Connection) -> bool:
        """Ends whoever else is connected, and puts back rows and sequences. False if that would not make it like new.

        ``connection`` is the superuser's, and in autocommit mode.
        """
        connection.execute(
            "SELECT pg_terminate_backend(pid, %s) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()",
            (END_LIMIT_MS,),
        )
        if _one(connection, SCHEMA) != self.schema or _size(connection) > self.size_bytes + GROWTH_LIMIT_BYTES:
            return False
        with connection.transaction():
            connection.execute("SET LOCAL session_replication_role = replica")  # no trigger, no check of foreign keys
            for name in self._changed(connection):
                connection.execute(sql.SQL("DELETE FROM {}").format(_name(name)))
                with connection.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(_name(name))) as copy:
                    copy.write(b"".join(self.rows[name]))
            for name, (last, is_called) in self.sequences.items():
                connection.execute("SELECT setval(%s::regclass, %s, %s)", (f'public."{name}"', last, is_called))
        return True

    def _changed(self, connection: Connection) -> list[str]:
        filled = [name for name, rows in self.rows.items() if rows]
        empty = [name for name, rows in self.rows.items() if not rows]
        looks = [sql.SQL("SELECT {} WHERE EXISTS (SELECT FROM {})").format(name, _name(name)) for name in empty]
        grown = connection.execute(sql.SQL(" UNION ALL ").join(looks)).fetchall()
        return [*(str(name) for (name,) in grown), *(n for n in filled if not self._has_rows(connection, n))]

    def _has_rows(self, connection: Connection, name: str) -> bool:
        return sorted(_rows(connection, name)) == sorted(self.rows[name])


def _one(connection: Connection, query: str | sql.Composed) -> tuple[object, ...]:
    row = connection.execute(query).fetchone()
    if row is None:
        raise LookupError("no row")
    return row


def _size(connection: Connection) -> int:
    return int(str(_one(connection, "SELECT pg_database_size(current_database())")[0]))


def _name(name: str) -> sql.Identifier:
    return sql.Identifier("public", name)


def _rows(connection: Connection, table: str) -> list[bytes]:
    with connection.cursor().copy(sql.SQL("COPY {} TO STDOUT").format(_name(table))) as copy:
        return b"".join(bytes(part) for part in copy).splitlines(keepends=True)
