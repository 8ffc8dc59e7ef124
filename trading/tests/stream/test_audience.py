"""Whoever hears a public feed hears everything from its joining on, once and in order, however it reads, or is closed."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading.stream import audience as audiences
from trading.stream.audience import SLICE, Audience
from trading.stream.client import CLOSE_SLOW_READER, OUTBOX_LIMIT, Client, frame_of


class Peer:
    """A reader that can stop and go on; ``heard`` are the messages that reached it."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.reads = asyncio.Event()
        self.reads.set()
        self.client = Client(self.send, write_frame=self.write)
        self.writing = asyncio.ensure_future(self.client.write())

    def write(self, frames: bytes) -> bool:
        if not self.reads.is_set():
            return False
        while frames:
            length = frames[1]
            self.heard.append(frames[2 : 2 + length].decode())
            frames = frames[2 + length :]
        return True

    async def send(self, message: MutableMapping[str, Any]) -> None:
        await self.reads.wait()
        if "text" in message:
            self.heard.append(message["text"])


async def settled() -> None:
    """Everything that is due at once has been done."""
    for _ in range(50):
        await asyncio.sleep(0)


ACTIONS = st.sampled_from(["post", "post", "post", "turn", "stop", "go on", "join", "leave", "answer"])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(ACTIONS, st.integers(0, 5)), max_size=60))
def test_f74_a_reader_that_stops_and_goes_on_misses_nothing(actions: list[tuple[str, int]]) -> None:
    async def scene() -> None:
        audience, peers, told = Audience(), [Peer() for _ in range(6)], 0
        expected: list[list[str]] = [[] for _ in peers]
        joined = [False] * len(peers)
        for action, number in actions:
            peer = peers[number]
            if action == "post":
                told += 1
                audience.post(str(told))
                for one, hears in enumerate(joined):
                    if hears:
                        expected[one].append(str(told))
            elif action == "turn":
                await asyncio.sleep(0)
            elif action == "stop":
                peer.reads.clear()
            elif action == "go on":
                peer.reads.set()
            elif action == "join" and not joined[number]:
                joined[number] = True
                audience.add(peer.client)
            elif action == "answer":
                peer.client.post("answer")
            elif action == "leave" and joined[number]:
                peer.reads.set()
                await settled()
                joined[number] = False
                audience.discard(peer.client)
        for peer in peers:
            peer.reads.set()
        await settled()
        for peer, texts in zip(peers, expected, strict=True):
            assert [text for text in peer.heard if text != "answer"] == texts
            peer.writing.cancel()

    monkey = pytest.MonkeyPatch()
    with monkey.context() as patched:
        patched.setattr(audiences, "SLICE", 2)
        asyncio.run(scene())


async def test_many_readers_are_written_to_some_at_a_turn_and_all_hear_all() -> None:
    audience, peers = Audience(), [Peer() for _ in range(3 * SLICE)]
    for peer in peers:
        audience.add(peer.client)
    audience.post("one")
    assert [len(peer.heard) for peer in peers] == [1] * SLICE + [0] * 2 * SLICE
    audience.post("two")
    await settled()
    assert all(peer.heard == ["one", "two"] for peer in peers)
    for peer in peers:
        peer.writing.cancel()


async def test_f74_who_is_too_far_behind_is_closed_and_what_is_kept_is_bounded() -> None:
    audience, stalled, reading = Audience(), Peer(), Peer()
    stalled.reads.clear()
    for peer in (stalled, reading):
        audience.add(peer.client)
    for number in range(OUTBOX_LIMIT + 3):
        audience.post(str(number))
    assert stalled.client.close_code == CLOSE_SLOW_READER
    assert len(reading.heard) == OUTBOX_LIMIT + 3 and reading.client.close_code is None
    audience.post("last")
    assert reading.heard[-1] == "last" and not audience.missed(stalled.client)
    for peer in (stalled, reading):
        peer.writing.cancel()


async def test_what_was_posted_to_a_reader_comes_before_what_it_missed() -> None:
    audience, peer = Audience(), Peer()
    peer.reads.clear()
    peer.client.post("snapshot")
    audience.add(peer.client)
    audience.post("update")
    peer.reads.set()
    await settled()
    assert peer.heard == ["snapshot", "update"]
    assert frame_of("x") == b"\x81\x01x"
    peer.writing.cancel()
