"""The server side of ``/stream``: connections, their requests, heartbeats, and the end of sessions.

Runs on the event loop. Requests of one connection are carried out in the order in which they came; up to
IN_FLIGHT_LIMIT order requests may be under way at once.
"""

import asyncio
import logging
import time
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec
from django.conf import settings

from accounts.authentication import Principal, load_stream_token, still_good
from accounts.problems import INTERNAL, INVALID_PARAMETER, MALFORMED, NOT_READY, NOT_SIGNED_IN, Problem
from accounts.rate_limits import ACCOUNT, ADDRESS, LOOKUP_WEIGHT, ORDERS, Meter, address_key
from accounts.scopes import Needs
from trading import gateway
from trading.api.http import BODY_LIMIT, Receive, Scope, Send, invalid, new_request_id
from trading.engine.commands import Side
from trading.fold import Applied
from trading.live import LiveState
from trading.problems import OVERLOADED
from trading.publications import Publication
from trading.runtime import Runtime
from trading.shapes import OrderRequest, at_text

from .channels import DEPTHS, Channels
from .client import CLOSE_GOING_AWAY, CLOSE_SESSION_ENDED, CLOSE_TOO_LARGE, Client
from .weights import CONNECTION_WEIGHT, UNKNOWN, WEIGHTS

log = logging.getLogger(__name__)

PATH = "/stream"
IN_FLIGHT_LIMIT = 1000
HEARTBEAT_S = 1.0
SESSION_SWEEP_S = 2.0
PUBLIC_CHANNELS = ("book", "trade", "ticker")
PRIVATE_CHANNELS = ("executions", "balances")
ORDER_METHODS = ("add_order", "cancel_order", "cancel_all")
NULL = msgspec.Raw(b"null")


class Params(msgspec.Struct):
    """Parameters of every method; each uses some. Fields of Kraken's that mean nothing here are ignored."""

    channel: str | None = None
    symbol: msgspec.Raw = NULL
    depth: int = 10
    snapshot: bool = True
    token: str | None = None
    order_type: str | None = None
    side: Side | None = None
    order_qty: msgspec.Raw = NULL
    cash_order_qty: msgspec.Raw = NULL
    limit_price: msgspec.Raw = NULL
    time_in_force: str | None = None
    post_only: bool = False
    cl_ord_id: msgspec.Raw = NULL
    order_id: msgspec.Raw = NULL


class Frame(msgspec.Struct):
    """A request as it comes; the parameters are read once it is known whom to answer."""

    method: str
    params: msgspec.Raw = msgspec.Raw(b"{}")
    req_id: int | None = None


class Call(msgspec.Struct):
    """A request of the client."""

    method: str
    params: Params
    req_id: int | None


_decode_frame = msgspec.json.Decoder(Frame).decode
_decode_params = msgspec.json.Decoder(Params).decode
_encode = msgspec.json.Encoder().encode


class Hub:
    """All connections of this process."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._channels = Channels()
        self._live: LiveState | None = None
        self._clients: set[Client] = set()
        self._closing = False
        self._tasks: set[asyncio.Task[None]] = set()
        runtime.observers.append(self)
        for routine in (self._beat(), self._sweep_sessions()):
            self._spawn(routine)

    def on_event(self, event: Applied) -> None:
        self._attach()
        self._channels.on_event(event)

    def on_batch(self, publication: Publication) -> None:
        self._channels.on_batch(publication)

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection from handshake to close."""
        if scope["path"] != PATH or (await receive())["type"] != "websocket.connect" or self._closing:
            await send({"type": "websocket.close", "code": CLOSE_GOING_AWAY})
            return
        client = Client(send, str((scope.get("client") or ("",))[0]))
        try:
            _spend(ADDRESS, client.address, CONNECTION_WEIGHT)
        except Problem as problem:
            await _refuse_connection(send, problem)
            return
        await send({"type": "websocket.accept"})
        self._clients.add(client)
        client.post(_status())
        reading = asyncio.ensure_future(self._read(client, receive))
        writing = asyncio.ensure_future(client.write())
        try:
            await asyncio.wait((reading, writing), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._clients.discard(client)
            self._channels.remove_client(client)
            for task in (reading, writing):
                task.cancel()
            await asyncio.gather(reading, writing, return_exceptions=True)

    async def close(self) -> None:
        """Tells everybody that the server goes away."""
        self._closing = True
        for client in list(self._clients):
            client.close(CLOSE_GOING_AWAY)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _read(self, client: Client, receive: Receive) -> None:
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return
            text = message.get("text") or (message.get("bytes") or b"").decode("utf-8", "replace")
            if len(text) > BODY_LIMIT:
                client.close(CLOSE_TOO_LARGE)
                continue
            await self._receive(client, text)

    async def _receive(self, client: Client, text: str) -> None:
        time_in = _now_text()
        frame = Frame(method="")
        try:
            frame = _decode_frame(text)
            call = Call(frame.method, _decode_params(frame.params), frame.req_id)
        except msgspec.ValidationError as error:
            return client.post(_refusal(frame.method, frame.req_id, invalid(error), time_in))
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            return client.post(_refusal("", None, Problem(MALFORMED, f"Not JSON: {error}."), time_in))
        try:
            await self._begin(client, call, time_in)
        except Exception as error:
            client.post(_refusal(call.method, call.req_id, _as_problem(error, call.method), time_in))

    async def _begin(self, client: Client, call: Call, time_in: str) -> None:
        """Answers the request, or starts the task that will; the next request is read after that."""
        weight = WEIGHTS.get(call.method, UNKNOWN)
        _spend(ADDRESS, client.address, weight.address)
        if call.method == "ping":
            client.post(_answer("pong", call.req_id, time_in, {}))
        elif call.method in ("subscribe", "unsubscribe"):
            await self._subscribe(client, call, time_in)
        elif call.method not in ORDER_METHODS:
            raise Problem(INVALID_PARAMETER, f"There is no method {call.method!r}.")
        elif client.in_flight >= IN_FLIGHT_LIMIT:
            raise Problem(OVERLOADED, f"{IN_FLIGHT_LIMIT} requests of this connection are under way.")
        else:
            principal = await self._principal(client, call.params, "trade")
            _spend(ACCOUNT, principal.account_id, weight.account)
            _spend(ORDERS, principal.account_id, weight.orders)
            client.in_flight += 1
            self._spawn(self._trade(client, call, principal, time_in))

    # Subscriptions

    async def _subscribe(self, client: Client, call: Call, time_in: str) -> None:
        """Answers each symbol by itself."""
        if not self._runtime.ready:
            raise Problem(NOT_READY, "The engine is reading the journal.")
        principal = None
        if call.params.channel in PRIVATE_CHANNELS:
            principal = await self._principal(client, call.params, "read")
        self._attach()
        for symbol in _symbols(call.params):
            try:
                self._subscribe_one(client, call, symbol, principal, time_in)
            except Problem as problem:
                client.post(_refusal(call.method, call.req_id, problem, time_in))

    def _subscribe_one(
        self, client: Client, call: Call, symbol: str | None, principal: Principal | None, time_in: str
    ) -> None:
        params, channel = call.params, call.params.channel or ""
        result: dict[str, Any] = {"channel": channel}
        if channel in PUBLIC_CHANNELS:
            if symbol is None:
                raise Problem(INVALID_PARAMETER, "Give symbol, a list of markets.")
            gateway.market_of(self._runtime, symbol)
            result["symbol"] = symbol
        elif channel not in PRIVATE_CHANNELS:
            raise Problem(INVALID_PARAMETER, f"There is no channel {channel!r}.")
        if channel == "book":
            if params.depth not in DEPTHS:
                raise Problem(INVALID_PARAMETER, f"depth is one of {', '.join(map(str, DEPTHS))}.")
            result["depth"] = params.depth
        account = None if principal is None else principal.account_id
        if call.method == "unsubscribe":
            self._channels.remove(client, channel, symbol, params.depth if channel == "book" else None, account)
            client.post(_answer("unsubscribe", call.req_id, time_in, result))
            return
        result["snapshot"] = params.snapshot
        snapshot = self._add(client, channel, symbol or "", params.depth, account or 0)
        client.post(_answer("subscribe", call.req_id, time_in, result))
        if params.snapshot:
            client.post(snapshot)

    def _add(self, client: Client, channel: str, symbol: str, depth: int, account: int) -> str:
        match channel:
            case "book":
                return self._channels.add_book(client, symbol, depth)
            case "trade":
                return self._channels.add_trades(client, symbol)
            case "ticker":
                return self._channels.add_ticker(client, symbol)
            case "executions":
                return self._channels.add_executions(client, account)
        return self._channels.add_balances(client, account)

    # Trading

    async def _trade(self, client: Client, call: Call, principal: Principal, time_in: str) -> None:
        try:
            result = await self._carry_out(client, call, principal)
            client.post(_answer(call.method, call.req_id, time_in, result))
        except Exception as error:
            client.post(_refusal(call.method, call.req_id, _as_problem(error, call.method), time_in))
        finally:
            client.in_flight -= 1

    async def _carry_out(self, client: Client, call: Call, principal: Principal) -> dict[str, Any]:
        request_id = new_request_id()
        account = principal.account_id
        match call.method:
            case "add_order":
                request = _order_request(call.params)
                with client.placing(request.client_order_id):
                    placed = await gateway.place_order(
                        self._runtime, account=account, request=request, idempotency_key=None, request_id=request_id
                    )
                order = placed.order
                return {"order_id": order.id, "cl_ord_id": order.client_order_id, "order_status": order.status}
            case "cancel_order":
                ids, names = _texts(call.params.order_id, "order_id"), _texts(call.params.cl_ord_id, "cl_ord_id")
                references = [*ids, *(f"client:{name}" for name in names)]
                if len(references) != 1:
                    raise Problem(INVALID_PARAMETER, "Give one order_id or one cl_ord_id.")
                for name in names:
                    await client.placed(name)
                body = await gateway.cancel_order(
                    self._runtime, account=account, reference=references[0], request_id=request_id
                )
                return {"order_id": body.id, "cl_ord_id": body.client_order_id}
            case "cancel_all":
                count = await gateway.cancel_all(
                    self._runtime, account=account, market=None, side=None, request_id=request_id
                )
                return {"count": count}
        raise RuntimeError(f"{call.method} is no method of orders")

    async def _principal(self, client: Client, params: Params, needs: Needs) -> Principal:
        if params.token is None:
            raise Problem(NOT_SIGNED_IN, "Give token, from GET /session/stream-token.")
        principal = client.principals.get(params.token)
        if principal is None:
            _spend(ADDRESS, client.address, LOOKUP_WEIGHT)
            principal = await asyncio.to_thread(load_stream_token, params.token)
            if principal is None:
                raise Problem(NOT_SIGNED_IN, "The token is not valid. Get one from GET /session/stream-token.")
            if principal.key is not None:
                principal.key.check_address(client.address)
            client.principals[params.token] = principal
        principal.check(needs)
        return principal

    # Routine

    async def _beat(self) -> None:
        """A heartbeat for everybody who has heard nothing for HEARTBEAT_S."""
        while True:
            await asyncio.sleep(HEARTBEAT_S / 2)
            silent_since = time.monotonic() - HEARTBEAT_S
            for client in self._clients:
                if client.last_sent < silent_since:
                    client.post('{"channel":"heartbeat"}')

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

    def _attach(self) -> None:
        """The runtime makes its live state anew when it has read the journal; the channels follow."""
        if self._live is not self._runtime.live:
            self._live = self._runtime.live
            self._channels.attach(self._live)

    def _spawn(self, routine: Any) -> None:
        task = asyncio.ensure_future(routine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _refuse_connection(send: Send, problem: Problem) -> None:
    """Answers the handshake by HTTP."""
    headers = [(name.lower().encode(), value.encode()) for name, value in problem.headers.items()]
    start = {"type": "websocket.http.response.start", "status": problem.kind.status, "headers": headers}
    await send(start)
    await send({"type": "websocket.http.response.body", "body": _encode(problem.body(new_request_id()))})


def _spend(meter: Meter, key: str | int, weight: int) -> None:
    """Counts a request, unless limits are lifted; of an address its key. Raises Problem rate_limited."""
    if weight and settings.RATE_LIMITS:
        meter.spend(address_key(key) if isinstance(key, str) else key, weight)


def _symbols(params: Params) -> list[str | None]:
    """The markets of a subscription; [None] for a channel without."""
    names = _texts(params.symbol, "symbol")
    return [None] if not names else list(names)


def _texts(value: msgspec.Raw, name: str) -> list[str]:
    """A text or a list of texts; nothing for null."""
    try:
        given = msgspec.json.decode(value, type=str | list[str] | None)
    except msgspec.ValidationError as error:
        raise Problem(INVALID_PARAMETER, f"{name} is a text or a list of texts.") from error
    return [given] if isinstance(given, str) else given or []


def _order_request(params: Params) -> OrderRequest:
    symbols, names = _texts(params.symbol, "symbol"), _texts(params.cl_ord_id, "cl_ord_id")
    if len(symbols) != 1 or len(names) > 1 or params.order_type is None or params.side is None:
        raise Problem(INVALID_PARAMETER, "Give symbol, side and order_type.")
    price = _decimal(params.limit_price, "limit_price")
    is_limit = params.order_type == "limit"
    fields = {
        "market": symbols[0],
        "side": params.side,
        "type": params.order_type,
        "quantity": _decimal(params.order_qty, "order_qty"),
        "quote_quantity": _decimal(params.cash_order_qty, "cash_order_qty"),
        "price": price if is_limit else None,
        "slippage_price": None if is_limit else price,
        "time_in_force": None if params.time_in_force is None else params.time_in_force.upper(),
        "post_only": "reject" if params.post_only else "none",
        "client_order_id": names[0] if names else None,
    }
    return msgspec.convert(fields, OrderRequest)


def _decimal(value: msgspec.Raw, name: str) -> str | None:
    """A text as it is, to be judged as REST judges it; a JSON number as exact decimal text, its exponent written out."""
    text = bytes(value)
    if text.startswith(b'"') or text == b"null":
        return msgspec.json.decode(text, type=str | None)
    try:
        number = Decimal(text.decode("ascii"))
        if abs(number.adjusted()) > 30 or len(text) > 64:
            raise InvalidOperation
    except (InvalidOperation, UnicodeDecodeError) as error:
        raise Problem(INVALID_PARAMETER, f"{name} is not a decimal number.") from error
    return format(number, "f")


def _as_problem(error: Exception, method: str) -> Problem:
    """What the client is told; an error that is none of its own is logged. Called while the error is handled."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, msgspec.ValidationError):
        return invalid(error)
    log.exception("stream: %s", method)
    return Problem(INTERNAL, "The error was logged.")


def _answer(method: str, req_id: int | None, time_in: str, result: dict[str, Any]) -> str:
    body: dict[str, Any] = {"method": method, "success": True, "time_in": time_in, "time_out": _now_text()}
    if result:
        body["result"] = result
    if req_id is not None:
        body["req_id"] = req_id
    return _encode(body).decode()


def _refusal(method: str, req_id: int | None, problem: Problem, time_in: str) -> str:
    body: dict[str, Any] = {
        "method": method,
        "success": False,
        "error": problem.detail,
        "code": problem.kind.code,
        "time_in": time_in,
        "time_out": _now_text(),
        **problem.extra,
    }
    if req_id is not None:
        body["req_id"] = req_id
    return _encode(body).decode()


def _status() -> str:
    data = [{"api_version": "v2", "system": "online", "version": settings.SPECTACULAR_SETTINGS["VERSION"]}]
    return _encode({"channel": "status", "type": "update", "data": data}).decode()


def _now_text() -> str:
    return at_text(time.time_ns() // 1000)
