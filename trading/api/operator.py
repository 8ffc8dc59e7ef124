"""The part of the realm /operator that the engine answers: what it and its markets take. Nobody but operators, signed in."""

import datetime as dt
import time
from typing import Annotated, Literal

from msgspec import Meta, Struct

from accounts.database import in_database
from accounts.security_log import record_act
from trading.closures import Closure, EnginePhase
from trading.engine.commands import MarketState
from trading.market_states import REASON_LIMIT, in_one_line, set_market_state
from trading.runtime import Runtime
from trading.shapes.fields import MarketName, Totp
from trading.shapes.texts import at_text
from trading.suspension import resume, shut_down, suspend

from .authentication import caller_of, prove_once_more
from .http import Request
from .routes import Reply, Route

TIMEOUT_S = 60
TIMEOUT_LIMIT_S = 86_400
Reason = Annotated[str, Meta(min_length=1, max_length=REASON_LIMIT)]


class MarketStateRequest(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What the market is to take from now on, and why: the journal keeps the reason, and who it was."""

    market: MarketName
    state: MarketState
    reason: Reason
    totp: Totp | None = None


class MarketStateBody(Struct, kw_only=True):
    """In force since the event ``sequence``."""

    market: str
    state: MarketState
    reason: str
    sequence: int


class EngineRequest(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Whether anything new is to be taken from now on. The journal keeps the reason, and who it was."""

    action: Literal["suspend", "resume"]
    reason: Reason = "no reason was given"
    totp: Totp | None = None


class EngineBody(Struct, kw_only=True):
    """So it is since the event ``sequence``, or since one before it if it was so already."""

    engine: EnginePhase
    sequence: int


class ShutdownRequest(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """``timeout_s``: how long orders may stay open; for ``immediate`` it means nothing."""

    mode: Literal["immediate", "wind_down"]
    timeout_s: Annotated[int, Meta(ge=1, le=TIMEOUT_LIMIT_S)] = TIMEOUT_S
    reason: Reason = "no reason was given"
    totp: Totp | None = None


class ShutdownBody(Struct, kw_only=True):
    """``ends_at``: at the latest."""

    engine: Literal["winding_down"]
    mode: Literal["immediate", "wind_down"]
    ends_at: str
    sequence: int


async def post_engine(runtime: Runtime, request: Request) -> Reply:
    wanted = request.json(EngineRequest)
    words = in_one_line(wanted.reason)
    await prove_once_more(request, wanted.totp)
    act = suspend if wanted.action == "suspend" else resume
    sequence = await act(runtime, words=words, by=request.signed_in.user_id, request_id=request.request_id)
    await _note(request, f"{wanted.action} the engine: {words}")
    return Reply(200, EngineBody(engine=runtime.engine_phase, sequence=sequence))


async def post_shutdown(runtime: Runtime, request: Request) -> Reply:
    wanted = request.json(ShutdownRequest)
    words = in_one_line(wanted.reason)
    await prove_once_more(request, wanted.totp)
    now_us = time.time_ns() // 1000
    closure = Closure(phase="stopped", at_us=now_us)
    if wanted.mode == "wind_down":
        closure = Closure(phase="winding down", at_us=now_us + wanted.timeout_s * 1_000_000)
    by = request.signed_in.user_id
    sequence = await shut_down(runtime, closure=closure, words=words, by=by, request_id=request.request_id)
    await _note(request, f"shutdown {wanted.mode}: {words}")
    ends_at = at_text(closure.at_us or now_us)
    return Reply(202, ShutdownBody(engine="winding_down", mode=wanted.mode, ends_at=ends_at, sequence=sequence))


async def _note(request: Request, detail: str) -> None:
    """In the security log of who did it."""
    principal, now = request.signed_in, dt.datetime.now(dt.UTC)
    await in_database(record_act, user_id=principal.user_id, caller=caller_of(request), now=now, detail=detail)


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
    Route(method="POST", path="/operator/engine", name="set_engine_state", summary="Suspends the engine, or resumes it",
          needs="operator", handler=post_engine, body=EngineRequest, answer=EngineBody),
    Route(method="POST", path="/operator/shutdown", name="shut_down", summary="Has the whole exchange go down",
          needs="operator", handler=post_shutdown, status=202, body=ShutdownRequest, answer=ShutdownBody),
    Route(method="POST", path="/operator/market", name="set_market_state", summary="What a market takes from now on, and why",
          needs="operator", handler=post_market, body=MarketStateRequest, answer=MarketStateBody),
]  # fmt: skip
