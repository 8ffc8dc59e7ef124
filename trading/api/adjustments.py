"""The realm /staff/adjustments, for admins: balances put right by hand, beyond a limit by two people."""

import datetime as dt
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from accounts.database import in_database
from accounts.problems import INVALID_PARAMETER, Problem
from trading import adjustment_rows
from trading.adjustment_rows import Wish
from trading.adjustments import carry_out, credit_wish, debit_wish
from trading.journal.records import derived_command_id
from trading.market_states import in_one_line
from trading.models import Adjustment
from trading.order_requests import wrong
from trading.runtime import Runtime
from trading.shapes.fields import Amount, AssetName, Cursor, Limit, Totp
from trading.shapes.texts import datetime_text

from .authentication import caller_of, prove_once_more
from .http import Request
from .routes import Reply, Route

REASON_LIMIT = 100
Number = Annotated[int, Meta(ge=1, le=10**18 - 1)]
State = Literal["waiting", "rejected", "approved", "done"]


class AdjustmentRequest(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A credit of ``quantity`` to a trading account, or the debit that takes the credit by hand of event ``sequence`` back."""

    kind: Literal["credit", "debit"]
    account: Number | None = None
    asset: AssetName | None = None
    quantity: Amount | None = None
    sequence: Number | None = None
    reason: Annotated[str, Meta(min_length=1, max_length=REASON_LIMIT)]
    totp: Totp | None = None


class DecisionRequest(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    totp: Totp | None = None


class AdjustmentsQuery(Struct, forbid_unknown_fields=True):
    state: State = "waiting"
    limit: Limit = 50
    cursor: Cursor | None = None


class AdjustmentBody(Struct, kw_only=True):
    """``sequence``: the event that carried it out; ``credit_sequence``: of a debit, the one that it takes back."""

    id: int
    kind: Literal["credit", "debit"]
    account: int
    asset: str
    quantity: str
    credit_sequence: int | None
    reason: str
    state: State
    asked_by: str
    asked_at: str
    decided_by: str | None
    decided_at: str | None
    sequence: int | None


class AdjustmentList(Struct):
    items: list[AdjustmentBody]
    next_cursor: str | None


async def post_adjustment(runtime: Runtime, request: Request) -> Reply:
    wanted = request.json(AdjustmentRequest)
    if not request.idempotency_key:
        raise Problem(INVALID_PARAMETER, "Send the header Idempotency-Key: it is carried out once for each.")
    wish = await _wish(runtime, wanted)
    await prove_once_more(request, wanted.totp)
    key = derived_command_id("adjustment key", request.idempotency_key)
    row, is_new = await in_database(adjustment_rows.ask, wish=wish, key=key, **_staff(request))
    row = await carry_out(runtime, row, request_id=request.request_id)
    return Reply(201 if is_new else 200, _body(runtime, row))


async def get_adjustments(runtime: Runtime, request: Request) -> Reply:
    query = request.query(AdjustmentsQuery)
    before = None if query.cursor is None else int(query.cursor)
    rows = await in_database(adjustment_rows.page, state=query.state, before=before, limit=query.limit)
    cursor = str(rows[-1].id) if len(rows) == query.limit else None
    return Reply(200, AdjustmentList([_body(runtime, row) for row in rows], cursor))


async def post_approve(runtime: Runtime, request: Request) -> Reply:
    return await _decide(runtime, request, approve=True)


async def post_reject(runtime: Runtime, request: Request) -> Reply:
    return await _decide(runtime, request, approve=False)


async def _decide(runtime: Runtime, request: Request, *, approve: bool) -> Reply:
    wanted = request.json(DecisionRequest)
    if not (request.parameter.isascii() and request.parameter.isdigit() and len(request.parameter) <= 18):
        raise adjustment_rows.unknown()
    await prove_once_more(request, wanted.totp)
    number = int(request.parameter)
    row = await in_database(adjustment_rows.decide, number=number, approve=approve, **_staff(request))
    return Reply(200, _body(runtime, await carry_out(runtime, row, request_id=request.request_id)))


async def _wish(runtime: Runtime, wanted: AdjustmentRequest) -> Wish:
    reason = in_one_line(wanted.reason)
    if wanted.kind == "debit":
        if wanted.sequence is None or (wanted.account, wanted.asset, wanted.quantity) != (None, None, None):
            raise wrong("sequence", "A debit names the event of the credit, and nothing else.")
        return await debit_wish(runtime, credit_seq=wanted.sequence, reason=reason)
    if wanted.account is None or wanted.asset is None or wanted.quantity is None or wanted.sequence is not None:
        raise wrong("account", "A credit names account, asset and quantity, and nothing else.")
    return credit_wish(runtime, account=wanted.account, asset=wanted.asset, quantity=wanted.quantity, reason=reason)


def _staff(request: Request) -> dict[str, Any]:
    """Who asks, from where and when."""
    return {"by": request.signed_in.user_id, "caller": caller_of(request), "now": dt.datetime.now(dt.UTC)}


def _body(runtime: Runtime, row: Adjustment) -> AdjustmentBody:
    return AdjustmentBody(
        id=row.id,
        kind=row.kind,  # type: ignore[arg-type]
        account=row.account_id,
        asset=row.asset,
        quantity=runtime.live.assets[row.asset].text(int(row.amount_atoms)),
        credit_sequence=row.credit_seq,
        reason=row.reason,
        state=row.state,  # type: ignore[arg-type]
        asked_by=row.asked_by.email,
        asked_at=datetime_text(row.asked_at),
        decided_by=None if row.decided_by is None else row.decided_by.email,
        decided_at=datetime_text(row.decided_at),
        sequence=row.event_seq,
    )


ROUTES = [
    Route(method="POST", path="/staff/adjustments", name="adjust", summary="A credit by hand, or one taken back", needs="admin",
          idempotency_key=True, told_again=True, handler=post_adjustment, status=201, body=AdjustmentRequest,
          answer=AdjustmentBody),
    Route(method="GET", path="/staff/adjustments", name="adjustments", summary="What waits for another, or is in another state",
          weight=5, needs="admin", handler=get_adjustments, query=AdjustmentsQuery, answer=AdjustmentList),
    Route(method="POST", path="/staff/adjustments/{id}/approve", name="approve_adjustment", needs="admin",
          summary="What another has asked for is done", handler=post_approve, body=DecisionRequest, answer=AdjustmentBody),
    Route(method="POST", path="/staff/adjustments/{id}/reject", name="reject_adjustment", needs="admin",
          summary="What another has asked for is not done", handler=post_reject, body=DecisionRequest, answer=AdjustmentBody),
]  # fmt: skip
