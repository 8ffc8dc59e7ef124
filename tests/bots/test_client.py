"""The connection: answers by their number, exact numbers, refusals and ends as exceptions. Against a server of the test."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from trading.bots.bot import PAUSE_LIMIT_S, Backoff
from trading.bots.client import encode, open_stream
from trading.bots.session import Disconnected, Refused

Answering = Callable[[ServerConnection, dict[str, Any]], Awaitable[None]]


@asynccontextmanager
async def exchange(answering: Answering) -> AsyncIterator[str]:
    """A server that treats each request by ``answering``; its HTTP address."""

    async def handle(connection: ServerConnection) -> None:
        async for text in connection:
            await answering(connection, json.loads(text))

    async with serve(handle, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def success(request: dict[str, Any], **result: Any) -> str:
    return json.dumps({"method": request["method"], "success": True, "req_id": request["req_id"], "result": result})


def ignore(channel: str, kind: str, data: list[dict[str, Any]]) -> None:
    """Nothing is expected from the channels."""


async def test_answers_are_matched_by_number_in_whatever_order_they_come() -> None:
    waiting: list[dict[str, Any]] = []

    async def answer_backwards(connection: ServerConnection, request: dict[str, Any]) -> None:
        waiting.append(request)
        if len(waiting) == 3:
            for one in reversed(waiting):
                await connection.send(success(one, echo=one["params"]["x"]))

    async with exchange(answer_backwards) as url, open_stream(url, "token", ignore) as stream:
        results = await asyncio.gather(*(stream.request("add_order", {"x": number}) for number in range(3)))
    assert [result["echo"] for result in results] == [0, 1, 2]
    assert {request["params"]["token"] for request in waiting} == {"token"}


async def test_a_refusal_carries_its_code() -> None:
    async def refuse(connection: ServerConnection, request: dict[str, Any]) -> None:
        body = {"success": False, "code": request["params"]["code"], "error": "No.", "req_id": request["req_id"]}
        await connection.send(json.dumps(body))

    async with exchange(refuse) as url, open_stream(url, "token", ignore) as stream:
        with pytest.raises(Refused) as refused:
            await stream.request("add_order", {"code": "would_take"})
        assert refused.value.code == "would_take"
        with pytest.raises(Disconnected):
            await stream.request("add_order", {"code": "outcome_unknown"})


async def test_a_lost_connection_ends_what_waits() -> None:
    async def hang_up(connection: ServerConnection, request: dict[str, Any]) -> None:
        await connection.close()

    async with exchange(hang_up) as url, open_stream(url, "token", ignore) as stream:
        with pytest.raises(Disconnected):
            await stream.request("add_order", {})
        with pytest.raises(Disconnected):
            await stream.reading
        with pytest.raises(Disconnected):
            await stream.request("add_order", {})


async def test_nobody_there_is_disconnected() -> None:
    async with exchange(lambda *_: asyncio.sleep(0)) as url:
        pass
    with pytest.raises(Disconnected):
        async with open_stream(url, "token", ignore):
            pass


async def test_a_subscription_returns_when_its_snapshot_was_handed_on() -> None:
    heard: list[tuple[str, str, list[dict[str, Any]]]] = []

    async def publish(connection: ServerConnection, request: dict[str, Any]) -> None:
        await connection.send(success(request, channel="ticker"))
        await connection.send('{"channel":"heartbeat"}')
        await connection.send('{"channel":"ticker","type":"snapshot","data":[{"last":64000.10}],"sequence":1}')

    async with exchange(publish) as url, open_stream(url, "token", lambda *message: heard.append(message)) as stream:
        await stream.subscribe("ticker", "BTC/USD")
        assert heard == [("ticker", "snapshot", [{"last": Decimal("64000.10")}])]


def test_decimals_are_numbers_with_their_own_digits() -> None:
    text = encode({"limit_price": Decimal("64000.10"), "order_qty": Decimal("1E-8"), "symbol": 'a"b', "none": None})
    assert text == '{"limit_price":64000.10,"order_qty":0.00000001,"symbol":"a\\"b","none":null}'


def test_pauses_double_up_to_a_limit_and_are_cut_at_random() -> None:
    backoff = Backoff(random.Random(1))
    pauses = [backoff.next_pause_s() for _ in range(10)]
    assert 0.125 <= pauses[0] <= 0.25
    assert all(PAUSE_LIMIT_S / 2 <= pause <= PAUSE_LIMIT_S for pause in pauses[-3:])
    assert len(set(pauses)) == len(pauses)
    backoff.reset()
    assert backoff.next_pause_s() <= 0.25
