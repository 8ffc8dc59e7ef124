"""Requests and responses of the raw realms: JSON or MessagePack in, the same out, problems for what goes wrong."""

import itertools
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, MutableMapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeVar
from urllib.parse import parse_qsl

import msgspec
import msgspec.inspect
from django.conf import settings

from accounts.authentication import Principal
from accounts.media_types import prefers_messagepack
from accounts.problems import INVALID_PARAMETER, MALFORMED, TOO_LARGE, UNSUPPORTED_MEDIA_TYPE, Problem
from accounts.rate_limits import Meter
from trading.shapes.fields import json_encoder, msgpack_encoder

from . import ANSWER, BODY

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
T = TypeVar("T")

BODY_LIMIT = 64 * 1024
QUERY_FIELDS_LIMIT = 20
LIMITS_APPLY: bool = settings.RATE_LIMITS
"""Read once: every request asks several times, and Django's settings take their time to answer."""
_JSON, _MSGPACK = b"application/json", b"application/msgpack"
_GUARDS = [
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
]
"""On every answer: it is no page, and nobody keeps it. In production also that this host is asked over TLS alone."""
if settings.SECURE_HSTS_SECONDS:
    _GUARDS.append(
        (b"strict-transport-security", b"max-age=%d; includeSubDomains; preload" % settings.SECURE_HSTS_SECONDS)
    )
_GUARD_LINES = b"".join(b"%b: %b\r\n" % guard for guard in _GUARDS)
_PROCESS_ID = os.urandom(8).hex()
_counter = itertools.count(1)
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,20}")
_FIELD_NAMED = re.compile(r"(?:missing required|unknown) field `([^`]*)`")
_json_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}
_msgpack_decoders: dict[Any, msgspec.msgpack.Decoder[Any]] = {}
_whole: dict[Any, frozenset[str]] = {}


class Request:
    """One request. ``principal`` is set by the application before a handler that needs one runs.

    ``meters``: what it was counted by, for its answer to tell.
    ``proof``: of a signed request, what it alone has (``accounts.signatures.Signed``); else None.
    """

    __slots__ = (
        "body",
        "headers",
        "meters",
        "method",
        "parameter",
        "path",
        "principal",
        "proof",
        "request_id",
        "scope",
    )

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.request_id = choose_request_id(self.headers.get(b"x-request-id"))
        self.body = b""
        self.parameter = ""
        self.principal: Principal | None = None
        self.proof: str | None = None
        self.meters: tuple[tuple[Meter, Hashable], ...] = ()

    @property
    def signed_in(self) -> Principal:
        if self.principal is None:
            raise RuntimeError(f"{self.path} is not declared as needing a principal")
        return self.principal

    @property
    def account(self) -> int:
        return self.signed_in.account_id

    @property
    def address(self) -> str:
        """Of the client, as the server or a proxy that it trusts tells it."""
        return str((self.scope.get("client") or ("",))[0])

    def spend(self, meter: Meter, key: Hashable, weight: int) -> None:
        """Counts the request, unless limits are lifted. Raises Problem rate_limited."""
        if not LIMITS_APPLY:
            return
        if (meter, key) not in self.meters:
            self.meters += ((meter, key),)
        meter.spend(key, weight)

    @property
    def target(self) -> bytes:
        """path?query as it was sent."""
        path: bytes = self.scope.get("raw_path") or self.path.encode()
        query: bytes = self.scope["query_string"]
        return path + b"?" + query if query else path

    def header(self, name: bytes) -> str | None:
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")

    @property
    def idempotency_key(self) -> str | None:
        """Raises Problem for an empty one, under which different requests would count as the same."""
        key = self.header(b"idempotency-key")
        if key == "":
            raise Problem(
                INVALID_PARAMETER, "The header Idempotency-Key is empty. Leave it out, or give each request its own."
            )
        return key

    def cookie(self, name: str) -> str | None:
        for part in self.headers.get(b"cookie", b"").decode("latin-1").split(";"):
            key, _, value = part.strip().partition("=")
            if key == name:
                return value
        return None

    def json(self, shape: type[T]) -> T:
        """The body as ``shape``. Raises Problem malformed, or invalid_parameter naming the field."""
        kind = self.headers.get(b"content-type", _JSON).split(b";", 1)[0].strip().lower()
        try:
            if kind == _JSON:
                return _decoder(_json_decoders, msgspec.json.Decoder, shape).decode(self.body)  # type: ignore[no-any-return]
            if kind == _MSGPACK:
                return _decoder(_msgpack_decoders, msgspec.msgpack.Decoder, shape).decode(self.body)  # type: ignore[no-any-return]
        except msgspec.ValidationError as error:
            raise invalid(error) from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Problem(MALFORMED, f"The body cannot be read: {error}.") from error
        raise Problem(UNSUPPORTED_MEDIA_TYPE, f"Content-Type {kind.decode('latin-1')!r} is not understood.")

    def query(self, shape: type[T]) -> T:
        """The query string as ``shape``. Raises Problem invalid_parameter."""
        try:
            text = self.scope["query_string"].decode("ascii")
            pairs = parse_qsl(
                text, keep_blank_values=True, strict_parsing=bool(text), max_num_fields=QUERY_FIELDS_LIMIT
            )
        except (UnicodeDecodeError, ValueError) as error:
            raise Problem(MALFORMED, "The query string cannot be read.") from error
        fields = dict(pairs)
        if len(fields) != len(pairs):
            raise Problem(MALFORMED, "A query parameter is given twice.")
        for name in _whole_numbers(shape) & fields.keys():
            if not _WHOLE_NUMBER.fullmatch(fields[name]):  # convert would read 1e2 and 1.0 as well
                detail = f"{name}: Expected `int`."
                raise Problem(INVALID_PARAMETER, detail, {"errors": {name: ["Expected `int`."]}})
        try:
            return msgspec.convert(fields, shape, strict=False)
        except msgspec.ValidationError as error:
            raise invalid(error) from error

    def take(self, body: bytes) -> None:
        """Raises Problem too_large beyond BODY_LIMIT."""
        if len(body) > BODY_LIMIT:
            raise Problem(TOO_LARGE, f"At most {BODY_LIMIT} bytes.")
        self.body = body

    async def read_body(self, receive: Receive) -> None:
        """Reads the body. Raises Problem too_large beyond BODY_LIMIT."""
        length = self.headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > BODY_LIMIT:
            raise Problem(TOO_LARGE, f"At most {BODY_LIMIT} bytes.")
        at_once = self.scope.get("extensions", {}).get(BODY)
        body = None if at_once is None else at_once()
        if body is not None:
            self.take(body)
            return
        chunks: list[bytes] = []
        size, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Disconnected
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > BODY_LIMIT:
                raise Problem(TOO_LARGE, f"At most {BODY_LIMIT} bytes.")
            chunks.append(chunk)
            more = message.get("more_body", False)
        self.body = chunks[0] if len(chunks) == 1 else b"".join(chunks)


class Turn(Protocol):
    """A request that has come whole, and its answer, as the server has them."""

    def body_at_once(self) -> bytes | None: ...

    def answer(self, status: int, head: bytes, body: bytes, /) -> bool:
        """Writes the whole answer; False if it must be sent by parts, which is for ``go_on``."""

    def go_on(self, application: Application, /) -> None:
        """Has an application answer, in a task."""


class Content(NamedTuple):
    """An answer in the one form that it has, whatever the client accepts."""

    kind: bytes
    data: bytes


def plain_json(body: object) -> Content:
    """JSON for those who know nothing else."""
    return Content(_JSON, json_encoder.encode(body))


class Disconnected(Exception):
    """The client went away before it had sent its request."""


class Interrupted(Exception):
    """An answer that had begun could not be ended."""


@dataclass(frozen=True, slots=True)
class File:
    """An answer to be saved, of any length."""

    name: str
    media_type: str
    chunks: AsyncIterator[bytes]


def choose_request_id(given: bytes | None) -> str:
    """The client's own request id if it is well-formed, else a new one."""
    if given is not None and _REQUEST_ID.fullmatch(given):
        return given.decode("ascii")
    return new_request_id()


def new_request_id() -> str:
    """32 hexadecimal digits: random ones of this process, and a count."""
    return f"{_PROCESS_ID}{next(_counter):016x}"


def invalid(error: msgspec.ValidationError) -> Problem:
    """msgspec says 'Expected `str`, got `int` - at `$.price`', and 'Object missing required field `type` - at `$.oco`'."""
    text, _, path = str(error).partition(" - at `$.")
    place = path.rstrip("`")
    named = _FIELD_NAMED.search(text)
    field = f"{place}.{named[1]}".removeprefix(".") if named else place
    extra = {"errors": {field: [f"{text}."]}} if field else {}
    return Problem(INVALID_PARAMETER, f"{place}: {text}." if place else f"{text}.", extra)


def _whole_numbers(shape: Any) -> frozenset[str]:
    """The fields of a query that are whole numbers, by the names that they have on the wire."""
    known = _whole.get(shape)
    if known is not None:
        return known
    kind = msgspec.inspect.type_info(shape)
    found = set()
    for field in kind.fields if isinstance(kind, msgspec.inspect.StructType) else ():
        kinds = field.type.types if isinstance(field.type, msgspec.inspect.UnionType) else (field.type,)
        if any(isinstance(one, msgspec.inspect.IntType) for one in kinds):
            found.add(field.encode_name)
    return _whole.setdefault(shape, frozenset(found))


def limit_headers(request: Request) -> list[tuple[bytes, bytes]]:
    """RateLimit and RateLimit-Policy, as the counters stand now."""
    return [
        (b"ratelimit-policy", b", ".join([meter.policy_header for meter, _ in request.meters])),
        (b"ratelimit", b", ".join([meter.header(key) for meter, key in request.meters])),
    ]


async def respond(
    send: Send, request: Request, status: int, body: object, headers: tuple[tuple[bytes, bytes], ...] = ()
) -> None:
    """Answers in MessagePack if the client accepts that, else in JSON. ``body`` None: no content."""
    kind, content = _content(request, status, body)
    told = b"" if request.method == "HEAD" else content
    answer = None if headers else request.scope.get("extensions", {}).get(ANSWER)
    if answer is not None and answer(status, _head(request, kind, len(content), has_body=body is not None), told):
        return
    start = [
        (b"content-type", kind),
        (b"content-length", b"%d" % len(content)),
        (b"x-request-id", request.request_id.encode()),
        *_GUARDS,
        *headers,
    ]
    if request.meters:
        start += limit_headers(request)
    await send({"type": "http.response.start", "status": status, "headers": start if body is not None else start[1:]})
    await send({"type": "http.response.body", "body": told})


def respond_at_once(turn: Turn, request: Request, status: int, body: object) -> bool:
    """The same without waiting; False if it must be sent by ``respond``. For a request whose answer has a body."""
    kind, content = _content(request, status, body)
    return turn.answer(status, _head(request, kind, len(content), has_body=True), content)


def _content(request: Request, status: int, body: object) -> tuple[bytes, bytes]:
    """The kind of an answer's content, and the content."""
    if body is None:
        return b"", b""
    if isinstance(body, Content):
        return body
    if b"accept" in request.headers and prefers_messagepack(request.headers[b"accept"].decode("latin-1")):
        return _MSGPACK, msgpack_encoder.encode(body)
    return b"application/problem+json" if status >= 400 else _JSON, json_encoder.encode(body)


def _head(request: Request, kind: bytes, length: int, *, has_body: bool) -> bytes:
    """The lines that ``respond`` sends, as they are on the wire."""
    kind_line = b"content-type: %b\r\n" % kind if has_body else b""
    head = b"%bcontent-length: %d\r\nx-request-id: %b\r\n%b" % (
        kind_line,
        length,
        request.request_id.encode(),
        _GUARD_LINES,
    )
    if request.meters:
        head += b"".join(b"%b: %b\r\n" % header for header in limit_headers(request))
    return head


async def respond_file(send: Send, request: Request, file: File) -> None:
    """Answers with a file, chunk by chunk as the client takes them.

    What goes wrong before the first chunk is raised as it is; after it Interrupted, and the client sees an answer without
    an end.
    """
    first = await anext(file.chunks)
    start = [
        (b"content-type", file.media_type.encode()),
        (b"content-disposition", f'attachment; filename="{file.name}"'.encode()),
        (b"x-request-id", request.request_id.encode()),
        *_GUARDS,
        *(limit_headers(request) if request.meters else []),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": start})
    if request.method != "HEAD":
        await send({"type": "http.response.body", "body": first, "more_body": True})
        try:
            async for chunk in file.chunks:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        except Exception as error:
            raise Interrupted(f"{file.name} was cut off: {error!r}") from error
    await send({"type": "http.response.body", "body": b""})


async def respond_problem(send: Send, request: Request, problem: Problem) -> None:
    headers = [(name.lower().encode(), value.encode()) for name, value in problem.headers.items()]
    if problem.kind.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await respond(send, request, problem.kind.status, problem.body(request.request_id), tuple(headers))


def _decoder(known: dict[Any, Any], make: Callable[[Any], Any], shape: Any) -> Any:
    decoder = known.get(shape)
    if decoder is None:
        decoder = known[shape] = make(shape)
    return decoder
