"""CSV exports of an account: their totals are the ledger's, whatever the pages, and the years follow on each other."""

import csv
import datetime as dt
import io
import random
from collections import defaultdict
from collections.abc import AsyncIterator
from decimal import Decimal

import psycopg
import pytest

from tests.fixtures import Database
from trading import exports
from trading.engine.commands import CancelAll
from trading.exports import fills_csv, ledger_csv, tax_csv
from trading.runtime import Runtime

from .world import ALICE, BOB, do, limit, open_market, serving

Lines = list[dict[str, str]]
THIS_YEAR = dt.datetime.now(dt.UTC).year


async def read(chunks: AsyncIterator[bytes]) -> Lines:
    text = b"".join([chunk async for chunk in chunks]).decode()
    assert text.count("\n") == text.count("\r\n")
    return list(csv.DictReader(io.StringIO(text)))


async def trade(runtime: Runtime, count: int) -> None:
    rng = random.Random(7)
    await open_market(runtime)
    for _ in range(count):
        account, side = rng.choice((ALICE, BOB)), rng.choice(("buy", "sell"))
        await do(runtime, limit(account, side, rng.randrange(95, 106), rng.randrange(1, 50)))
    for account in (ALICE, BOB):
        await do(runtime, CancelAll(account=account))


def totals(runtime: Runtime, account: int) -> dict[str, Decimal]:
    return {
        name: Decimal(asset.text(sum(runtime.live.balance(account, name))))
        for name, asset in runtime.live.assets.items()
    }


def sums(lines: Lines) -> dict[str, Decimal]:
    found: defaultdict[str, Decimal] = defaultdict(Decimal)
    for line in lines:
        found[line["asset"]] += Decimal(line["amount"])
    return dict(found)


@pytest.mark.parametrize("page", [1, 7, 1000])
async def test_totals_are_the_ledgers_whatever_the_page(
    database: Database, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr(exports, "PAGE_LINES", page)
    async with serving() as runtime:
        await trade(runtime, 60)
        for account in (ALICE, BOB):
            lines = await read(ledger_csv(runtime, account=account))
            assert sums(lines) == totals(runtime, account)
            fills = await read(fills_csv(runtime, account=account))
            base = sum(Decimal(fill["quantity"]) * (1 if fill["side"] == "buy" else -1) for fill in fills)
            quote = sum(Decimal(fill["quote_quantity"]) * (-1 if fill["side"] == "buy" else 1) for fill in fills)
            fees = sum(Decimal(fill["fee"]) for fill in fills)
            traded = sums([line for line in lines if line["kind"] == "trade"])
            charged = sums([line for line in lines if line["kind"] == "fee"])
            assert len(fills) > 10
            assert (base, quote, -fees) == (traded["BTC"], traded["USD"], charged["USD"])


async def test_every_line_has_the_balance_after_it(database: Database) -> None:
    async with serving() as runtime:
        await trade(runtime, 40)
        balance: defaultdict[str, Decimal] = defaultdict(Decimal)
        for line in await read(ledger_csv(runtime, account=ALICE)):
            balance[line["asset"]] += Decimal(line["amount"])
            assert balance[line["asset"]] == Decimal(line["balance"])


async def test_a_year_opens_with_what_the_one_before_closed_with(database: Database) -> None:
    async with serving() as runtime:
        await trade(runtime, 30)
        years = {
            year: await read(tax_csv(runtime, account=ALICE, year=year)) for year in range(THIS_YEAR - 1, THIS_YEAR + 2)
        }
        await runtime.projected(runtime.live.seq)

    def part(year: int, row: str) -> Lines:
        return [line for line in years[year] if line["row"] == row]

    assert years[THIS_YEAR - 1] == part(THIS_YEAR, "opening") == []
    closing = {line["asset"]: Decimal(line["balance"]) for line in part(THIS_YEAR, "closing")}
    assert closing == sums(part(THIS_YEAR, "change")) and set(closing) == {"BTC", "USD"}
    assert part(THIS_YEAR + 1, "change") == []
    opening, ended = part(THIS_YEAR + 1, "opening"), part(THIS_YEAR, "closing")
    assert [line["balance"] for line in opening] == [line["balance"] for line in ended]


async def test_what_happens_while_it_is_written_is_not_told(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "PAGE_LINES", 5)
    async with serving() as runtime:
        await trade(runtime, 30)
        before = totals(runtime, ALICE)
        chunks = ledger_csv(runtime, account=ALICE)
        begun = [await anext(chunks), await anext(chunks)]
        await do(runtime, limit(BOB, "sell", 100, 10))
        taken = await do(runtime, limit(ALICE, "buy", 100, 10))
        await runtime.projected(taken.seq)
        assert totals(runtime, ALICE) != before

        async def all_of_it() -> AsyncIterator[bytes]:
            for chunk in begun:
                yield chunk
            async for chunk in chunks:
                yield chunk

        assert sums(await read(all_of_it())) == before


async def test_nobody_gets_another_ones_lines(database: Database) -> None:
    async with serving() as runtime:
        await trade(runtime, 10)
        for export in (ledger_csv, fills_csv):
            assert await read(export(runtime, account=99)) == []
        assert await read(tax_csv(runtime, account=99, year=THIS_YEAR)) == []
        with psycopg.connect(database.url) as connection:
            row = connection.execute("SELECT count(*) FROM fill WHERE account_id = %s", (ALICE,)).fetchone()
        assert row == (len(await read(fills_csv(runtime, account=ALICE))),)
