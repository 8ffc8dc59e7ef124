"""A trading account's history as CSV (RFC 4180), oldest first: fills, ledger, and a year for the tax office.

Written page by page from the read models up to one sequence number, so that a long history takes no more memory than a
short one. Amounts are exact; the ledger's lines of an asset sum to its balance. Pages are read and written in worker
threads; the generators run on the event loop.
"""

import csv
import datetime as dt
import io
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass

from psycopg import Connection

import ledger.queries
from ledger.queries import StatementLine

from . import gateway, queries, submission
from .instruments import Asset, Market
from .runtime import Runtime
from .shapes.texts import at_text

PAGE_LINES = 1000
FILL_COLUMNS = (
    "at",
    "trade",
    "market",
    "side",
    "liquidity",
    "price",
    "quantity",
    "quote_quantity",
    "fee",
    "fee_asset",
    "order_id",
    "sequence",
)
LEDGER_COLUMNS = ("at", "kind", "asset", "amount", "balance", "sequence")
TAX_COLUMNS = ("row", *LEDGER_COLUMNS)

Rows = Connection[tuple[object, ...]]


async def fills_csv(runtime: Runtime, *, account: int) -> AsyncIterator[bytes]:
    """One line for each fill: what was traded, for how much, at what fee."""
    until = runtime.live.seq
    markets = {name: state.market for name, state in runtime.live.markets.items()}
    yield _lines([FILL_COLUMNS])
    after: int | None = 0
    while after is not None:
        page, after = await submission.read(
            runtime, _fills_page, account=account, after=after, until=until, markets=markets
        )
        yield page


async def ledger_csv(runtime: Runtime, *, account: int) -> AsyncIterator[bytes]:
    """One line for each change of a balance, with the balance after it."""
    yield _lines([LEDGER_COLUMNS])
    async for page in _statement(runtime, _Part(account, runtime.live.seq, _assets(runtime))):
        yield page


async def tax_csv(runtime: Runtime, *, account: int, year: int) -> AsyncIterator[bytes]:
    """A year (UTC): what each asset began with, every change, what it ended with. Opening and changes sum to closing."""
    start_us, end_us = _year_us(year), _year_us(year + 1)
    part = _Part(account, runtime.live.seq, _assets(runtime), "change", start_us, end_us)
    yield _lines([TAX_COLUMNS])
    yield await submission.read(runtime, _balances, part=part, row="opening", before_us=start_us)
    async for page in _statement(runtime, part):
        yield page
    yield await submission.read(runtime, _balances, part=part, row="closing", before_us=end_us)


@dataclass(frozen=True, slots=True)
class _Part:
    """What of a ledger is told: of an account, by events up to ``until``, of a time. ``row``: what its lines begin with.

    ``assets`` is a copy for worker threads: the live state is the event loop's.
    """

    account: int
    until: int
    assets: Mapping[str, Asset]
    row: str = ""
    start_us: int = 0
    end_us: int | None = None


async def _statement(runtime: Runtime, part: _Part) -> AsyncIterator[bytes]:
    after: int | None = 0
    while after is not None:
        page, after = await submission.read(runtime, _statement_page, part=part, after=after)
        yield page


def _fills_page(
    connection: Rows, *, account: int, after: int, until: int, markets: Mapping[str, Market]
) -> tuple[bytes, int | None]:
    """A page of fills after an id, and the id to go on after; None at the end."""
    rows = queries.fills_after(connection, account=account, after=after, until=until, limit=PAGE_LINES)
    lines = []
    for row in rows:
        market = markets[row.market]
        fill = gateway.fill_body(row, market)
        lines.append(
            (
                fill.at,
                fill.id,
                row.market,
                row.side,
                fill.liquidity,
                fill.price,
                fill.quantity,
                fill.quote_quantity,
                fill.fee,
                fill.fee_asset,
                row.order_id,
                row.seq,
            )
        )
    return _lines(lines), rows[-1].id if len(rows) == PAGE_LINES else None


def _statement_page(connection: Rows, *, part: _Part, after: int) -> tuple[bytes, int | None]:
    """A page of the ledger after an id, and the id to go on after; None at the end."""
    lines = ledger.queries.statement_after(
        connection,
        owner=part.account,
        after_id=after,
        until=part.until,
        start_us=part.start_us,
        end_us=part.end_us,
        limit=PAGE_LINES,
    )
    begin = (part.row,) if part.row else ()
    written = _lines((*begin, *_columns(line, part.assets)) for line in lines)
    return written, lines[-1].id if len(lines) == PAGE_LINES else None


def _columns(line: StatementLine, assets: Mapping[str, Asset]) -> tuple[object, ...]:
    asset = assets[line.asset]
    amount, balance = asset.text(line.amount_atoms), asset.text(line.balance_atoms)
    return at_text(line.at_us), line.kind, line.asset, amount, balance, line.cause


def _balances(connection: Rows, *, part: _Part, row: str, before_us: int) -> bytes:
    """What the account had at a moment, a line for each asset that had changed until then."""
    found = ledger.queries.balances_before(connection, owner=part.account, before_us=before_us, until=part.until)
    at = at_text(before_us)
    return _lines((row, at, "", name, "", part.assets[name].text(atoms), "") for name, atoms in sorted(found.items()))


def _assets(runtime: Runtime) -> dict[str, Asset]:
    return dict(runtime.live.assets)


def _year_us(year: int) -> int:
    return int(dt.datetime(year, 1, 1, tzinfo=dt.UTC).timestamp()) * 1_000_000


def _lines(rows: Iterable[Iterable[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()
