"""The ASGI application of the Kraken dialect: finds the call, proves who asks, counts it, answers in Kraken's envelope.

As with Kraken an answer has status 200 whatever is in it; ``error`` says what went wrong.
"""

import logging
from collections.abc import Iterable
from typing import Any

import django.db
import psycopg

from accounts.problems import NOT_READY, RATE_LIMITED, Problem
from accounts.rate_limits import ACCOUNT, ADDRESS, ORDERS, address_key
from trading.api.authentication import acting, by_kraken_signature, use_once
from trading.api.http import Disconnected, Receive, Request, Scope, Send, plain_json, respond
from trading.runtime import Runtime

from . import errors
from .calls import Asked, Call
from .fields import FORM, Fields, read_body, read_query

log = logging.getLogger(__name__)

ROOT = "/0/"
METHODS = {"public": ("GET", "HEAD", "POST"), "private": ("POST",)}


class Dialect:
    """All calls by name."""

    def __init__(self, calls: Iterable[Call]) -> None:
        self.calls = {call.name: call for call in calls}

    async def __call__(self, runtime: Runtime, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        headers: dict[str, str] = {}
        body: dict[str, Any]
        try:
            await request.read_body(receive)
            body = {"error": [], "result": await self._result(runtime, request)}
        except Disconnected:
            return
        except Problem as problem:
            body, headers = {"error": [errors.words(problem)]}, problem.headers
        except errors.Refused as refused:
            body = {"error": [str(refused)]}
        except (django.db.Error, psycopg.OperationalError) as error:
            log.warning("request %s: database: %s", request.request_id, str(error).strip() or repr(error))
            body = {"error": [errors.UNAVAILABLE]}
        except Exception:
            log.exception("request %s: %s %s", request.request_id, request.method, request.path)
            body = {"error": [errors.INTERNAL]}
        told = tuple((name.lower().encode(), value.encode()) for name, value in headers.items())
        await respond(send, request, 200, plain_json(body), told)

    async def _result(self, runtime: Runtime, request: Request) -> Any:
        """Raises Problem, Refused."""
        name = request.path.removeprefix(ROOT)
        call = self.calls.get(name)
        if call is None or request.method not in METHODS[name.partition("/")[0]]:
            raise errors.Refused(errors.UNKNOWN_METHOD)
        if not (runtime.ready or call.always):
            raise Problem(NOT_READY, "The engine is reading the journal.", headers={"Retry-After": "1"})
        asked = Asked(request, _fields(request))
        if call.needs == "all":
            request.spend(ADDRESS, address_key(request.address), call.weight.weight)
        else:
            await _prove(asked, call)
            request.spend(ACCOUNT, asked.account, call.weight.weight)
            if not call.has_many:
                spend_orders(asked, call.weight.orders)
        return await call.handler(runtime, asked)


def spend_orders(asked: Asked, orders: int) -> None:
    """Counts orders of the account. Raises Refused beyond the quota."""
    if not orders:
        return
    try:
        asked.request.spend(ORDERS, asked.account, orders)
    except Problem as problem:
        if problem.kind is not RATE_LIMITED:
            raise
        raise errors.Refused("EOrder:Rate limit exceeded") from problem


async def _prove(asked: Asked, call: Call) -> None:
    """Sets who asks. Raises Problem."""
    request = asked.request
    principal = await by_kraken_signature(request, asked.fields.text("nonce") or "")
    principal.check(call.needs)
    if request.proof is not None and call.guarded_by == "database":
        await use_once(request.proof)
    request.principal = await acting(request, principal)


def _fields(request: Request) -> Fields:
    """Of a public call's query or body; of a private one's body, for nothing else is signed. Raises Refused."""
    if request.method == "POST" and (request.body or request.path.startswith(f"{ROOT}private/")):
        kind = request.headers.get(b"content-type", FORM).split(b";", 1)[0].strip().lower()
        return read_body(request.body, kind)
    return read_query(request.scope["query_string"])
