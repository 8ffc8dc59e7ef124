"""A database that was given back is like new for whoever gets it next, or is dropped."""

import psycopg
import pytest

from tests.fixtures import Cluster, Database
from tests.recycling import Template

USED = (
    "INSERT INTO ledger_account (owner, asset, kind, balance) VALUES (7, 'BTC', 'user', 0)",
    "UPDATE projection_checkpoint SET seq = seq",
    "DELETE FROM django_content_type WHERE id = (SELECT max(id) FROM django_content_type)",
)


def number_of(cluster: Cluster, database: Database) -> object:
    with psycopg.connect(cluster.postgres.url("postgres", "postgres")) as connection:
        return connection.execute("SELECT oid FROM pg_database WHERE datname = %s", (database.name,)).fetchone()


def state_of(cluster: Cluster, database: Database) -> Template:
    with psycopg.connect(cluster.postgres.url(database.name, "postgres"), autocommit=True) as connection:
        return Template.of(connection)


@pytest.mark.parametrize("template", ["template_empty", "template_demo"])
def test_what_was_written_is_gone_and_the_numbers_begin_anew(cluster: Cluster, template: str) -> None:
    used, untouched = cluster.copy(template), cluster.copy(template)
    with psycopg.connect(cluster.postgres.url(used.name, "postgres"), autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        for statement in USED:
            connection.execute(statement)
    before = number_of(cluster, used)
    cluster.drop(used)
    again = cluster.copy(template)
    assert number_of(cluster, again) == before, "it is the same, made like new"
    found, expected = state_of(cluster, again), state_of(cluster, untouched)
    assert (found.schema, found.sequences) == (expected.schema, expected.sequences)
    for table, rows in expected.rows.items():
        assert sorted(found.rows[table]) == sorted(rows), table
    cluster.drop(again)
    cluster.drop(untouched)


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE ledger_posting DISABLE TRIGGER USER",
        "CREATE TABLE note (words text)",
        "CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "ALTER DATABASE {name} SET default_transaction_read_only = off",
    ],
)
def test_one_with_another_schema_is_dropped(cluster: Cluster, change: str) -> None:
    database = cluster.copy("template_empty")
    with psycopg.connect(cluster.postgres.url(database.name, "postgres"), autocommit=True) as connection:
        connection.execute(change.format(name=database.name))
    before = number_of(cluster, database)
    cluster.drop(database)
    other = cluster.copy("template_empty")
    assert number_of(cluster, other) != before
    cluster.drop(other)


def test_whoever_still_knows_it_is_cut_off(cluster: Cluster) -> None:
    database = cluster.copy("template_empty")
    with database.connect() as late:
        cluster.drop(database)
        with pytest.raises(psycopg.OperationalError):
            late.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        database.connect()
