"""The part of the realm /staff about users, for admins: who they are, what they have and did, what they may do.

Looking changes nothing, and is in the log of who looked.
"""

import datetime as dt
import uuid
from typing import Annotated, Any

from msgspec import Meta, Struct

from accounts.database import in_database
from accounts.models import Account, User
from accounts.problems import UNKNOWN_ACCOUNT, Problem
from accounts.staff import accounts_of, find_user, looked_at, note_cancelled, users_page
from accounts.suspensions import REASON_LIMIT, What, set_suspended, suspended_accounts
from accounts.verification import level_of
from trading.engine.commands import Side
from trading.market_states import in_one_line
from trading.order_requests import wrong
from trading.origins import staffs
from trading.problems import UNKNOWN_ORDER
from trading.runtime import Runtime
from trading.shapes.accounts import BalanceList
from trading.shapes.fields import Cursor, Limit, MarketName, Totp
from trading.shapes.orders import FillList, OrderBody, OrderList
from trading.shapes.texts import datetime_text
from trading.staff_cancelling import cancel_all, cancel_one

from .account import balance_bodies
from .authentication import caller_of, prove_once_more
from .http import Request
from .pages import NamesQuery, page_of_names
from .routes import Reply, Route
from .trade import FillsQuery, OrdersQuery, fill_list, order_list

AccountId = Annotated[
    int, Meta(ge=1, le=10**18 - 1, description="One of the user's trading accounts, else the main one.")
]


class UsersQuery(Struct, forbid_unknown_fields=True):
    """``email``: a part of the address."""

    email: Annotated[str, Meta(max_length=254, pattern=r"^[^\x00-\x1f]*$")] = ""
    limit: Limit = 50
    cursor: Cursor | None = None


class StaffBalancesQuery(NamesQuery, forbid_unknown_fields=True):
    account: AccountId | None = None


class StaffOrdersQuery(OrdersQuery, forbid_unknown_fields=True):
    account: AccountId | None = None


class StaffFillsQuery(FillsQuery, forbid_unknown_fields=True):
    account: AccountId | None = None


class SuspensionRequest(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What the user may not do any more, or may do again. The user reads the reason."""

    what: What
    reason: Annotated[str, Meta(min_length=1, max_length=REASON_LIMIT)]
    totp: Totp | None = None


class CancelRequest(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """One order, by its id; or all that are open, of one trading account, market or side if given. The user reads the reason."""

    reason: Annotated[str, Meta(min_length=1, max_length=REASON_LIMIT)]
    order: Annotated[str, Meta(max_length=36, description="An order's id.")] | None = None
    account: AccountId | None = None
    market: MarketName | None = None
    side: Side | None = None
    totp: Totp | None = None


class CancelledBody(Struct, kw_only=True):
    """How many were cancelled now; ``order``: the one that was asked for, as it ended."""

    cancelled: int
    order: OrderBody | None


class UserBody(Struct, kw_only=True):
    """``level``: of verification, 0 to 2. ``trading_suspended_at`` and ``withdrawing_suspended_at``: null while both are open."""

    id: str
    email: str
    level: int
    created_at: str
    email_verified_at: str | None
    withdrawals_frozen_until: str | None
    trading_suspended_at: str | None
    withdrawing_suspended_at: str | None


class UserList(Struct):
    items: list[UserBody]
    next_cursor: str | None


class UserAccount(Struct):
    id: int
    name: str
    created_at: str


class OneUser(UserBody, kw_only=True):
    accounts: list[UserAccount]


async def get_users(runtime: Runtime, request: Request) -> Reply:
    query = request.query(UsersQuery)
    before = None if query.cursor is None else int(query.cursor)
    rows = await in_database(users_page, email=query.email, before=before, limit=query.limit, **_staff(request))
    cursor = str(rows[-1].id) if len(rows) == query.limit else None
    return Reply(200, UserList([UserBody(**_user(row.owner)) for row in rows], cursor))


async def get_user(runtime: Runtime, request: Request) -> Reply:
    user, accounts, _ = await _looked_at(request, "the account", None)
    return Reply(200, OneUser(**_user(user), accounts=[_account(one) for one in accounts]))


async def get_balances(runtime: Runtime, request: Request) -> Reply:
    query = request.query(StaffBalancesQuery)
    _, _, account = await _looked_at(request, "the balances", query.account)
    names, cursor = page_of_names(runtime.live.assets, query)
    return Reply(200, BalanceList(balance_bodies(runtime, account, names), cursor, runtime.live.seq))


async def get_orders(runtime: Runtime, request: Request) -> Reply:
    query = request.query(StaffOrdersQuery)
    _, _, account = await _looked_at(request, f"the {query.status} orders", query.account)
    return Reply(200, await order_list(runtime, account, query))


async def get_trades(runtime: Runtime, request: Request) -> Reply:
    query = request.query(StaffFillsQuery)
    _, _, account = await _looked_at(request, "the trades", query.account)
    return Reply(200, await fill_list(runtime, account, query))


async def post_suspend(runtime: Runtime, request: Request) -> Reply:
    return await _set_suspended(runtime, request, suspended=True)


async def post_resume(runtime: Runtime, request: Request) -> Reply:
    return await _set_suspended(runtime, request, suspended=False)


async def _set_suspended(runtime: Runtime, request: Request, *, suspended: bool) -> Reply:
    """In force here when it is answered; in other processes as soon as they read it anew."""
    wanted = request.json(SuspensionRequest)
    user = await in_database(find_user, user_id=request.parameter)
    reason = in_one_line(wanted.reason)
    await prove_once_more(request, wanted.totp)
    changed = await in_database(
        set_suspended, user_id=user.id, what=wanted.what, suspended=suspended, reason=reason, **_staff(request)
    )
    runtime.suspended_accounts = await in_database(suspended_accounts)
    return Reply(200, UserBody(**_user(changed)))


async def post_cancel(runtime: Runtime, request: Request) -> Reply:
    """Done before it is in the logs: the journal has it all at once."""
    wanted = request.json(CancelRequest)
    if wanted.order is not None and (wanted.account, wanted.market, wanted.side) != (None, None, None):
        raise wrong("order", "One order is named by its id alone.")
    user = await in_database(find_user, user_id=request.parameter)
    reason = in_one_line(wanted.reason)
    await prove_once_more(request, wanted.totp)
    owned = await in_database(accounts_of, user_id=user.id)
    accounts = [one for one in owned if wanted.account in (None, one)]
    if not accounts:
        raise Problem(UNKNOWN_ACCOUNT, "The user has no such trading account.")
    origin = staffs(by=request.signed_in.user_id, request_id=request.request_id, reason=reason)
    order = None
    if wanted.order is not None:
        count, order = await cancel_one(runtime, accounts=accounts, order_id=_order_id(wanted.order), origin=origin)
    else:
        count = await cancel_all(runtime, accounts=accounts, market=wanted.market, side=wanted.side, origin=origin)
    await in_database(note_cancelled, user_id=user.id, count=count, reason=reason, **_staff(request))
    return Reply(200, CancelledBody(cancelled=count, order=order))


def _order_id(text: str) -> str:
    """Raises Problem. Client order ids are the clients' own: two accounts of a user may have the same."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise Problem(UNKNOWN_ORDER, "The user has no order of this id.") from None


async def _looked_at(request: Request, what: str, account: int | None) -> tuple[User, list[Account], int]:
    return await in_database(looked_at, user_id=request.parameter, account=account, what=what, **_staff(request))


def _staff(request: Request) -> dict[str, Any]:
    """Who asks, from where and when."""
    return {"by": request.signed_in.user_id, "caller": caller_of(request), "now": dt.datetime.now(dt.UTC)}


def _user(user: User) -> dict[str, Any]:
    return {
        "id": str(user.id),
        "email": user.email,
        "level": level_of(user),
        "created_at": datetime_text(user.created_at),
        "email_verified_at": datetime_text(user.email_verified_at),
        "withdrawals_frozen_until": datetime_text(user.withdrawals_frozen_until),
        "trading_suspended_at": datetime_text(user.trading_suspended_at),
        "withdrawing_suspended_at": datetime_text(user.withdrawing_suspended_at),
    }


def _account(account: Account) -> UserAccount:
    return UserAccount(account.id, account.name, datetime_text(account.created_at))


ROUTES = [
    Route(method="GET", path="/staff/users", name="staff_users", summary="Users, by a part of the address", weight=5,
          needs="admin", handler=get_users, query=UsersQuery, answer=UserList),
    Route(method="GET", path="/staff/users/{id}", name="staff_user", summary="One user", needs="admin",
          handler=get_user, answer=OneUser),
    Route(method="GET", path="/staff/users/{id}/balances", name="staff_balances", summary="What a user has", needs="admin",
          handler=get_balances, query=StaffBalancesQuery, answer=BalanceList),
    Route(method="GET", path="/staff/users/{id}/orders", name="staff_orders", summary="A user's open or closed orders",
          weight=5, needs="admin", handler=get_orders, query=StaffOrdersQuery, answer=OrderList),
    Route(method="GET", path="/staff/users/{id}/trades", name="staff_trades", summary="A user's fills", weight=5,
          needs="admin", handler=get_trades, query=StaffFillsQuery, answer=FillList),
    Route(method="POST", path="/staff/users/{id}/suspend", name="suspend_user", needs="admin", handler=post_suspend,
          summary="Has a user not trade, or not withdraw, any more", body=SuspensionRequest, answer=UserBody),
    Route(method="POST", path="/staff/users/{id}/resume", name="resume_user", needs="admin", handler=post_resume,
          summary="Has a user trade, or withdraw, again", body=SuspensionRequest, answer=UserBody),
    Route(method="POST", path="/staff/users/{id}/cancel", name="cancel_users_orders", needs="admin", handler=post_cancel,
          summary="Cancels a user's order, or all that are open", body=CancelRequest, answer=CancelledBody),
]  # fmt: skip
