"""The part of the realm /operator that the engine answers: what a market takes. Nobody but operators, signed in."""

from typing import Annotated

from msgspec import Meta, Struct

from trading.engine.commands import MarketState
from trading.market_states import REASON_LIMIT, set_market_state
from trading.runtime import Runtime
from trading.shapes.fields import MarketName, Totp

from .authentication import prove_once_more
from .http import Request
from .routes import Reply, Route


class MarketStateRequest(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What the market is to take from now on, and why: the journal keeps the reason, and who it was."""

    market: MarketName
    state: MarketState
    reason: Annotated[str, Meta(min_length=1, max_length=REASON_LIMIT)]
    totp: Totp | None = None


class MarketStateBody(Struct, kw_only=True):
    """In force since the event ``sequence``."""

    market: str
    state: MarketState
    reason: str
    sequence: int


async def post_market(runtime: Runtime, request: Request) -> Reply:
    wanted = request.json(MarketStateRequest)
    await prove_once_more(request, wanted.totp)
    sequence = await set_market_state(
        runtime,
        market=wanted.market,
        state=wanted.state,
        reason=wanted.reason,
        by=request.signed_in.user_id,
        request_id=request.request_id,
    )
    body = MarketStateBody(market=wanted.market, state=wanted.state, reason=wanted.reason.strip(), sequence=sequence)
    return Reply(200, body)


ROUTES = [
    Route(method="POST", path="/operator/market", name="set_market_state", summary="What a market takes from now on, and why",
          needs="operator", handler=post_market, body=MarketStateRequest, answer=MarketStateBody),
]  # fmt: skip
