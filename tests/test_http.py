"""HTTP as the server speaks it: what comes in pieces, in a row or too long, and what a request leaves behind."""

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from accounts.problems import Problem
from exchange.http import HttpProtocol
from trading.api.http import Application, Receive, Request, Scope, Send, Turn, respond, respond_at_once, respond_problem

LINES = b"host: localhost\r\n"


async def tell(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with what was received."""
    request = Request(scope)
    try:
        await request.read_body(receive)
    except Problem as problem:
        await respond_problem(send, request, problem)
        return
    body = {"path": request.path, "body": request.body.decode(), "client": request.address}
    await respond(send, request, 200, None if request.path == "/empty" else body)


class Prompt:
    """An application that answers what is asked of /soon without a task, a little later."""

    def __init__(self) -> None:
        self.has_answered = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await tell(scope, receive, send)

    def at_once(self, scope: Scope, turn: Turn) -> bool:
        request = Request(scope)
        body = turn.body_at_once() if request.path == "/soon" else None
        if body is None:
            return False
        told = {"path": request.path, "body": body.decode(), "client": request.address}
        asyncio.get_running_loop().call_later(0.005, self._answer, request, turn, told)
        return True

    def _answer(self, request: Request, turn: Turn, told: dict[str, str]) -> None:
        async def answer_by_parts(scope: Scope, receive: Receive, send: Send) -> None:
            await respond(send, request, 200, told)

        if not respond_at_once(turn, request, 200, told):
            turn.go_on(answer_by_parts)
        self.has_answered.set()


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def answer(self, *, has_body: bool = True) -> tuple[int, bytes, bytes]:
        """Status, head and body."""
        async with asyncio.timeout(5):
            head = await self.reader.readuntil(b"\r\n\r\n")
            length = next((int(one[16:]) for one in head.split(b"\r\n") if one.startswith(b"content-length: ")), 0)
            return int(head[9:12]), head, await self.reader.readexactly(length if has_body else 0)


@asynccontextmanager
async def connected(app: Application = tell, **options: object) -> AsyncIterator[Client]:
    config = Config(app, **{"access_log": False, "forwarded_allow_ips": "127.0.0.1", **options})  # type: ignore[arg-type]
    config.load()
    state = ServerState()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: HttpProtocol(config, state, {}), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    try:
        yield Client(reader, writer)
    finally:
        writer.close()
        server.close()


async def test_requests_in_a_row_are_answered_in_their_order() -> None:
    async with connected() as client:
        client.send(b"".join(b"GET /%d HTTP/1.1\r\n%b\r\n" % (number, LINES) for number in range(5)))
        answers = [await client.answer() for _ in range(5)]
        assert [body.split(b'"')[3] for _, _, body in answers] == [b"/%d" % number for number in range(5)]


async def test_requests_in_a_row_are_answered_in_their_order_with_a_task_or_without() -> None:
    async with connected(Prompt()) as client:
        paths = [b"/soon", b"/soon", b"/a", b"/soon", b"/b"]
        head = LINES + b"content-length: 1\r\n"
        client.send(b"".join(b"POST %b HTTP/1.1\r\n%b\r\n%d" % (path, head, n) for n, path in enumerate(paths)))
        answers = [(await client.answer())[2] for _ in paths]
        assert [body.split(b'"')[3:8:4] for body in answers] == [[path, b"%d" % n] for n, path in enumerate(paths)]


@pytest.mark.parametrize("is_logged", [False, True])  # what is logged goes the longer way
async def test_an_answer_is_the_same_with_a_task_or_without(is_logged: bool) -> None:
    answers = []
    for app in (tell, Prompt()):
        async with connected(app, access_log=is_logged) as client:
            client.send(b"POST /soon HTTP/1.1\r\n" + LINES + b"x-request-id: mine\r\ncontent-length: 3\r\n\r\nabc")
            answers.append(await client.answer())
            client.send(b"GET /soon HTTP/1.1\r\n" + LINES + b"x-request-id: mine\r\nconnection: close\r\n\r\n")
            answers.append(await client.answer())
            assert await client.reader.read() == b""
    assert answers[:2] == answers[2:] and answers[0][0] == 200


async def test_who_goes_before_the_answer_without_a_task_does_no_harm() -> None:
    failures: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
    app = Prompt()
    async with connected(app) as client, asyncio.timeout(5):
        client.send(b"GET /soon HTTP/1.1\r\n" + LINES + b"\r\n")
        await client.writer.drain()
        client.writer.transport.abort()
        await app.has_answered.wait()
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})
    assert failures == []


async def test_a_body_may_come_in_pieces_or_in_chunks() -> None:
    async with connected() as client:
        client.send(b"POST /a HTTP/1.1\r\n" + LINES + b"content-length: 6\r\n\r\n")
        await asyncio.sleep(0)
        for piece in (b"abc", b"def"):
            client.send(piece)
            await client.writer.drain()
            await asyncio.sleep(0.01)
        assert b'"body":"abcdef"' in (await client.answer())[2]
        client.send(b"POST /b HTTP/1.1\r\n" + LINES + b"transfer-encoding: chunked\r\n\r\n3\r\nghi\r\n0\r\n\r\n")
        assert b'"body":"ghi"' in (await client.answer())[2]


async def test_who_asks_whether_to_send_the_body_is_told_to() -> None:
    async with connected() as client:
        client.send(b"POST /a HTTP/1.1\r\n" + LINES + b"expect: 100-continue\r\ncontent-length: 3\r\n\r\n")
        assert (await client.answer())[0] == 100
        client.send(b"abc")
        assert b'"body":"abc"' in (await client.answer())[2]


async def test_a_body_that_is_too_long_is_refused_before_it_comes() -> None:
    async with connected() as client:
        client.send(b"POST /a HTTP/1.1\r\n" + LINES + b"content-length: 1000000\r\n\r\n")
        assert (await client.answer())[0] == 413


@pytest.mark.parametrize("length", [65_536, 65_537, 70_000])
async def test_a_body_in_one_chunk_is_read_or_refused_at_its_bound(length: int) -> None:
    async with connected() as client:
        head = b"POST /a HTTP/1.1\r\n" + LINES + b"transfer-encoding: chunked\r\n\r\n"
        client.send(b"%b%x\r\n%b\r\n0\r\n\r\n" % (head, length, b"x" * length))
        assert (await client.answer())[0] == (200 if length == 65_536 else 413)
        client.send(b"GET /next HTTP/1.1\r\n" + LINES + b"\r\n")
        assert b'"path":"/next"' in (await client.answer())[2]


async def test_an_answer_has_its_head_once_and_its_length_whatever_it_is_asked_by() -> None:
    async with connected() as client:
        client.send(b"GET /a HTTP/1.1\r\n" + LINES + b"x-request-id: mine\r\n\r\n")
        status, head, body = await client.answer()
        names = [line.split(b":")[0] for line in head.split(b"\r\n")[1:-2]]
        assert status == 200 and len(names) == len(set(names)) and b"x-request-id: mine\r\n" in head
        client.send(b"HEAD /a HTTP/1.1\r\n" + LINES + b"x-request-id: mine\r\n\r\n")
        assert await client.answer(has_body=False) == (200, head, b"")
        client.send(b"GET /empty HTTP/1.1\r\n" + LINES + b"connection: close\r\n\r\n")
        status, head, body = await client.answer()
        assert b"connection: close\r\n" in head and b"\r\ncontent-type" not in head and body == b""
        assert await client.reader.read() == b""


@pytest.mark.parametrize("path", [b"/a", b"/empty"])
async def test_an_answer_is_the_same_written_at_once_and_in_parts(path: bytes) -> None:
    answers = []
    for is_logged in (False, True):  # what is logged goes the longer way
        async with connected(access_log=is_logged) as client:
            client.send(b"GET %b HTTP/1.1\r\n%bx-request-id: mine\r\n\r\n" % (path, LINES))
            answers.append(await client.answer())
    assert answers[0] == answers[1]


@pytest.mark.parametrize("path", [b"/a", b"/soon"])  # with a task, and without
@pytest.mark.parametrize(
    ("trusted", "forwarded", "client"),
    [
        ("127.0.0.1", b"192.0.2.7", b"192.0.2.7"),
        ("127.0.0.1", b"203.0.113.1, 192.0.2.7", b"192.0.2.7"),
        ("127.0.0.1,192.0.2.0/24", b"203.0.113.1, 192.0.2.7", b"203.0.113.1"),
        ("127.0.0.1", b"", b"127.0.0.1"),
        ("192.0.2.7", b"192.0.2.7", b"127.0.0.1"),
    ],
)
async def test_the_word_of_a_trusted_proxy_for_its_client_counts(
    path: bytes, trusted: str, forwarded: bytes, client: bytes
) -> None:
    async with connected(Prompt(), forwarded_allow_ips=trusted) as proxy:
        for line, wanted in ((b"X-Forwarded-For: %b\r\n" % forwarded, client), (b"", b"127.0.0.1")):
            proxy.send(b"POST %b HTTP/1.1\r\n%b%bcontent-length: 1\r\n\r\nx" % (path, LINES, line))
            assert b'"client":"%b"' % wanted in (await proxy.answer())[2]


async def test_nobody_s_word_for_a_client_counts_where_no_proxy_is_expected() -> None:
    async with connected(proxy_headers=False) as client:
        client.send(b"GET /a HTTP/1.1\r\n" + LINES + b"X-Forwarded-For: 192.0.2.7\r\n\r\n")
        assert b'"client":"127.0.0.1"' in (await client.answer())[2]


async def test_an_idle_connection_is_closed_and_one_in_use_is_not() -> None:
    async with connected(timeout_keep_alive=0.2) as client:
        for _ in range(5):
            client.send(b"GET /a HTTP/1.1\r\n" + LINES + b"\r\n")
            assert (await client.answer())[0] == 200
            await asyncio.sleep(0.1)
        async with asyncio.timeout(5):
            assert await client.reader.read() == b""


@pytest.fixture
def collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("path", [b"/a", b"/soon"])
async def test_requests_leave_nothing_to_the_collector(collector: None, path: bytes) -> None:
    async with connected(Prompt()) as client:

        async def ask(count: int) -> None:
            for _ in range(count):
                client.send(b"POST %b HTTP/1.1\r\n%bcontent-length: 3\r\n\r\nabc" % (path, LINES))
                await client.answer()

        await ask(20)
        gc.collect()
        await ask(100)
        assert gc.collect() < 100
