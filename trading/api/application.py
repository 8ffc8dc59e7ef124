"""The raw ASGI application: finds the route, proves who asks, reads the body, calls the handler, answers."""

import asyncio
import hmac
import logging
from urllib.parse import urlsplit

import django.db
import psycopg
from django.conf import settings

from accounts.authentication import Principal, cookie_key, load_cookie, load_token, principals, token_key
from accounts.problems import (
    CSRF_FAILED,
    INTERNAL,
    METHOD_NOT_ALLOWED,
    NOT_FOUND,
    NOT_READY,
    NOT_SIGNED_IN,
    Problem,
)
from trading.runtime import Runtime

from . import account, coingecko, public, trade, udf
from .http import Disconnected, Receive, Request, Scope, Send, respond, respond_problem
from .routes import Route, Router

log = logging.getLogger(__name__)

ROUTES = [*public.ROUTES, *coingecko.ROUTES, *udf.ROUTES, *account.ROUTES, *trade.ROUTES]
REALMS = ("/public", "/trade", "/health", "/account", "/deposit", "/withdrawal", "/staff", "/operator")
"""Where an unknown path is a program's mistake, and answered as one."""
_SAFE = ("GET", "HEAD")
_router = Router(ROUTES)


def is_ours(path: str) -> bool:
    """Whether a path belongs to the raw realms; all others are Django's."""
    return path.startswith(REALMS) or _router.find(path) is not None


async def application(runtime: Runtime, scope: Scope, receive: Receive, send: Send) -> None:
    request = Request(scope)
    try:
        try:
            await request.read_body(receive)
            route = _route(request)
            if not (runtime.ready or route.always):
                raise Problem(NOT_READY, "The engine is reading the journal.", headers={"Retry-After": "1"})
            if route.needs != "all":
                request.principal = await authenticate(request)
            reply = await route.handler(runtime, request)
            await respond(send, request, reply.status, reply.body)
        except Problem as problem:
            await respond_problem(send, request, problem)
    except Disconnected:
        return
    except (django.db.Error, psycopg.OperationalError) as error:
        log.warning("request %s: database: %s", request.request_id, str(error).strip() or repr(error))
        unavailable = Problem(NOT_READY, "The database does not answer.", headers={"Retry-After": "1"})
        await respond_problem(send, request, unavailable)
    except Exception:
        log.exception("request %s: %s %s", request.request_id, request.method, request.path)
        await respond_problem(send, request, Problem(INTERNAL, "The error was logged under this request id."))


async def authenticate(request: Request) -> Principal:
    """The principal of a bearer token, or of a browser's cookie session with its CSRF token. Raises Problem."""
    header = request.header(b"authorization")
    if header is not None:
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Problem(NOT_SIGNED_IN, "Send the header 'Authorization: Bearer TOKEN'.")
        principal = principals.get(token_key(token)) or await asyncio.to_thread(load_token, token)
        if principal is None:
            raise Problem(NOT_SIGNED_IN, "This session has ended or never was. Sign in again.")
        return principal
    session_key = request.cookie(settings.SESSION_COOKIE_NAME)
    if not session_key:
        raise Problem(NOT_SIGNED_IN, "Sign in, and send the header 'Authorization: Bearer TOKEN'.")
    if request.method not in _SAFE:
        _check_csrf(request)
    principal = principals.get(cookie_key(session_key)) or await asyncio.to_thread(load_cookie, session_key)
    if principal is None:
        raise Problem(NOT_SIGNED_IN, "Your session has ended. Sign in again.")
    return principal


def _check_csrf(request: Request) -> None:
    """A browser's unsafe request must carry the CSRF cookie's value as a header too, and come from our own origin."""
    cookie = request.cookie(settings.CSRF_COOKIE_NAME) or ""
    sent = request.header(b"x-csrftoken") or ""
    if not cookie or not hmac.compare_digest(cookie.encode(), sent.encode()):
        raise Problem(CSRF_FAILED, "Send the CSRF cookie's value in the header X-CSRFToken.")
    origin = request.header(b"origin")
    if origin is not None and urlsplit(origin).netloc != request.header(b"host"):
        raise Problem(CSRF_FAILED, "The request comes from another origin.")


def _route(request: Request) -> Route:
    found = _router.find(request.path)
    if found is None:
        raise Problem(NOT_FOUND, f"There is no {request.path}.")
    methods, request.parameter = found
    route = methods.get("GET" if request.method == "HEAD" else request.method)
    if route is None:
        allowed = ", ".join(methods)
        raise Problem(METHOD_NOT_ALLOWED, f"{request.path} takes {allowed}.", headers={"Allow": allowed})
    return route
