"""History as files: for each market and day (UTC) its trades and its one-minute candles as gzip CSV, with SHA-256 sums.

The same history always gives the same bytes, so anybody can make them again and compare. A day is written once it is over
and the read models have all of it. Amounts are decimal strings, times RFC 3339.
"""

import csv
import datetime as dt
import gzip
import hashlib
import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from trading import queries
from trading.engine.commands import DefineAsset, DefineMarket
from trading.instruments import Asset, Market
from trading.journal.read import head_seq
from trading.shapes.texts import at_text

from .candles import filled

Connection = psycopg.Connection[tuple[Any, ...]]
Row = tuple[object, ...]

SUMS = "SHA256SUMS"
DAY_US = 86_400_000_000
MINUTE_S = 60
CHUNK = 1000
TRADE_COLUMNS = ("id", "at", "price", "quantity", "quote_quantity", "taker_side", "sequence")
CANDLE_COLUMNS = ("start", "open", "high", "low", "close", "volume", "quote_volume", "trades")
_EPOCH = dt.date(1970, 1, 1)


class DumpDiffers(Exception):
    """A file that is there already is not what history says."""


class Span(NamedTuple):
    """Days, both included. None: from the first trade on, until yesterday."""

    first: dt.date | None
    last: dt.date | None


class Dumped(NamedTuple):
    """``is_new``: it was not there before."""

    name: str
    sha256: str
    is_new: bool


def dump(connection: Connection, folder: Path, *, market: str | None, span: Span, now: dt.datetime) -> list[Dumped]:
    """Writes what is missing. Raises DumpDiffers, LookupError for a market that is none."""
    markets = _markets(connection)
    if market is not None and market not in markets:
        raise LookupError(f"There is no market {market!r}.")
    folder.mkdir(parents=True, exist_ok=True)
    settled_us = _settled_us(connection, now)
    files: list[Dumped] = []
    for name in sorted(markets) if market is None else [market]:
        for day in _days(connection, name, span, settled_us):
            stem = f"{name.replace('/', '-')}-{day.isoformat()}.csv.gz"
            files.append(_write(folder, f"trades-{stem}", TRADE_COLUMNS, _trades(connection, markets[name], day)))
            files.append(_write(folder, f"candles-{stem}", CANDLE_COLUMNS, _candles(connection, markets[name], day)))
    _write_sums(folder, files)
    return files


def _markets(connection: Connection) -> dict[str, Market]:
    assets = {
        name: Asset(DefineAsset(asset=name, name=long, kind=kind, decimals=decimals, trading_decimals=trading))
        for name, long, kind, decimals, trading in connection.execute(
            "SELECT asset, name, kind, decimals, trading_decimals FROM asset"
        )
    }
    rows = connection.execute("SELECT market, base, quote, tick_atoms, lot_atoms FROM market").fetchall()
    return {
        name: Market(
            DefineMarket(
                market=name,
                base=base,
                quote=quote,
                tick_atoms=int(tick),
                lot_atoms=int(lot),
                minimum_lots=1,
                minimum_notional_atoms=1,
                maximum_open_orders=1,
                fee_tiers=(),
            ),
            assets[base],
            assets[quote],
        )
        for name, base, quote, tick, lot in rows
    }


def _settled_us(connection: Connection, now: dt.datetime) -> int:
    """Everything before this time is in the read models."""
    written = queries.read_models_at(connection)
    if written == head_seq(connection):
        return int(now.timestamp()) * 1_000_000
    row = connection.execute("SELECT at_us FROM order_event WHERE seq = %s", (written + 1,)).fetchone()
    return 0 if row is None else int(row[0])


def _days(connection: Connection, market: str, span: Span, settled_us: int) -> Iterator[dt.date]:
    row = connection.execute("SELECT at_us FROM trade WHERE market = %s ORDER BY id LIMIT 1", (market,)).fetchone()
    if row is None:
        return
    day = max(_EPOCH + dt.timedelta(days=int(row[0]) // DAY_US), span.first or _EPOCH)
    last = min(_EPOCH + dt.timedelta(days=settled_us // DAY_US - 1), span.last or dt.date.max)
    while day <= last:
        yield day
        day += dt.timedelta(days=1)


def _bounds_us(day: dt.date) -> tuple[int, int]:
    start_us = (day - _EPOCH).days * DAY_US
    return start_us, start_us + DAY_US


def _trades(connection: Connection, market: Market, day: dt.date) -> Iterator[Row]:
    start_us, end_us = _bounds_us(day)
    last = queries.first_trade_at(connection, at_us=start_us) - 1
    while True:
        rows = queries.trades(connection, market=market.name, since=last, limit=CHUNK)
        for row in rows:
            if row.at_us >= end_us:
                return
            price, quantity = market.price(row.price_ticks), market.quantity(row.quantity_lots)
            quote = market.quote.text(row.quote_atoms)
            yield row.id, at_text(row.at_us), price, quantity, quote, row.taker_side, row.seq
        if len(rows) < CHUNK:
            return
        last = rows[-1].id


def _candles(connection: Connection, market: Market, day: dt.date) -> Iterator[Row]:
    """Every minute of the day from the first trade of the market on, those without trades too."""
    start_us, end_us = _bounds_us(day)
    found = queries.candles(
        connection, market=market.name, interval_s=MINUTE_S, origin_us=0, start_us=start_us, end_us=end_us
    )
    close = queries.last_close(connection, market=market.name, before_us=start_us)
    for one in filled(found, start_us, end_us, MINUTE_S * 1_000_000, close):
        prices = map(market.price, (one.open, one.high, one.low, one.close))
        volumes = market.quantity(one.volume), market.quote.text(one.quote)
        yield at_text(one.start_us), *prices, *volumes, one.trades


def _write(folder: Path, name: str, columns: Row, rows: Iterable[Row]) -> Dumped:
    """Writes the file whole or not at all; one that is there must hold the same."""
    partial, path = folder / f".{name}.partial", folder / name
    with (
        partial.open("wb") as raw,
        gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0) as packed,
        io.TextIOWrapper(packed, encoding="ascii", newline="") as text,
    ):
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
    digest = _sha256(partial)
    if path.exists():
        partial.unlink()
        if _sha256(path) != digest:
            raise DumpDiffers(f"{path} is not what history says.")
        return Dumped(name, digest, is_new=False)
    partial.rename(path)
    return Dumped(name, digest, is_new=True)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_sums(folder: Path, files: Iterable[Dumped]) -> None:
    """As ``sha256sum -c`` reads them, of all files that were ever written here."""
    path = folder / SUMS
    known: dict[str, str] = {}
    for line in path.read_text().splitlines() if path.exists() else ():
        digest, _, name = line.partition("  ")
        known[name] = digest
    known |= {file.name: file.sha256 for file in files}
    path.write_text("".join(f"{digest}  {name}\n" for name, digest in sorted(known.items())))
