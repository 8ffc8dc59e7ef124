"""The part of the realm /account about trading accounts. Which one acts is chosen by the header X-Account."""

import datetime as dt
from typing import Annotated

from msgspec import Meta, Struct

from accounts.database import in_database
from accounts.freeze import frozen_until
from accounts.models import Account
from accounts.subaccounts import NAME_LIMIT, account_with_owner, accounts_of
from accounts.verification import level_of
from trading.runtime import Runtime
from trading.shapes.texts import datetime_text
from trading.subaccounts import open_subaccount

from .http import Request
from .pages import ListQuery, page_of_numbered
from .routes import Reply, Route


class SubaccountRequest(Struct, forbid_unknown_fields=True):
    """A trading account to open. The name is its idempotency key."""

    name: Annotated[str, Meta(max_length=NAME_LIMIT)]


class AccountBody(Struct, kw_only=True):
    """The trading account that acts, and what its owner may. ``level``: of verification, 0 to 2."""

    id: int
    name: str
    created_at: str
    user_id: str
    level: int
    withdrawals_frozen_until: str | None


class SubaccountBody(Struct):
    """A trading account. ``id`` goes into X-Account; the one named ``main`` acts without it."""

    id: int
    name: str
    created_at: str


class SubaccountList(Struct):
    items: list[SubaccountBody]
    next_cursor: str | None


async def get_account(runtime: Runtime, request: Request) -> Reply:
    account = await in_database(account_with_owner, account_id=request.account)
    owner = account.owner
    frozen = frozen_until(owner, now=dt.datetime.now(dt.UTC))
    return Reply(
        200,
        AccountBody(
            id=account.id,
            name=account.name,
            created_at=datetime_text(account.created_at),
            user_id=str(owner.id),
            level=level_of(owner),
            withdrawals_frozen_until=datetime_text(frozen),
        ),
    )


async def get_subaccounts(runtime: Runtime, request: Request) -> Reply:
    accounts = await in_database(accounts_of, user_id=request.signed_in.user_id)
    page, cursor = page_of_numbered(accounts, request.query(ListQuery), lambda account: account.id)
    return Reply(200, SubaccountList([_body(account) for account in page], cursor))


async def post_subaccount(runtime: Runtime, request: Request) -> Reply:
    account, is_new = await open_subaccount(
        runtime,
        user_id=request.signed_in.user_id,
        name=request.json(SubaccountRequest).name,
        request_id=request.request_id,
    )
    return Reply(201 if is_new else 200, _body(account))


def _body(account: Account) -> SubaccountBody:
    return SubaccountBody(account.id, account.name, datetime_text(account.created_at))


ROUTES = [
    Route(method="GET", path="/account", name="account", summary="The trading account that acts, and what I may",
          needs="read", handler=get_account, answer=AccountBody),
    Route(method="GET", path="/account/subaccounts", name="subaccounts", summary="My trading accounts, main first",
          needs="user", handler=get_subaccounts, query=ListQuery, answer=SubaccountList),
    Route(method="POST", path="/account/subaccounts", name="open_subaccount", summary="Open a further trading account",
          needs="user", handler=post_subaccount, status=201, told_again=True,
          body=SubaccountRequest, answer=SubaccountBody),
]  # fmt: skip
