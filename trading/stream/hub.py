"""The server side of ``/stream``: connections, their requests, heartbeats, the end of sessions and of connections.

Runs on the event loop. Requests of one connection are carried out in the order in which they came; up to
IN_FLIGHT_LIMIT order requests may be under way at once.
"""

import asyncio
import logging
import time
from typing import Any
from urllib.parse import urlsplit

import msgspec
from django.conf import settings

from accounts.authentication import Principal, load_stream_token, still_good
from accounts.problems import INVALID_PARAMETER, MALFORMED, NOT_READY, NOT_SIGNED_IN, Problem
from accounts.rate_limits import ACCOUNT, ADDRESS, LOOKUP_WEIGHT, ORDERS, Meter, address_key
from accounts.scopes import Needs
from trading import gateway
from trading.api.http import BODY_LIMIT, LIMITS_APPLY, Receive, Scope, Send, invalid, new_request_id
from trading.applied import Applied
from trading.closures import Closure
from trading.journal.records import new_command_id
from trading.problems import OVERLOADED
from trading.publications import Publication
from trading.runtime import Runtime
from trading.shapes.texts import at_text, now_text
from trading.submission import refusal as refusal_of_new

from . import ABORT, WRITE, messages, orders
from .answers import Call, answer, as_problem, refusal
from .channels import Channels, changes_status
from .client import CLOSE_GOING_AWAY, CLOSE_SESSION_ENDED, CLOSE_SILENT, CLOSE_TOO_LARGE, Client
from .methods import METHODS, PRIVATE_CHANNELS, AddOrder, BatchAdd, Frame, Ping, Subscribe, Unsubscribe
from .placing import Placing
from .shapes import Heartbeat, StatusData
from .subscribing import Subscribing
from .weights import CONNECTION_WEIGHT, UNKNOWN, WEIGHTS

log = logging.getLogger(__name__)

KRAKENS_PATH = "/stream/v2"
PATHS = ("/stream", KRAKENS_PATH)
"""The second as Kraken has it: some of its clients look at the address for how they may speak."""

IN_FLIGHT_LIMIT = 1000
HEARTBEAT_S = 1.0
SESSION_SWEEP_S = 2.0
DISCONNECT_TRIES = 5
DISCONNECT_PAUSE_S = 0.5

_decode_frame = msgspec.json.Decoder(Frame).decode
_decode_params = {method: msgspec.json.Decoder(params).decode for method, params in METHODS.items()}


class Hub:
    """All connections of this process."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._loop = asyncio.get_running_loop()
        self.channels = Channels(runtime)
        self._subscribing = Subscribing(runtime, self.channels, self.status)
        self._clients: set[Client] = set()
        self._shutdown_at: str | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        runtime.observers.append(self)
        for routine in (self._beat(), self._sweep_sessions()):
            self._spawn(routine)

    @property
    def connected(self) -> int:
        """Connections that are open."""
        return len(self._clients)

    def on_event(self, event: Applied) -> None:
        self.channels.on_event(event)
        if changes_status(event):
            self.channels.tell_status(self.status())

    def on_batch(self, publication: Publication) -> None:
        self.channels.on_batch(publication)

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection from handshake to close."""
        is_wanted = scope["path"] in PATHS and _is_own_origin(scope) and self._shutdown_at is None
        if (await receive())["type"] != "websocket.connect" or not is_wanted:
            await send({"type": "websocket.close", "code": CLOSE_GOING_AWAY})
            return
        extensions = scope.get("extensions", {})
        address = str((scope.get("client") or ("",))[0])
        is_krakens = scope["path"] == KRAKENS_PATH
        client = Client(send, extensions.get(ABORT), extensions.get(WRITE), address, is_krakens=is_krakens)
        try:
            _spend(ADDRESS, client.address, CONNECTION_WEIGHT)
        except Problem as problem:
            await _refuse_connection(send, problem)
            return
        await send({"type": "websocket.accept"})
        self._clients.add(client)
        client.post(messages.update("status", [self.status()], self._runtime.live.seq, 0))
        reading = asyncio.ensure_future(self._read(client, receive))
        writing = asyncio.ensure_future(client.write())
        try:
            await asyncio.wait((reading, writing), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._clients.discard(client)
            self.channels.remove_client(client)
            client.cut_off_later()
            for task in (reading, writing):
                task.cancel()
            await asyncio.gather(reading, writing, return_exceptions=True)
            await asyncio.gather(*(self._cancel_orders(account) for account in client.armed))

    async def close(self) -> None:
        """Ends all connections that the server has not ended yet."""
        self._shutdown_at = self._shutdown_at or now_text()
        for client in list(self._clients):
            client.close(CLOSE_GOING_AWAY)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def shutdown_notice(self) -> str:
        """What everybody is told right before the connections are closed; from now on none is accepted."""
        self._shutdown_at = self._shutdown_at or now_text()
        return messages.update("status", [self.status()], self._runtime.live.seq, 0)

    async def _cancel_orders(self, account: int) -> None:
        """Cancels what was to be cancelled with the connection; one command, however often it must be sent."""
        command_id, request_id = new_command_id(), new_request_id()
        for _ in range(DISCONNECT_TRIES):
            try:
                await gateway.cancel_on_disconnect(
                    self._runtime, account=account, command_id=command_id, request_id=request_id
                )
                return
            except Problem as problem:
                log.warning("stream: the orders of account %s are not cancelled yet: %s", account, problem)
            await asyncio.sleep(DISCONNECT_PAUSE_S)
        log.error("stream: the orders of account %s could not be cancelled when its connection ended", account)

    # Requests

    async def _read(self, client: Client, receive: Receive) -> None:
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return
            client.last_heard = time.monotonic()
            text = message.get("text") or (message.get("bytes") or b"").decode("utf-8", "replace")
            if len(text) > BODY_LIMIT:
                client.close(CLOSE_TOO_LARGE)
                continue
            call = self._understood(client, text)
            if call is None or self._is_placed(client, call):
                continue
            try:
                await self._begin(client, call)
            except Exception as error:
                client.answer(refusal(call, as_problem(error, call.method)))

    def _understood(self, client: Client, text: str) -> Call | None:
        """The request; None if it was refused."""
        frame, time_in = Frame(method=""), now_text()
        try:
            frame = _decode_frame(text)
            _spend(ADDRESS, client.address, WEIGHTS.get(frame.method, UNKNOWN).address)
            if frame.method not in _decode_params:
                raise Problem(INVALID_PARAMETER, f"There is no method {frame.method!r}.")
            return Call(frame.method, _decode_params[frame.method](frame.params), frame.req_id, time_in)
        except Problem as problem:
            client.answer(refusal(Call(frame.method, None, frame.req_id, time_in), problem))
        except msgspec.ValidationError as error:
            client.answer(refusal(Call(frame.method, None, frame.req_id, time_in), invalid(error)))
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            client.answer(refusal(Call("", None, None, time_in), Problem(MALFORMED, f"Not JSON: {error}.")))
        return None

    def _is_placed(self, client: Client, call: Call) -> bool:
        """Submits an order, or refuses it, without a task for it; False if it must be begun as other requests are."""
        params = call.params
        if type(params) is not AddOrder or params.validate or client.not_begun or client.in_flight >= IN_FLIGHT_LIMIT:
            return False
        principal = client.principals.get(params.token or "")
        if principal is None or refusal_of_new(self._runtime, principal.account_id) is not None:
            return False
        try:
            principal.check("trade")
            _spend_for(call, principal)
            Placing(self._runtime, client, call, principal.account_id, self._spawn)
        except Exception as error:
            client.answer(refusal(call, as_problem(error, call.method)))
        return True

    async def _begin(self, client: Client, call: Call) -> None:
        """Answers the request, or starts the task that will; the next request is read after that."""
        match call.params:
            case Ping():
                client.answer(answer(call, None))
            case Subscribe() | Unsubscribe():
                await self._subscribe(client, call)
            case _ if client.in_flight >= IN_FLIGHT_LIMIT:
                raise Problem(OVERLOADED, f"{IN_FLIGHT_LIMIT} requests of this connection are under way.")
            case _:
                principal = await self._principal(client, call.params.token, "trade")
                _spend_for(call, principal)
                client.in_flight += 1
                client.not_begun += 1
                self._spawn(self._trade(client, call, principal))

    async def _subscribe(self, client: Client, call: Call) -> None:
        """Answers each symbol by itself."""
        params: Subscribe | Unsubscribe = call.params
        if not self._runtime.ready:
            raise Problem(NOT_READY, "The engine is reading the journal.")
        symbols = self._subscribing.symbols(params)
        principal = None
        if params.channel in PRIVATE_CHANNELS or (params.channel == "level3" and params.token is not None):
            principal = await self._principal(client, params.token, "read")
        for symbol in symbols:
            try:
                if isinstance(params, Unsubscribe):
                    acknowledged = self._subscribing.unsubscribe(client, params, symbol, principal)
                    client.answer(answer(call, acknowledged))
                else:
                    await self._subscribing.subscribe(
                        client, params, symbol, principal, lambda result: client.answer(answer(call, result))
                    )
            except Problem as problem:
                client.answer(refusal(call, problem))

    async def _trade(self, client: Client, call: Call, principal: Principal) -> None:
        client.not_begun -= 1
        try:
            result = await orders.carry_out(self._runtime, client, principal.account_id, call.params)
            client.answer(answer(call, result))
        except Exception as error:
            client.answer(refusal(call, as_problem(error, call.method)))
        finally:
            client.in_flight -= 1

    async def _principal(self, client: Client, token: str | None, needs: Needs) -> Principal:
        if token is None:
            raise Problem(NOT_SIGNED_IN, "Give token, from GET /session/stream-token.")
        principal = client.principals.get(token)
        if principal is None:
            _spend(ADDRESS, client.address, LOOKUP_WEIGHT)
            principal = await asyncio.to_thread(load_stream_token, token)
            if principal is None:
                raise Problem(NOT_SIGNED_IN, "The token is not valid. Get one from GET /session/stream-token.")
            if principal.key is not None:
                principal.key.check_address(client.address)
            client.principals[token] = principal
        principal.check(needs)
        return principal

    # Routine

    async def _beat(self) -> None:
        """A heartbeat for everybody who has heard nothing for HEARTBEAT_S; the end for who is silent too long."""
        while True:
            await asyncio.sleep(HEARTBEAT_S / 2)
            self.channels.tell_status(self.status())
            now = time.monotonic()
            heartbeat = messages.encode(Heartbeat("heartbeat", self._runtime.live.seq)).decode()
            for client in list(self._clients):
                if client.last_sent < now - HEARTBEAT_S:
                    client.post(heartbeat)
                if client.silence_limit_s is not None and client.last_heard < now - client.silence_limit_s:
                    client.close(CLOSE_SILENT)

    async def _sweep_sessions(self) -> None:
        """Closes the connections of sessions that have ended and keys that were revoked, anywhere."""
        while True:
            await asyncio.sleep(SESSION_SWEEP_S)
            proven = [p for client in self._clients for p in client.principals.values()]
            sessions = {p.session_id for p in proven if p.session_id is not None}
            keys = {p.key.id for p in proven if p.key is not None}
            if not proven:
                continue
            try:
                good = await asyncio.to_thread(still_good, sessions, keys)
            except Exception:
                log.exception("stream: sessions and keys could not be checked")
                continue
            ended = (sessions | keys) - good
            for client in list(self._clients):
                if any(p.proven_by in ended for p in client.principals.values()):
                    client.close(CLOSE_SESSION_ENDED)

    def status(self) -> StatusData:
        """As ``GET /public/status`` has it."""
        runtime, live = self._runtime, self._runtime.live
        is_here = runtime.health().ready and self._shutdown_at is None
        notices = [] if self._shutdown_at is None else ["This server goes away. Connect again."]
        return StatusData(
            api_version="v2",
            version=str(settings.SPECTACULAR_SETTINGS["VERSION"]),
            system="maintenance" if not is_here else "online" if live.closure is None else "cancel_only",
            engine=runtime.engine_phase,
            markets={name: state.market.state for name, state in sorted(live.markets.items())},
            notices=[*runtime.notices, *notices],
            announcements=runtime.announcements,
            shutdown_at=self._shutdown_at or _end_text(live.closure),
        )

    def _spawn(self, routine: Any) -> None:
        task = self._loop.create_task(routine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _end_text(closure: Closure | None) -> str | None:
    """When an exchange that winds down goes down, at the latest."""
    return None if closure is None or closure.at_us is None else at_text(closure.at_us)


def _is_own_origin(scope: Scope) -> bool:
    """Browsers say which site asks: only our own may, and those of STREAM_ORIGINS. Programs say nothing."""
    headers = dict(scope["headers"])
    origin = headers.get(b"origin")
    if origin is None:
        return True
    text = origin.decode("latin-1")
    return text in settings.STREAM_ORIGINS or urlsplit(text).netloc.encode("latin-1") == headers.get(b"host")


async def _refuse_connection(send: Send, problem: Problem) -> None:
    """Answers the handshake by HTTP."""
    headers = [(name.lower().encode(), value.encode()) for name, value in problem.headers.items()]
    start = {"type": "websocket.http.response.start", "status": problem.kind.status, "headers": headers}
    await send(start)
    await send({"type": "websocket.http.response.body", "body": messages.encode(problem.body(new_request_id()))})


def _spend(meter: Meter, key: str | int, weight: int) -> None:
    """Counts a request, unless limits are lifted; of an address its key. Raises Problem rate_limited."""
    if weight and LIMITS_APPLY:
        meter.spend(address_key(key) if isinstance(key, str) else key, weight)


def _spend_for(call: Call, principal: Principal) -> None:
    """Counts a request of an account; a batch for each of its orders. Raises Problem rate_limited."""
    weight = WEIGHTS[call.method]
    count = len(call.params.orders) if isinstance(call.params, BatchAdd) else 1
    _spend(ACCOUNT, principal.account_id, weight.account)
    _spend(ORDERS, principal.account_id, weight.orders * count)
