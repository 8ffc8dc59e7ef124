"""Who makes a request: a bearer token, a browser's cookie session, or an API key's signature. On the event loop.

What is proven comes from memory, and is renewed there while it is in use; only what is not there, or older than
PRINCIPAL_TTL_S, is read by a worker thread, once for all who wait for the same.
"""

import asyncio
import datetime as dt
import hmac
import ipaddress
import logging
import time
import uuid
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlsplit

from django.conf import settings
from django.db import Error as DatabaseError

from accounts.api_keys import USE_NOTED_EVERY_S, note_use
from accounts.authentication import (
    Key,
    Principal,
    account_named,
    api_key_key,
    cookie_key,
    load_cookie,
    load_key,
    load_session,
    load_token,
    principals,
    token_key,
)
from accounts.database import in_database
from accounts.kraken_signatures import read_kraken_signed
from accounts.nonces import NonceGuard, use_everywhere
from accounts.problems import CSRF_FAILED, KEY_NOT_VALID, NOT_SIGNED_IN, WRONG_SIGNATURE, Problem
from accounts.rate_limits import ADDRESS, LOOKUP_WEIGHT, address_key
from accounts.renewal import renew, take_due
from accounts.security_log import Caller
from accounts.signatures import KEY_HEADER, Signed, key_named, read_signed
from accounts.step_up import require_own_factor

from .http import Request
from .routes import Route

log = logging.getLogger(__name__)
T = TypeVar("T")

ACCOUNT_HEADER = b"x-account"
NOTED_LIMIT = 10_000
_SAFE = ("GET", "HEAD")
_nonces = NonceGuard()
_noted: dict[uuid.UUID, float] = {}
"""When the last use of a key was last written down by this process, on the monotonic clock."""
_tasks: set[asyncio.Future[None]] = set()
"""What nobody waits for."""
_loading: dict[tuple[bytes, int], "asyncio.Future[Principal | None]"] = {}
"""What is being read of the database, by the key of its principal and the generation of those that are kept."""
RENEWAL_PAUSE_S = 0.25
_renewal: "asyncio.Future[None] | None" = None


async def authenticate(request: Request, route: Route) -> Principal:
    """Who makes the request, for the trading account that it means, and may make it. Raises Problem."""
    if KEY_HEADER in request.headers:
        principal = await by_key(request)
    else:
        principal = await _by_session(request)
    principal.check(route.needs)
    if request.proof is not None and route.guard == "database":
        await use_once(request.proof)
    return await acting(request, principal)


def at_hand(request: Request) -> Principal | None:
    """Whose bearer token or API key a request has, for his main account, if that is in memory; to be proven by ``prove``, once
    the body is there. None: ``authenticate`` knows.
    """
    if ACCOUNT_HEADER in request.headers:
        return None
    if KEY_HEADER in request.headers:
        try:
            return _known(api_key_key(key_named(request.headers)))
        except ValueError:
            return None
    scheme, _, token = (request.header(b"authorization") or "").partition(" ")
    return _known(token_key(token)) if token and scheme.lower() == "bearer" else None


def prove(request: Request) -> None:
    """That the request, whose body is there, is its principal's, who was at hand. Raises Problem."""
    principal = request.signed_in
    if principal.key is not None:
        signed = read_signed(request.headers, request.method, request.target, request.body)
        _count(request, signed, principal, principal.key, _checked_time_ms(signed))


async def use_once(proof: str) -> None:
    """Uses a signed request for all processes. Raises Problem nonce_used."""
    await asyncio.to_thread(use_everywhere, proof, dt.datetime.now(dt.UTC))


def caller_of(request: Request) -> Caller:
    """Where a signed-in person's request comes from, for the security log."""
    agent = request.header(b"user-agent") or ""
    try:
        ip: str | None = str(ipaddress.ip_address(request.address))
    except ValueError:
        ip = None  # a local socket has none
    return Caller(ip=ip, user_agent=agent, session_id=request.signed_in.session_id)


async def prove_once_more(request: Request, given: str | None) -> None:
    """Has a person with a second factor prove it anew, see ``accounts.step_up``. Raises Problem."""
    principal = request.signed_in
    await in_database(
        require_own_factor,
        user_id=principal.user_id,
        session_id=principal.session_id,
        given=given,
        caller=caller_of(request),
        now=dt.datetime.now(dt.UTC),
    )


async def by_key(request: Request) -> Principal:
    """Whose key signed the request. Raises Problem."""
    return await by_signature(request, read_signed(request.headers, request.method, request.target, request.body))


async def by_kraken_signature(request: Request, nonce: str) -> Principal:
    """Whose key signed the request as clients of Kraken do, with this nonce in its body. Raises Problem."""
    path: bytes = request.scope.get("raw_path") or request.path.encode()
    return await by_signature(request, read_kraken_signed(request.headers, path, nonce, request.body))


async def by_signature(request: Request, signed: Signed) -> Principal:
    """Whose key signed the request, which counts once in this process. Raises Problem: who has not proven to have the key
    learns nothing of it."""
    now_ms = _checked_time_ms(signed)
    principal = await _principal(request, api_key_key(signed.key_id), load_key, signed.key_id)
    if principal is None or principal.key is None:
        raise Problem(KEY_NOT_VALID, "This key is unknown or was revoked.")
    _count(request, signed, principal, principal.key, now_ms)
    return principal


def _checked_time_ms(signed: Signed) -> int:
    """Our time, to which a signed request's is near enough. Raises Problem timestamp_outside_window."""
    now_ms = time.time_ns() // 1_000_000
    signed.check_time(now_ms)
    return now_ms


def _count(request: Request, signed: Signed, principal: Principal, key: Key, now_ms: int) -> None:
    """Verifies the signature, and uses the request up. Raises Problem."""
    if not key.verifier.verifies(signed.signature, signed.message, signed.digest):
        detail = "Signed is timestamp, nonce, METHOD, path?query, hex(sha256(body)), with a newline between each two."
        raise Problem(WRONG_SIGNATURE, detail)
    principal.check_expiry(now_ms)
    key.check_address(request.address)
    _nonces.use(signed.nonce, signed.timestamp_ms, now_ms)
    request.proof = signed.proof
    _note_use(key, request.address)


async def _by_session(request: Request) -> Principal:
    """By a bearer token, or by a browser's cookie session with its CSRF token. Raises Problem."""
    header = request.header(b"authorization")
    if header is not None:
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Problem(NOT_SIGNED_IN, "Send the header 'Authorization: Bearer TOKEN'.")
        principal = await _principal(request, token_key(token), load_token, token)
        if principal is None:
            raise Problem(NOT_SIGNED_IN, "This session has ended or never was. Sign in again.")
        return principal
    session_key = request.cookie(settings.SESSION_COOKIE_NAME)
    if not session_key:
        raise Problem(NOT_SIGNED_IN, "Sign in, and send the header 'Authorization: Bearer TOKEN'.")
    if request.method not in _SAFE:
        _check_csrf(request)
    principal = await _principal(request, cookie_key(session_key), load_cookie, session_key)
    if principal is None:
        raise Problem(NOT_SIGNED_IN, "Your session has ended. Sign in again.")
    return principal


async def _principal(request: Request, key: bytes, load: Callable[[T], Principal | None], proof: T) -> Principal | None:
    """Whom this proves, from memory or from the database. Raises Problem."""
    return _known(key) or await _looked_up(request, key, load, proof)


def _known(key: bytes) -> Principal | None:
    """Whom this proves, from memory. Those that are due are renewed."""
    known = principals.get(key)
    if principals.due:
        _renew_soon()
    return known


async def _looked_up(request: Request, key: bytes, load: Callable[[T], Principal | None], proof: T) -> Principal | None:
    """What is not in memory, from the database. It counts for the address, for nobody is known yet. Raises Problem."""
    request.spend(ADDRESS, address_key(request.address), LOOKUP_WEIGHT)
    wanted = key, principals.generation
    loading = _loading.get(wanted)
    if loading is None:
        loading = _loading[wanted] = asyncio.ensure_future(asyncio.to_thread(load, proof))
        loading.add_done_callback(lambda _: _loading.pop(wanted, None))
    return await asyncio.shield(loading)


def _renew_soon() -> None:
    """Has the principals renewed that are due, unless that is being done."""
    global _renewal
    if _renewal is None or _renewal.done():
        _renewal = asyncio.ensure_future(_renew())


async def _renew() -> None:
    """Renews what is due; then waits a little, for others to be due with it the next time."""
    try:
        while due := take_due():
            await asyncio.to_thread(renew, due)
    except DatabaseError as error:
        log.warning("principals are not renewed: %s", str(error).strip() or repr(error))
    await asyncio.sleep(RENEWAL_PAUSE_S)


async def acting(request: Request, principal: Principal) -> Principal:
    """For the trading account of the header X-Account, if there is one. Raises Problem."""
    text = request.header(ACCOUNT_HEADER)
    if text is None:
        return principal
    account_id = account_named(text)
    if account_id not in principal.accounts and principal.session_id is not None:
        # It may have been opened a moment ago, by another process.
        reloaded = await asyncio.to_thread(load_session, principal.session_id)
        principal = principal if reloaded is None else reloaded
    return principal.acting_for(account_id)


def _check_csrf(request: Request) -> None:
    """A browser's unsafe request must carry the CSRF cookie's value as a header too, and come from our own origin."""
    cookie = request.cookie(settings.CSRF_COOKIE_NAME) or ""
    sent = request.header(b"x-csrftoken") or ""
    if not cookie or not hmac.compare_digest(cookie.encode(), sent.encode()):
        raise Problem(CSRF_FAILED, "Send the CSRF cookie's value in the header X-CSRFToken.")
    origin = request.header(b"origin")
    if origin is not None and urlsplit(origin).netloc != request.header(b"host"):
        raise Problem(CSRF_FAILED, "The request comes from another origin.")


def _note_use(key: Key, address: str) -> None:
    """Has the key's use written down, if that has not been done for USE_NOTED_EVERY_S; the request does not wait for it."""
    now_s = time.monotonic()
    if now_s - _noted.get(key.id, -USE_NOTED_EVERY_S) < USE_NOTED_EVERY_S:
        return
    if len(_noted) >= NOTED_LIMIT:
        _noted.clear()
    _noted[key.id] = now_s
    note = asyncio.ensure_future(asyncio.to_thread(note_use, key.id, dt.datetime.now(dt.UTC), address))
    _tasks.add(note)
    note.add_done_callback(_tasks.discard)
