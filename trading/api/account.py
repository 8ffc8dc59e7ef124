"""The part of the realm /account that the engine answers, and the stream's token."""

import datetime as dt
from collections.abc import Iterable

from django.conf import settings
from msgspec import Struct

import ledger.queries
from accounts.authentication import STREAM_TOKEN_TTL_S, make_stream_token
from accounts.problems import Problem
from trading import faucet, submission
from trading.problems import NO_FAUCET, UNKNOWN_ASSET
from trading.runtime import Runtime
from trading.shapes.accounts import BalanceBody, BalanceList, FaucetBody, LedgerLine, LedgerPage, StreamToken
from trading.shapes.fields import AssetName, Cursor, Limit
from trading.shapes.requests import FaucetRequest
from trading.shapes.texts import at_text

from .http import Request
from .pages import NamesQuery, page_of_names
from .routes import Reply, Route


class LedgerQuery(Struct, forbid_unknown_fields=True):
    asset: AssetName | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


async def get_balances(runtime: Runtime, request: Request) -> Reply:
    names, cursor = page_of_names(runtime.live.assets, request.query(NamesQuery))
    return Reply(200, BalanceList(balance_bodies(runtime, request.account, names), cursor, runtime.live.seq))


async def get_ledger(runtime: Runtime, request: Request) -> Reply:
    query = request.query(LedgerQuery)
    if query.asset is not None and query.asset not in runtime.live.assets:
        raise Problem(UNKNOWN_ASSET, f"There is no asset {query.asset!r}. GET /public/assets lists all.")
    before = None if query.cursor is None else int(query.cursor)
    lines = await submission.read(
        runtime,
        ledger.queries.statement,
        owner=request.account,
        asset=query.asset,
        before_id=before,
        limit=query.limit,
    )
    items = []
    for line in lines:
        asset = runtime.live.assets[line.asset]
        items.append(
            LedgerLine(
                line.id,
                line.asset,
                asset.text(line.amount_atoms),
                asset.text(line.balance_atoms),
                line.kind,
                f"event:{line.cause}",
                at_text(line.at_us),
                line.cause,
            )
        )
    return Reply(200, LedgerPage(items, str(lines[-1].id) if len(lines) == query.limit else None))


async def post_faucet(runtime: Runtime, request: Request) -> Reply:
    if not settings.DEMO:
        raise Problem(NO_FAUCET, "The faucet exists in demo mode only.")
    given = request.json(FaucetRequest)
    quantity, sequence = await faucet.draw(
        runtime,
        account=request.account,
        asset=given.asset,
        quantity=given.quantity,
        today=dt.datetime.now(dt.UTC).date(),
        idempotency_key=request.idempotency_key,
        request_id=request.request_id,
    )
    return Reply(201, FaucetBody(given.asset, quantity, sequence))


async def get_stream_token(runtime: Runtime, request: Request) -> Reply:
    expires_at = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=STREAM_TOKEN_TTL_S)
    expires_us = int(expires_at.timestamp() * 1_000_000)
    return Reply(200, StreamToken(make_stream_token(request.signed_in), at_text(expires_us)))


def balance_bodies(runtime: Runtime, account: int, assets: Iterable[str]) -> list[BalanceBody]:
    """The account's balances in these assets; nothing of an asset is a balance too."""
    bodies = []
    for name in assets:
        asset = runtime.live.assets[name]
        available, held = runtime.live.balance(account, name)
        bodies.append(BalanceBody(name, asset.text(available + held), asset.text(available), asset.text(held)))
    return bodies


ROUTES = [
    Route(method="GET", path="/account/balances", name="balances", summary="What I have, free and held", needs="read",
          handler=get_balances, query=NamesQuery, answer=BalanceList),
    Route(method="GET", path="/account/ledger", name="ledger", summary="Every change of my balances, newest first",
          weight=5, needs="read", handler=get_ledger, query=LedgerQuery, answer=LedgerPage),
    Route(method="POST", path="/account/faucet", name="faucet", summary="Play money, in demo mode", needs="user",
          idempotency_key=True, handler=post_faucet, status=201, body=FaucetRequest, answer=FaucetBody),
    Route(method="GET", path="/session/stream-token", name="stream_token", summary="A token for the stream",
          needs="any_key", guarded_by="database", handler=get_stream_token, answer=StreamToken),
]  # fmt: skip
