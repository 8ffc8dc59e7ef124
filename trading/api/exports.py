"""The part of the realm /account that is saved: a trading account's history as CSV."""

from typing import Annotated

from msgspec import Meta, Struct

from trading.exports import fills_csv, ledger_csv, tax_csv
from trading.runtime import Runtime

from .http import File, Request
from .routes import Reply, Route

WEIGHT = 100
MEDIA_TYPE = "text/csv; charset=utf-8"


class TaxQuery(Struct, forbid_unknown_fields=True):
    """A year, UTC."""

    year: Annotated[int, Meta(ge=1970, le=9998)]


class NoQuery(Struct, forbid_unknown_fields=True):
    """All of it."""


async def get_fills_csv(runtime: Runtime, request: Request) -> Reply:
    request.query(NoQuery)
    return Reply(200, File("trades.csv", MEDIA_TYPE, fills_csv(runtime, account=request.account)))


async def get_ledger_csv(runtime: Runtime, request: Request) -> Reply:
    request.query(NoQuery)
    return Reply(200, File("ledger.csv", MEDIA_TYPE, ledger_csv(runtime, account=request.account)))


async def get_tax_csv(runtime: Runtime, request: Request) -> Reply:
    year = request.query(TaxQuery).year
    return Reply(200, File(f"tax-{year}.csv", MEDIA_TYPE, tax_csv(runtime, account=request.account, year=year)))


ROUTES = [
    Route(method="GET", path="/account/export/trades.csv", name="export_trades", summary="All my fills, oldest first, as CSV",
          weight=WEIGHT, needs="read", is_csv=True, handler=get_fills_csv),
    Route(method="GET", path="/account/export/ledger.csv", name="export_ledger",
          summary="Every change of my balances, oldest first, as CSV",
          weight=WEIGHT, needs="read", is_csv=True, handler=get_ledger_csv),
    Route(method="GET", path="/account/export/tax.csv", name="export_tax",
          summary="A year: opening balances, every change, closing balances, as CSV",
          weight=WEIGHT, needs="read", is_csv=True, handler=get_tax_csv, query=TaxQuery),
]  # fmt: skip
