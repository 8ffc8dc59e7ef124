"""Frames as the server reads them: whole, in pieces, many at once, fragmented, and ones that are none."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from uvicorn import Config
from uvicorn.server import ServerState
from websockets.asyncio.client import ClientConnection, connect
from websockets.frames import Frame, Opcode

from exchange.http import HttpProtocol
from exchange.worker import READ_AHEAD, StreamProtocol
from trading.api.http import Receive, Scope, Send

HANDSHAKE = (
    b"GET /stream HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
)
LIMIT = 1000


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Sends back what comes, a turn of the loop later."""
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await asyncio.sleep(0)
        kind = "text" if message.get("text") is not None else "bytes"
        await send({"type": "websocket.send", kind: message[kind]})


@asynccontextmanager
async def served() -> AsyncIterator[int]:
    config = Config(echo, ws=StreamProtocol, ws_max_size=LIMIT, ws_per_message_deflate=False, access_log=False)
    config.load()
    server = await asyncio.get_running_loop().create_server(
        lambda: HttpProtocol(config, ServerState(), {}), "127.0.0.1", 0
    )
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@asynccontextmanager
async def raw(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(HANDSHAKE)
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
    try:
        yield reader, writer
    finally:
        writer.close()


def frame(kind: Opcode, data: bytes, *, fin: bool = True) -> bytes:
    return Frame(kind, data, fin).serialize(mask=True, extensions=[])


async def frames(reader: asyncio.StreamReader, count: int) -> list[tuple[int, bytes]]:
    """The next frames of the server: first byte and payload."""
    read = []
    async with asyncio.timeout(10):
        for _ in range(count):
            first, length = await reader.readexactly(2)
            if length == 126:
                length = int.from_bytes(await reader.readexactly(2))
            read.append((first, await reader.readexactly(length)))
    return read


@pytest.mark.parametrize("seed", range(5))
async def test_messages_come_whole_and_in_order_however_they_are_cut_up(seed: int) -> None:
    rng = random.Random(seed)
    sent = [rng.choice("aé") * rng.choice((0, 1, 50, 125, 126, 300)) for _ in range(3 * READ_AHEAD)]
    data = b"".join(frame(Opcode.TEXT, text.encode()) for text in sent)
    async with served() as port, raw(port) as (reader, writer):
        at = 0
        while at < len(data):
            cut = at + rng.choice((1, 2, 3, 7, 500, 5000))
            writer.write(data[at:cut])
            await writer.drain()
            await asyncio.sleep(0)
            at = cut
        assert await frames(reader, len(sent)) == [(0x81, text.encode()) for text in sent]


async def test_pings_fragments_and_bytes_come_between_messages() -> None:
    parts = [
        frame(Opcode.TEXT, b"one"),
        frame(Opcode.PING, b"alive?"),
        frame(Opcode.TEXT, b"t", fin=False),
        frame(Opcode.PING, b"still?"),
        frame(Opcode.CONT, b"wo"),
        frame(Opcode.BINARY, b"three"),
        frame(Opcode.TEXT, b"four"),
    ]
    async with served() as port, raw(port) as (reader, writer):
        for part in parts:
            writer.write(part)
            await writer.drain()
        got = await frames(reader, 6)
    assert [payload for first, payload in got if first == 0x8A] == [b"alive?", b"still?"]
    told = [payload for first, payload in got if first != 0x8A]
    assert told == [b"one", b"two", b"three", b"four"]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param(b"\x81\x03abc", 1002, id="not masked"),
        pytest.param(frame(Opcode.TEXT, b"\xff\xfe"), 1007, id="not UTF-8"),
        pytest.param(
            frame(Opcode.TEXT, b"x" * (LIMIT + 1))[:100], 1009, id="too long, refused before its end has come"
        ),
        pytest.param(frame(Opcode.TEXT, b"a", fin=False) + frame(Opcode.TEXT, b"b"), 1002, id="begun within another"),
        pytest.param(frame(Opcode.CONT, b"a"), 1002, id="goes on with nothing"),
    ],
)
async def test_what_is_no_good_frame_ends_the_connection_with_its_code(data: bytes, code: int) -> None:
    async with served() as port, raw(port) as (reader, writer):
        writer.write(frame(Opcode.TEXT, b"before"))
        assert await frames(reader, 1) == [(0x81, b"before")]
        writer.write(data)
        (last,) = await frames(reader, 1)
        assert last[0] == 0x88 and int.from_bytes(last[1][:2]) == code


async def test_a_library_s_client_says_goodbye() -> None:
    async with served() as port:
        client: ClientConnection
        async with connect(f"ws://127.0.0.1:{port}/stream", compression=None) as client:
            await client.send("hello")
            assert await client.recv() == "hello"
        assert client.close_code == 1000
