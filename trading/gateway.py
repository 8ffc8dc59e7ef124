"""What traders can do: the domain calls that REST and the stream translate to.

Every function runs on the event loop. It refuses by ``Problem`` what is obviously wrong from this process's own state,
without writing anything; all else becomes a command, and its answer is what the engine made of it, after COMMIT.
"""

import datetime as dt
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from psycopg import Connection, OperationalError

from accounts.problems import CONFLICT, INVALID_PARAMETER, NOT_READY, Problem

from . import amounts, queries
from .engine.commands import CancelAll, CancelOrder, Command, Credit, PlaceOrder, Side
from .engine.order_checks import MAXIMUM_NOTIONAL_ATOMS, MAXIMUM_PRICE_TICKS, MAXIMUM_QUANTITY_LOTS
from .engine.outcomes import CommandRejected, Filled, OrderCancelled, Reason
from .inbox import Overloaded
from .instruments import Market, OffLot, OffTick
from .journal.records import derived_command_id, new_command_id
from .models import FaucetGrant
from .problems import (
    FAUCET_LIMIT,
    NOT_SUPPORTED,
    OFF_LOT,
    OFF_TICK,
    ORDER_CLOSED,
    OUTCOME_UNKNOWN,
    OVERLOADED,
    TOO_PRECISE,
    UNKNOWN_ASSET,
    UNKNOWN_MARKET,
    UNKNOWN_ORDER,
    refused,
)
from .replica import Answer, ReplicaStopped
from .runtime import CommandRefused, LiveBehind, OutcomeUnknown, ProjectionBehind, Runtime
from .shapes import FillBody, OrderBody, OrderLike, OrderRequest, at_text, order_body

log = logging.getLogger(__name__)

FILLS_LIMIT = 1000
"""At most this many fills are told with one order; all are in GET /trade/fills."""

FAUCET_DAILY = {"BTC": 100, "ETH": 1_000, "USD": 10_000_000}
"""Whole units that the faucet gives an account in a day (UTC)."""

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_CLIENT_ID = re.compile(r"client:([A-Za-z0-9._~:-]{1,64})")


@dataclass(frozen=True, slots=True)
class Placed:
    """An order's answer. ``created`` is False if the same request had been carried out before."""

    order: OrderBody
    created: bool


def market_of(runtime: Runtime, name: str) -> Market:
    state = runtime.live.markets.get(name)
    if state is None:
        raise Problem(UNKNOWN_MARKET, f"There is no market {name!r}. GET /public/markets lists all.")
    return state.market


# Orders


async def place_order(
    runtime: Runtime, *, account: int, request: OrderRequest, idempotency_key: str | None, request_id: str
) -> Placed:
    """Places an order. Raises Problem; a refusal of the engine carries its reason as code."""
    market = market_of(runtime, request.market)
    command = as_command(account, request, market)
    if request.client_order_id is not None:
        command_id = client_command_id(account, request.client_order_id)
    elif idempotency_key is not None:
        command_id = derived_command_id("key", account, idempotency_key)
    else:
        command_id = new_command_id()
    answer = await submit(runtime, command, command_id=command_id, request_id=request_id)
    order = runtime.live.order(command_id)
    if answer.applied is not None and order is not None:
        fills = [
            _taker_fill(fill, market, answer.applied.at_us) for fill in answer.applied.outcomes if type(fill) is Filled
        ]
        return Placed(_unless_rejected(order, market, fills), created=True)
    return Placed(await _first_answer(runtime, account, command_id, market), created=False)


def client_command_id(account: int, client_order_id: str) -> str:
    return derived_command_id("order", account, client_order_id)


def as_command(account: int, request: OrderRequest, market: Market) -> PlaceOrder:
    """The command of a request. Raises Problem for what needs no engine to refuse."""
    _refuse_unsupported(request)
    is_limit = request.type == "limit"
    price = request.price if is_limit else request.slippage_price
    if is_limit and request.slippage_price is not None:
        raise _wrong("slippage_price", "A limit order has its limit in price; slippage_price is for market orders.")
    if not is_limit and request.price is not None:
        raise _wrong("price", "A market order has no price; slippage_price caps it.")
    if is_limit and price is None:
        raise _wrong("price", "A limit order needs a price.")
    if (request.quantity is None) == (request.quote_quantity is None):
        raise _wrong("quantity", "Give quantity, or quote_quantity for a market buy.")
    if request.quote_quantity is not None and (is_limit or request.side == "sell"):
        raise _wrong("quote_quantity", "Only a market buy can be given by quote_quantity.")
    tif = request.time_in_force or ("GTC" if is_limit else "IOC")
    if tif == "GTD" or request.post_only == "reprice":
        raise Problem(NOT_SUPPORTED, "GTD and reprice are not supported yet.")
    return PlaceOrder(
        account=account,
        market=market.name,
        side=request.side,
        type="limit" if is_limit else "market",
        time_in_force=tif,
        quantity_lots=None if request.quantity is None else _lots(market, request.quantity),
        budget_atoms=None if request.quote_quantity is None else _budget(market, request.quote_quantity),
        price_ticks=None if price is None else _ticks(market, price, "price" if is_limit else "slippage_price"),
        post_only=request.post_only,
        client_order_id=request.client_order_id,
    )


async def cancel_order(runtime: Runtime, *, account: int, reference: str, request_id: str) -> OrderBody:
    """Cancels one order, by its id or ``client:ID``. Raises Problem: unknown_order, order_closed."""
    order_id = _order_id(account, reference)
    order = await _known_order(runtime, account, order_id)
    if order.status != "open":
        raise _closed(order)
    answer = await submit(
        runtime,
        CancelOrder(account=account, order=order.seq),
        command_id=new_command_id(),
        request_id=request_id,
    )
    order = runtime.live.order(order_id) or order
    if answer.applied is not None and type(answer.applied.outcomes[0]) is CommandRejected:
        raise _closed(order)
    return await describe(runtime, order)


async def cancel_all(runtime: Runtime, *, account: int, market: str | None, side: Side | None, request_id: str) -> int:
    """Cancels the account's open orders; returns how many."""
    if market is not None:
        market_of(runtime, market)
    command = CancelAll(account=account, market=market, side=side)
    answer = await submit(runtime, command, command_id=new_command_id(), request_id=request_id)
    outcomes = [] if answer.applied is None else answer.applied.outcomes
    return sum(type(outcome) is OrderCancelled for outcome in outcomes)


async def find_order(runtime: Runtime, *, account: int, reference: str) -> OrderBody:
    """One order with its fills, by its id or ``client:ID``. Raises Problem unknown_order."""
    order_id = _order_id(account, reference)
    return await describe(runtime, await _known_order(runtime, account, order_id))


async def _known_order(runtime: Runtime, account: int, order_id: str) -> OrderLike:
    """The account's order as it stands. Raises Problem unknown_order."""
    order: OrderLike | None = runtime.live.order(order_id)
    if order is None:
        with _reading():
            await runtime.catch_up()  # another process may have acknowledged it just now
        order = runtime.live.order(order_id)
    if order is None:
        order = await read(runtime, queries.order_by_id, order_id=order_id)
    if order is None or order.account != account:
        raise Problem(UNKNOWN_ORDER, "You have no order of this id.")
    return order


async def describe(runtime: Runtime, order: OrderLike) -> OrderBody:
    """The order's answer; its fills are read if it has any."""
    market = market_of(runtime, order.market)
    rows = []
    if order.filled_lots:
        rows = await read(runtime, queries.fills, account=order.account, order_id=order.order_id, limit=FILLS_LIMIT)
    return order_body(order, market, [fill_body(row, market) for row in reversed(rows)])


def fill_body(row: queries.FillRow, market: Market) -> FillBody:
    return FillBody(
        id=row.trade_id,
        price=market.price(row.price_ticks),
        quantity=market.quantity(row.quantity_lots),
        quote_quantity=market.quote.text(row.quote_atoms),
        fee=market.quote.text(row.fee_atoms),
        fee_asset=market.quote.definition.asset,
        liquidity=row.liquidity,  # type: ignore[arg-type]
        at=at_text(row.at_us),
    )


# The faucet


async def draw_from_faucet(
    runtime: Runtime,
    *,
    account: int,
    asset: str,
    quantity: str,
    today: dt.date,
    idempotency_key: str | None,
    request_id: str,
) -> tuple[str, int]:
    """Credits play money; returns the quantity and the sequence. Raises Problem, faucet_limit beyond the day's limit."""
    known = runtime.live.assets.get(asset)
    if known is None:
        raise Problem(UNKNOWN_ASSET, f"There is no asset {asset!r}. GET /public/assets lists all.")
    atoms = _atoms(known.parse, quantity, "quantity")
    if atoms == 0:
        raise _wrong("quantity", "The quantity must be more than zero.")
    limit = FAUCET_DAILY.get(asset, 0) * 10**known.definition.decimals
    key = new_command_id() if idempotency_key is None else idempotency_key
    command_id = derived_command_id("faucet", account, key)
    grant = FaucetGrant(command_id=command_id, account_id=account, asset=asset, day=today, amount_atoms=atoms)
    granted = await read(runtime, _grant, grant=grant, limit_atoms=limit)
    if granted is None:
        raise Problem(FAUCET_LIMIT, f"At most {FAUCET_DAILY.get(asset, 0)} {asset} per account and day.")
    if granted != (asset, atoms):
        raise Problem(CONFLICT, "This idempotency key was used for a different request.")
    credit = Credit(account=account, asset=asset, amount_atoms=atoms, source="faucet", reference=command_id)
    answer = await submit(runtime, credit, command_id=command_id, request_id=request_id)
    return known.text(atoms), answer.seq


def _grant(
    connection: Connection[tuple[object, ...]], *, grant: FaucetGrant, limit_atoms: int
) -> tuple[str, int] | None:
    """Writes the grant down if the day's limit allows it; one account at a time.

    Returns asset and atoms of what is granted under this command id, which a grant before this one may have said
    otherwise; None if nothing is.
    """
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('faucet', %s))", (grant.account_id,))
        row = connection.execute(
            "WITH given AS (SELECT coalesce(sum(amount_atoms), 0) AS atoms FROM faucet_grant"
            "  WHERE account_id = %(account)s AND asset = %(asset)s AND day = %(day)s AND command_id <> %(id)s),"
            " made AS (INSERT INTO faucet_grant (command_id, account_id, asset, day, amount_atoms)"
            "  SELECT %(id)s, %(account)s, %(asset)s, %(day)s, %(atoms)s FROM given"
            "  WHERE given.atoms + %(atoms)s <= %(limit)s ON CONFLICT DO NOTHING RETURNING asset, amount_atoms)"
            " SELECT asset, amount_atoms FROM made"
            " UNION ALL SELECT asset, amount_atoms FROM faucet_grant WHERE command_id = %(id)s",
            {
                "id": grant.command_id,
                "account": grant.account_id,
                "asset": grant.asset,
                "day": grant.day,
                "atoms": grant.amount_atoms,
                "limit": limit_atoms,
            },
        ).fetchone()
    return None if row is None else (str(row[0]), int(str(row[1])))


# Shared


async def submit(runtime: Runtime, command: Command, *, command_id: str, request_id: str) -> Answer:
    """Submits a command; raises Problem for what can go wrong on the way, and for an id used for another command."""
    try:
        answer = await runtime.submit(command, command_id=command_id, request_id=request_id)
    except Overloaded as error:
        raise Problem(OVERLOADED, f"Nothing was done: {error}.", headers={"Retry-After": "1"}) from error
    except ReplicaStopped as error:
        raise Problem(NOT_READY, f"Nothing was done: {error}.", headers={"Retry-After": "2"}) from error
    except CommandRefused as error:
        raise Problem(INVALID_PARAMETER, "The database cannot store what this request holds.") from error
    except OutcomeUnknown as error:
        detail = "Ask again with the same idempotency key or client order id, or look at your open orders."
        raise Problem(OUTCOME_UNKNOWN, detail, headers={"Retry-After": "2"}) from error
    if answer.conflict:
        raise Problem(CONFLICT, "This idempotency key or client order id was used for a different request.")
    return answer


async def read(runtime: Runtime, query, /, **arguments):  # type: ignore[no-untyped-def]
    """Runs a query; raises Problem not_ready if the read models are behind what was answered already, or out of reach."""
    with _reading():
        return await runtime.read(query, **arguments)


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except (LiveBehind, ProjectionBehind) as error:
        raise Problem(NOT_READY, f"{error}.", headers={"Retry-After": "1"}) from error
    except OperationalError as error:
        log.warning("a query failed: %s", str(error).strip() or repr(error))
        raise Problem(NOT_READY, "The database does not answer.", headers={"Retry-After": "1"}) from error


async def _first_answer(runtime: Runtime, account: int, command_id: str, market: Market) -> OrderBody:
    order: OrderLike | None = runtime.live.order(command_id)
    if order is None:
        order = await read(runtime, queries.order_by_id, order_id=command_id)
    if order is None or order.account != account:
        raise Problem(CONFLICT, "This idempotency key was used for a different request.")
    body = await describe(runtime, order)
    return _unless_rejected(order, market, body.fills)


def _unless_rejected(order: OrderLike, market: Market, fills: list[FillBody]) -> OrderBody:
    if order.status == "rejected":
        raise refused(Reason(order.reason), order_id=order.order_id, sequence=order.updated_seq)
    return order_body(order, market, fills)


def _taker_fill(fill: Filled, market: Market, at_us: int) -> FillBody:
    return FillBody(
        id=fill.trade,
        price=market.price(fill.price_ticks),
        quantity=market.quantity(fill.quantity_lots),
        quote_quantity=market.quote.text(fill.quote_atoms),
        fee=market.quote.text(fill.taker_fee_atoms),
        fee_asset=market.quote.definition.asset,
        liquidity="taker",
        at=at_text(at_us),
    )


def _order_id(account: int, reference: str) -> str:
    if match := _CLIENT_ID.fullmatch(reference):
        return client_command_id(account, match[1])
    if _UUID.fullmatch(reference.lower()):
        return reference.lower()
    raise Problem(UNKNOWN_ORDER, "You have no order of this id.")


def _closed(order: OrderLike) -> Problem:
    detail = f"The order is {order.status}."
    return Problem(ORDER_CLOSED, detail, {"order_id": order.order_id, "sequence": order.updated_seq})


def _refuse_unsupported(request: OrderRequest) -> None:
    if request.type not in ("limit", "market"):
        raise Problem(NOT_SUPPORTED, f"Orders of type {request.type} are not supported yet.")
    if request.self_trade_prevention != "cancel_newest":
        raise Problem(NOT_SUPPORTED, "Self-trade prevention is cancel_newest.")
    given = {
        "expires_at": request.expires_at,
        "display_quantity": request.display_quantity,
        "trigger_price": request.trigger_price,
        "trailing_offset": request.trailing_offset,
        "deadline_at": request.deadline_at,
        "validate_only": request.validate_only or None,
    }
    for name, value in given.items():
        if value is not None:
            raise Problem(NOT_SUPPORTED, f"{name} is not supported yet.", {"errors": {name: ["Leave it out."]}})


def _ticks(market: Market, text: str, name: str) -> int:
    try:
        return _bounded(market.parse_price(text), MAXIMUM_PRICE_TICKS)
    except OffTick as error:
        raise Problem(OFF_TICK, str(error), {"errors": {name: [str(error)]}}) from error
    except amounts.NotADecimal as error:
        raise _wrong(name, str(error)) from error


def _lots(market: Market, text: str) -> int:
    try:
        return _bounded(market.parse_quantity(text), MAXIMUM_QUANTITY_LOTS)
    except OffLot as error:
        raise Problem(OFF_LOT, str(error), {"errors": {"quantity": [str(error)]}}) from error
    except amounts.NotADecimal as error:
        raise _wrong("quantity", str(error)) from error


def _budget(market: Market, text: str) -> int:
    return _bounded(_atoms(market.quote.parse, text, "quote_quantity"), MAXIMUM_NOTIONAL_ATOMS)


def _bounded(value: int, maximum: int) -> int:
    """Refuses here what the engine would refuse, so that the journal holds no number wider than its readers expect."""
    if value > maximum:
        raise refused(Reason.ABOVE_MAXIMUM)
    return value


def _atoms(parse, text: str, name: str) -> int:  # type: ignore[no-untyped-def]
    try:
        return int(parse(text))
    except amounts.TooPrecise as error:
        raise Problem(TOO_PRECISE, str(error), {"errors": {name: [str(error)]}}) from error
    except amounts.NotADecimal as error:
        raise _wrong(name, str(error)) from error


def _wrong(name: str, detail: str) -> Problem:
    return Problem(INVALID_PARAMETER, detail, {"errors": {name: [detail]}})
