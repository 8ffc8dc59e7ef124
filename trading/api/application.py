"""The raw ASGI application: finds the route, proves who asks, reads the body, calls the handler, answers."""

import logging

import django.db
import psycopg

from accounts.problems import INTERNAL, METHOD_NOT_ALLOWED, NOT_FOUND, NOT_READY, Problem
from accounts.rate_limits import ACCOUNT, ADDRESS, ORDERS, address_key
from trading.runtime import Runtime

from . import (
    account,
    adjustments,
    coingecko,
    exports,
    keys,
    notices,
    operator,
    public,
    staff,
    subaccounts,
    trade,
    transfers,
    udf,
)
from .authentication import authenticate
from .http import Disconnected, File, Interrupted, Receive, Request, Scope, Send, respond, respond_file, respond_problem
from .limits import limits_route
from .routes import Route, Router

log = logging.getLogger(__name__)

_ROUTES = [
    *public.ROUTES,
    *coingecko.ROUTES,
    *udf.ROUTES,
    *account.ROUTES,
    *exports.ROUTES,
    *keys.ROUTES,
    *subaccounts.ROUTES,
    *transfers.ROUTES,
    *trade.ROUTES,
    *operator.ROUTES,
    *staff.ROUTES,
    *adjustments.ROUTES,
    *notices.ROUTES,
]
ROUTES = [*_ROUTES, limits_route(_ROUTES)]
REALMS = ("/public", "/trade", "/health", "/account", "/deposit", "/withdrawal", "/staff", "/operator")
"""Where an unknown path is a program's mistake, and answered as one."""
DJANGOS = ("/account/security", "/deposit", "/withdrawal", "/staff", "/operator")
"""What knows nothing of the engine, but for calls of ours, and is answered by Django (``accounts.api``, ``funding.api``)."""
_SAFE = ("GET", "HEAD")
_router = Router(ROUTES)


def is_ours(path: str) -> bool:
    """Whether a path belongs to the raw realms; all others are Django's."""
    return (path.startswith(REALMS) and not path.startswith(DJANGOS)) or _router.find(path) is not None


async def application(runtime: Runtime, scope: Scope, receive: Receive, send: Send) -> None:
    request = Request(scope)
    try:
        try:
            await request.read_body(receive)
            route = _route(request)
            if not (runtime.ready or route.always):
                raise Problem(NOT_READY, "The engine is reading the journal.", headers={"Retry-After": "1"})
            if route.needs == "all":
                if route.weight:
                    request.spend(ADDRESS, address_key(request.address), route.weight)
            else:
                request.principal = await authenticate(request, route)
                request.spend(ACCOUNT, request.account, route.weight)
                if route.orders and not route.has_many:
                    request.spend(ORDERS, request.account, route.orders)
            reply = await route.handler(runtime, request)
            if isinstance(reply.body, File):
                await respond_file(send, request, reply.body)
            else:
                await respond(send, request, reply.status, reply.body)
        except Problem as problem:
            await respond_problem(send, request, problem)
    except Disconnected:
        return
    except Interrupted as error:
        log.warning("request %s: %s", request.request_id, error)
        raise  # the server closes the connection without the answer's end
    except (django.db.Error, psycopg.OperationalError) as error:
        log.warning("request %s: database: %s", request.request_id, str(error).strip() or repr(error))
        unavailable = Problem(NOT_READY, "The database does not answer.", headers={"Retry-After": "1"})
        await respond_problem(send, request, unavailable)
    except Exception:
        log.exception("request %s: %s %s", request.request_id, request.method, request.path)
        await respond_problem(send, request, Problem(INTERNAL, "The error was logged under this request id."))


def _route(request: Request) -> Route:
    found = _router.find(request.path)
    if found is None:
        raise Problem(NOT_FOUND, f"There is no {request.path}.")
    methods, request.parameter = found
    route = methods.get("GET" if request.method == "HEAD" else request.method)
    if route is None:
        allowed = ", ".join([*methods, "HEAD"] if "GET" in methods else methods)
        raise Problem(METHOD_NOT_ALLOWED, f"{request.path} takes {allowed}.", headers={"Allow": allowed})
    return route
