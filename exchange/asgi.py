"""The ASGI application of a serving process: the path decides, once.

The realms that carry load go to ``trading.api``, ``/0/`` to the Kraken dialect, ``/stream`` to ``trading.stream``, all else
to Django. The lifespan starts and stops the engine, the projector and the delivery of mail.
"""

import asyncio
import logging
import os
import signal
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "exchange.settings.demo")

from django.core.asgi import get_asgi_application

django_application = get_asgi_application()

from django.conf import settings  # noqa: E402

from accounts.api.authentication import PROVEN, ProvenKey  # noqa: E402
from accounts.mail_delivery import MailDelivery  # noqa: E402
from accounts.problems import Problem  # noqa: E402
from accounts.rate_limits import ACCOUNT, ADDRESS, DJANGO_WEIGHTS, METERS, address_key  # noqa: E402
from accounts.rate_sharing import share  # noqa: E402
from accounts.signatures import KEY_HEADER  # noqa: E402
from trading.api.application import application as raw_application  # noqa: E402
from trading.api.application import is_ours  # noqa: E402
from trading.api.authentication import acting, by_key  # noqa: E402
from trading.api.http import Disconnected, Receive, Request, Scope, Send, Turn, limit_headers, respond_problem  # noqa: E402
from trading.api.placing import place_at_once  # noqa: E402
from trading.fill_credits import FillCredits  # noqa: E402
from trading.going_down import GoingDown  # noqa: E402
from trading.kraken.application import ROOT as KRAKEN  # noqa: E402
from trading.runtime import Runtime  # noqa: E402
from trading.stream import NOTICE  # noqa: E402
from trading.stream.hub import Hub  # noqa: E402

from .announced import keep_announced  # noqa: E402
from .custody import keep_custody  # noqa: E402
from .kraken import DIALECT  # noqa: E402
from .metrics import PATH as METRICS  # noqa: E402
from .metrics import serve_metrics  # noqa: E402
from .serving import SERVER_PID  # noqa: E402
from .suspended_accounts import keep_suspended  # noqa: E402

log = logging.getLogger(__name__)


class Exchange:
    """The whole of a process."""

    def __init__(self) -> None:
        self.runtime: Runtime | None = None
        self.hub: Hub | None = None
        self.mail = MailDelivery()
        self.tasks: list[asyncio.Task[None]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
        elif self.runtime is None or self.hub is None:
            raise RuntimeError("the server did not run the lifespan's startup")
        elif scope["type"] == "websocket":
            await self.hub.serve(scope, receive, send)
        elif scope["path"].startswith(KRAKEN):
            await DIALECT(self.runtime, scope, receive, send)
        elif scope["path"] == METRICS:
            await serve_metrics(self.runtime, self.hub, Request(scope), send)
        elif is_ours(scope["path"]):
            await raw_application(self.runtime, scope, receive, send)
        else:
            await _django(scope, receive, send)

    def at_once(self, scope: Scope, turn: Turn) -> bool:
        """Begins a request that needs no task. False, and nothing is done, if it is to be carried out by one."""
        return self.runtime is not None and place_at_once(self.runtime, scope, turn)

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self.runtime = Runtime()
                self.hub = Hub(self.runtime)
                self.runtime.observers.append(FillCredits())
                if settings.REDIS_URL and settings.RATE_LIMITS:
                    self.tasks.append(asyncio.create_task(share(settings.REDIS_URL, METERS)))
                self.tasks.append(asyncio.create_task(keep_custody(self.runtime)))
                self.tasks.append(asyncio.create_task(keep_suspended(self.runtime)))
                self.tasks.append(asyncio.create_task(keep_announced(self.runtime)))
                self.tasks.append(asyncio.create_task(GoingDown(self.runtime, _end_server).run()))
                scope.get("state", {})[NOTICE] = self.hub.shutdown_notice
                self.runtime.start()
                self.mail.start()
                await send({"type": "lifespan.startup.complete"})
            else:
                self.mail.stop()
                for task in self.tasks:
                    task.cancel()
                await asyncio.gather(*self.tasks, return_exceptions=True)
                if self.runtime is not None and self.hub is not None:
                    await self.hub.close()
                    await self.runtime.stop()
                await send({"type": "lifespan.shutdown.complete"})
                return


def _end_server() -> None:
    """Ends the server that this process belongs to, or is, as an operator's SIGTERM does."""
    os.kill(int(os.environ.get(SERVER_PID, os.getpid())), signal.SIGTERM)


async def _django(scope: Scope, receive: Receive, send: Send) -> None:
    """Django, with a body of bounded size, a signature proven, and the request id as a header of request and answer.

    What does not say itself how long it may be kept, as static files do, is kept by nobody.
    """
    request = Request(scope)
    weight = DJANGO_WEIGHTS.get("/" + request.path.split("/", 2)[1], 0)
    try:
        await request.read_body(receive)
        proven = await _charged(request, weight) if weight else None
    except Problem as problem:
        await respond_problem(send, request, problem)
        return
    except Disconnected:
        return
    request_id = request.request_id.encode()
    headers = [(name, value) for name, value in scope["headers"] if name != b"x-request-id"]
    unread = [request.body]

    async def receive_read() -> Any:
        if unread:
            return {"type": "http.request", "body": unread.pop(), "more_body": False}
        return await receive()

    async def send_with_id(message: Any) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", []), (b"x-request-id", request_id)]
            if all(name.lower() != b"cache-control" for name, _ in message["headers"]):
                message["headers"].append((b"cache-control", b"no-store"))
            if request.meters:
                message["headers"] += limit_headers(request)
        await send(message)

    inner = {**scope, "headers": [*headers, (b"x-request-id", request_id)], PROVEN: proven}
    await django_application(inner, receive_read, send_with_id)


async def _charged(request: Request, weight: int) -> ProvenKey | None:
    """Counts a request of Django's realms: a signed one for its key's account, all others for their address. Raises Problem."""
    if KEY_HEADER not in request.headers:
        request.spend(ADDRESS, address_key(request.address), weight)
        return None
    principal = await acting(request, await by_key(request))
    request.spend(ACCOUNT, principal.account_id, weight)
    if request.proof is None:
        raise RuntimeError("a signed request has no proof")
    return ProvenKey(principal, request.proof)


application = Exchange()
