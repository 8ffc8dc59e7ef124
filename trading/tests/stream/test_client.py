"""A slow reader is closed, cut off if it does not read even that, and what waits for it is bounded."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from trading.stream import client as clients
from trading.stream.client import CLOSE_SESSION_ENDED, CLOSE_SLOW_READER, OUTBOX_LIMIT, OUTBOX_LIMIT_BYTES, Client
from trading.tests.world import WAIT_LIMIT_S


class Peer:
    """Reads once it is told to."""

    def __init__(self) -> None:
        self.sent: list[MutableMapping[str, Any]] = []
        self.reads = asyncio.Event()
        self.cut_off = asyncio.Event()

    async def send(self, message: MutableMapping[str, Any]) -> None:
        await self.reads.wait()
        self.sent.append(message)


@pytest.mark.parametrize(("text", "fitting"), [("x", OUTBOX_LIMIT), ("x" * (OUTBOX_LIMIT_BYTES // 8), 9)])
async def test_f74_an_outbox_has_a_bound_in_messages_and_in_bytes(text: str, fitting: int) -> None:
    client = Client(Peer().send)
    for _ in range(fitting):
        client.post(text)
    assert client.close_code is None
    client.post(text)
    assert client.close_code == CLOSE_SLOW_READER


async def test_f74_who_reads_again_is_told_why_it_was_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "CLOSE_LIMIT_S", 0.05)
    peer = Peer()
    client = Client(peer.send, peer.cut_off.set)
    writing = asyncio.ensure_future(client.write())
    client.post("under way")
    await asyncio.sleep(0)
    for _ in range(OUTBOX_LIMIT + 1):
        client.post("x")
    client.post("after the end")
    async with asyncio.timeout(WAIT_LIMIT_S):
        await peer.cut_off.wait()
        peer.reads.set()
        await writing
    assert peer.sent == [
        {"type": "websocket.send", "text": "under way"},
        {"type": "websocket.close", "code": CLOSE_SLOW_READER},
    ]


async def test_who_is_closed_for_another_reason_hears_what_waits() -> None:
    peer = Peer()
    client = Client(peer.send)
    client.post("one")
    client.close(CLOSE_SESSION_ENDED)
    client.close(CLOSE_SLOW_READER)
    peer.reads.set()
    await client.write()
    assert [message.get("text", message.get("code")) for message in peer.sent] == ["one", CLOSE_SESSION_ENDED]


async def test_who_posts_much_at_once_waits_for_room() -> None:
    peer = Peer()
    client = Client(peer.send)
    writing = asyncio.ensure_future(client.write())
    peer.reads.set()
    for _ in range(3):
        for _ in range(OUTBOX_LIMIT):
            client.post("x")
        await client.room()
    assert client.close_code is None and len(peer.sent) >= 3 * OUTBOX_LIMIT - 1
    writing.cancel()
