"""The read models made anew from the journal: the same rows, while trading goes on, and nothing that was altered stays."""

import asyncio

from tests.fixtures import Database, manage
from trading import queries
from trading.engine.commands import SetMarketState
from trading.projections.read_models import TABLES
from trading.projections.rebuild import Rebuild, Rebuilt
from trading.verify import verify

from .test_runtime import trade_at_random
from .world import ALICE, BOB, do, limit, open_market, serving

Contents = dict[str, list[tuple[object, ...]]]


def contents(database: Database) -> Contents:
    with database.connect() as connection:
        return {
            table: connection.execute(f"SELECT * FROM {table} ORDER BY {table}::text").fetchall() for table in TABLES
        }


def rebuild(database: Database, *, compare: bool = False) -> Rebuilt:
    with database.connect_as_owner() as connection:
        return Rebuild(connection).compare() if compare else Rebuild(connection).run()


def shape(database: Database) -> list[tuple[object, ...]]:
    """Constraints, indexes and privileges of the read models, as far as somebody could miss them."""
    with database.connect() as connection:
        return connection.execute(
            "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE conrelid::regclass::text = ANY(%(tables)s) AND contype <> 'n'"
            " UNION ALL SELECT tablename, indexname, indexdef FROM pg_indexes WHERE tablename = ANY(%(tables)s)"
            " UNION ALL SELECT relname, relowner::text, relacl::text FROM pg_class"
            "  WHERE relname = ANY(%(tables)s) AND relnamespace = 'public'::regnamespace"
            " ORDER BY 1, 2, 3",
            {"tables": list(TABLES)},
        ).fetchall()


async def test_rebuilt_while_trading_goes_on_they_come_out_equal(database: Database) -> None:
    async with serving() as first, serving() as second:
        await open_market(first)
        await do(first, SetMarketState(market="BTC/USD", state="open", reason="for the rebuild's sake"))
        await trade_at_random(first, 1, 400)
        trading = asyncio.gather(trade_at_random(first, 2, 300), trade_at_random(second, 3, 300))
        rebuilt = await asyncio.to_thread(rebuild, database)
        assert not trading.done(), "the rebuilding was to happen while somebody trades"
        await trading
        await do(first, limit(ALICE, "sell", 300, 1))
        await first.projected(first.live.seq)
        assert rebuilt.rows["trading_order"] and rebuilt.rows["fill"] == 2 * rebuilt.rows["trade"]
        assert first.health().ready and second.health().ready
        assert await first.read(queries.fills, account=BOB, limit=5)
        assert not any((await asyncio.to_thread(rebuild, database, compare=True)).different.values())
    with database.connect() as connection:
        assert verify(connection).findings == []


async def test_what_was_altered_is_found_by_comparing_and_mended_by_rebuilding(database: Database) -> None:
    async with serving() as runtime:
        await open_market(runtime)
        await trade_at_random(runtime, 1, 100)
        await runtime.projected(runtime.live.seq)
    before, shape_before = contents(database), shape(database)
    with database.connect_as_owner() as owner:
        owner.execute("UPDATE trade SET price_ticks = price_ticks + 1 WHERE id = 1")
        owner.execute("DELETE FROM trading_order WHERE seq = (SELECT max(seq) FROM trading_order)")
        owner.execute("UPDATE candle SET trades = trades + 1 WHERE interval_s = 60")
    compared = rebuild(database, compare=True)
    assert (compared.different["trade"], compared.different["trading_order"]) == (2, 1)
    assert compared.different["candle"] > 0 and compared.different["fill"] == 0
    assert contents(database) != before
    rebuild(database)
    assert contents(database) == before
    assert shape(database) == shape_before


def test_the_command_says_what_it_did_and_fails_when_rows_differ(database: Database) -> None:
    owner_url = {"DATABASE_OWNER_URL": database.owner_url}
    assert "would be the same at event 0" in manage("rebuild", "--compare", url=database.url, **owner_url).stdout
    with database.connect_as_owner() as owner:
        owner.execute(
            "INSERT INTO asset (asset, name, kind, decimals, trading_decimals) VALUES ('X', 'X', 'fiat', 2, 2)"
        )
    told = manage("rebuild", "--compare", url=database.url, check=False, **owner_url)
    assert told.returncode == 1 and "asset: 0 rows, 1 of either side differ" in told.stdout
    assert "made anew at event 0" in manage("rebuild", url=database.url, **owner_url).stdout
    assert "would be the same" in manage("rebuild", "--compare", url=database.url, **owner_url).stdout


def test_only_the_owner_can_rebuild(database: Database) -> None:
    told = manage("rebuild", url=database.url, check=False, DATABASE_OWNER_URL=database.url)
    assert told.returncode == 1 and told.stderr.startswith("CommandError: Only the tables' owner can do this")
