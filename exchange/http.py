"""uvicorn's HTTP protocol without what costs and is not needed here: a good part of an order's time on the event loop was its.

- A request that needs no task has none (``AT_ONCE``).
- A request whose body is short is begun when the body is there, so that the application need not wait for it (``BODY``).
- An answer that is whole may be written at once, its head as the application has it in bytes (``ANSWER``).
- One timer for a connection that is kept alive, not one for each of its answers.
- Proxies' headers are looked at where there are some, before the request is begun.

All else is uvicorn's: pipelining, ``Expect: 100-continue``, long bodies, upgrades, the shutdown.
"""

import asyncio
import copy
import urllib.parse
from collections.abc import Callable, Coroutine
from typing import Any

import httptools
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.flow_control import service_unavailable
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from trading.api import ANSWER, AT_ONCE, BODY

from .corked import CorkedHttpProtocol, CorkedTransport

SHORT_BODY = 64 * 1024
"""Bytes up to which a body is waited for before its request is begun."""


class Cycle(RequestResponseCycle):
    """One request and its answer. ``task`` carries it out, if it needs one, and is taken out of ``tasks`` at its end."""

    transport: CorkedTransport
    tasks: set[asyncio.Task[None]]
    task: asyncio.Task[None]

    def go_on(self, app: Any) -> None:
        self.scope["extensions"] = {ANSWER: self.answer, BODY: self.body_at_once}  # type: ignore[dict-item]
        self.task = asyncio.get_running_loop().create_task(self.run_asgi(app))
        self.tasks.add(self.task)

    async def run_asgi(self, app: Any) -> None:
        try:
            await super().run_asgi(app)
        finally:
            self.tasks.discard(self.task)
            # They know this object, which knows the scope: without the collector the two would never be freed.
            self.scope.pop("extensions", None)

    def body_at_once(self) -> bytes | None:
        """The whole body, if it is there; instead of ``receive``."""
        if self.more_body or self.disconnected:
            return None
        body = bytes(self.body)
        self.body = bytearray()
        self.message_event.clear()
        return body

    def answer(self, status: int, head: bytes, body: bytes) -> bool:
        """Writes the whole answer, instead of ``send``; False if that must be used. ``head``: lines that end with CRLF, and
        that hold what HTTP allows; the length of the body is among them.
        """
        if self.disconnected or self.response_started or self.access_log or self.flow.write_paused:
            return False
        self.response_started = self.response_complete = True
        self.waiting_for_100_continue = False
        own = _lines(self.default_headers)
        close = b"" if self.keep_alive else b"connection: close\r\n"
        self.transport.write_whole(b"%b%b%b%b\r\n%b" % (STATUS_LINE[status], own, head, close, body))
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        on_response, self.on_response = self.on_response, _nothing
        on_response()
        return True


class HttpProtocol(CorkedHttpProtocol):
    """A connection. ``_idle_since``: when it began to wait for its next request; None while one is under way."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        app = self.app
        self._proxies: ProxyHeadersMiddleware | None = None
        if isinstance(app, ProxyHeadersMiddleware):
            self._proxies, app = copy.copy(app), app.app
            self._proxies.app = _nobody
        self._application: Any = app
        self._at_once: Callable[[Any, Cycle], bool] = getattr(app, AT_ONCE, _never)
        self._idle_since: float | None = None
        self._begin_now = False
        self._is_proxied = False

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._begin_now = self._is_proxied = False

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        name = self.headers[-1][0]
        if name == b"content-length":
            self._begin_now = not value.isdigit() or int(value) > SHORT_BODY
        elif name == b"transfer-encoding":
            self._begin_now = True
        elif name.startswith(b"x-forwarded-"):
            self._is_proxied = True

    def on_headers_complete(self) -> None:
        http_version = self.parser.get_http_version()
        self.scope["method"] = self.parser.get_method().decode("ascii")
        if http_version != "1.1":
            self.scope["http_version"] = http_version
        if self.parser.should_upgrade() and self._should_upgrade():
            return
        url = httptools.parse_url(self.url)
        path = url.path.decode("ascii")
        self.scope["path"] = self.root_path + (urllib.parse.unquote(path) if "%" in path else path)
        self.scope["raw_path"] = self.root_path.encode("ascii") + url.path
        self.scope["query_string"] = url.query or b""
        if self._is_proxied and self._proxies is not None:
            _run(self._proxies(self.scope, _nobody, _nobody))
        before = self.cycle
        self.cycle = cycle = Cycle(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=http_version != "1.0" and self.parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )
        cycle.tasks = self.tasks
        if before is not None and not before.response_complete:
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, self._chosen_app()))
            self._begin_now = True
        elif self._begin_now or self.expect_100_continue:
            self._begin_now = True
            self._start_asgi_task(cycle, self._chosen_app())

    def on_message_complete(self) -> None:
        super().on_message_complete()
        if self._begin_now or (self.parser.should_upgrade() and self._should_upgrade()):
            return
        app, cycle = self._chosen_app(), self.cycle
        if not isinstance(cycle, Cycle):
            raise TypeError(f"{cycle!r} is none of ours")
        if app is not self._application or not self._at_once(self.scope, cycle):
            cycle.go_on(app)

    def _chosen_app(self) -> Any:
        limit = self.limit_concurrency
        if limit is not None and (len(self.connections) >= limit or len(self.tasks) >= limit):
            self.logger.warning("Exceeded concurrency limit.")
            return service_unavailable
        return self._application

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        if not isinstance(cycle, Cycle):
            raise TypeError(f"{cycle!r} is none of ours")
        cycle.go_on(app)

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
            return
        self._idle_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._close_after(self.timeout_keep_alive)

    def _unset_keepalive_if_required(self) -> None:
        self._idle_since = None

    def _close_after(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def timeout_keep_alive_handler(self) -> None:
        self.timeout_keep_alive_task = None
        if self._idle_since is None:
            return  # its answer sets the timer again
        rest_s = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if rest_s > 0:
            self._close_after(rest_s)
        else:
            super().timeout_keep_alive_handler()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
            self.timeout_keep_alive_task = None


async def _nobody(*arguments: Any) -> Any:
    """The application behind the middleware that knows proxies' headers: it is run for what it does to the scope alone."""


def _run(coroutine: Coroutine[Any, Any, None]) -> None:
    """To its end, at once: it waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
    coroutine.close()
    raise RuntimeError("the middleware for proxies' headers waits for something")


def _nothing() -> None:
    """After a whole answer nothing is left to do."""


def _never(scope: Any, cycle: Cycle) -> bool:
    """Of an application that wants a task for each request."""
    return False


_rendered: tuple[list[tuple[bytes, bytes]], bytes] = ([], b"")


def _lines(headers: list[tuple[bytes, bytes]]) -> bytes:
    """The server's own headers as lines. uvicorn makes the list anew each second, for the date."""
    global _rendered
    if _rendered[0] is not headers:
        _rendered = (headers, b"".join(b"%b: %b\r\n" % header for header in headers))
    return _rendered[1]
