"""The part of the realm /account about API keys. For signed-in people alone: a key never makes, sees or ends a key."""

import datetime as dt
import uuid
from typing import Annotated, Literal

from msgspec import Meta, Struct

from accounts import api_keys
from accounts.api_keys import ADDRESSES_LIMIT, NAME_LIMIT
from accounts.authentication import principals
from accounts.database import in_database
from accounts.models import ApiKey
from accounts.scopes import Scope
from trading.runtime import Runtime
from trading.shapes.fields import Totp
from trading.shapes.texts import datetime_text, microseconds

from .authentication import caller_of, prove_once_more
from .http import Request
from .pages import ListQuery, page_of_numbered
from .routes import Reply, Route

KeyName = Annotated[str, Meta(max_length=NAME_LIMIT)]
Addresses = Annotated[
    list[Annotated[str, Meta(max_length=43)]],
    Meta(
        max_length=ADDRESSES_LIMIT,
        description="Addresses and networks that the key may be used from; none: anywhere.",
        examples=[["203.0.113.7", "2001:db8::/48"]],
    ),
]


class ApiKeyRequest(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A key to make. With ``public_key`` (Ed25519: base64 of its 32 bytes, or PEM) it is that pair's; without, it is a
    shared secret for HMAC-SHA256. It acts for the trading account that the request is made for.
    """

    name: KeyName
    scopes: Annotated[list[Scope], Meta(min_length=1, max_length=3)]
    addresses: Addresses = []
    expires_at: dt.datetime | None = None
    public_key: Annotated[str, Meta(max_length=300)] | None = None
    totp: Totp | None = None


class ApiKeyChange(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What is to be different about a key. Its scopes and its end never change: make another key."""

    name: KeyName | None = None
    addresses: Addresses | None = None
    totp: Totp | None = None


class ApiKeyBody(Struct, kw_only=True, omit_defaults=True):
    """A key. ``id`` goes into X-API-Key. ``last_used_at`` is exact to a minute.

    ``secret``: base64 of 64 bytes, in the answer that made the key and never again; an Ed25519 key has none.
    """

    id: str
    account: int
    name: str
    kind: Literal["hmac-sha256", "ed25519"]
    scopes: list[str]
    addresses: list[str]
    created_at: str
    expires_at: str | None
    last_used_at: str | None
    last_used_ip: str | None
    secret: str | None = None


class ApiKeyList(Struct):
    items: list[ApiKeyBody]
    next_cursor: str | None


async def get_keys(runtime: Runtime, request: Request) -> Reply:
    keys = await in_database(api_keys.list_keys, account_id=request.account)
    page, cursor = page_of_numbered(
        keys, request.query(ListQuery), lambda key: microseconds(key.created_at), newest_first=True
    )
    return Reply(200, ApiKeyList([_body(key) for key in page], cursor))


async def post_key(runtime: Runtime, request: Request) -> Reply:
    given = request.json(ApiKeyRequest)
    await prove_once_more(request, given.totp)
    made = await in_database(
        api_keys.create_key,
        account_id=request.account,
        name=given.name,
        scopes=given.scopes,
        addresses=given.addresses,
        expires_at=given.expires_at,
        public_key=given.public_key,
        caller=caller_of(request),
        now=dt.datetime.now(dt.UTC),
    )
    return Reply(201, _body(made.key, made.secret))


async def patch_key(runtime: Runtime, request: Request) -> Reply:
    given = request.json(ApiKeyChange)
    key_id = _key_id(request)
    if given.addresses is not None:
        await prove_once_more(request, given.totp)
    key = await in_database(
        api_keys.change_key,
        account_id=request.account,
        key_id=key_id,
        name=given.name,
        addresses=given.addresses,
        caller=caller_of(request),
        now=dt.datetime.now(dt.UTC),
    )
    principals.forget_key(key_id)
    return Reply(200, _body(key))


async def delete_key(runtime: Runtime, request: Request) -> Reply:
    key_id = _key_id(request)
    await in_database(
        api_keys.revoke_key,
        account_id=request.account,
        key_id=key_id,
        caller=caller_of(request),
        now=dt.datetime.now(dt.UTC),
    )
    principals.forget_key(key_id)
    return Reply(204, None)


def _key_id(request: Request) -> uuid.UUID:
    try:
        return uuid.UUID(request.parameter)
    except ValueError as error:
        raise api_keys.unknown() from error


def _body(key: ApiKey, secret: str | None = None) -> ApiKeyBody:
    return ApiKeyBody(
        id=str(key.id),
        account=key.account_id,
        name=key.name,
        kind="hmac-sha256" if key.public_key is None else "ed25519",
        scopes=list(key.scopes),
        addresses=list(key.addresses),
        created_at=datetime_text(key.created_at),
        expires_at=datetime_text(key.expires_at),
        last_used_at=datetime_text(key.last_used_at),
        last_used_ip=key.last_used_ip,
        secret=secret,
    )


ROUTES = [
    Route(method="GET", path="/account/api-keys", name="api_keys", summary="My API keys, without their secrets",
          needs="user", handler=get_keys, query=ListQuery, answer=ApiKeyList),
    Route(method="POST", path="/account/api-keys", name="create_api_key", summary="Make an API key; its secret is shown once",
          needs="user", handler=post_key, status=201, body=ApiKeyRequest, answer=ApiKeyBody),
    Route(method="PATCH", path="/account/api-keys/{id}", name="change_api_key", summary="Rename a key, or change its addresses",
          needs="user", handler=patch_key, body=ApiKeyChange, answer=ApiKeyBody),
    Route(method="DELETE", path="/account/api-keys/{id}", name="revoke_api_key", summary="End a key for ever",
          needs="user", handler=delete_key, status=204),
]  # fmt: skip
