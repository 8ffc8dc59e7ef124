"""A bot's account: no refusal is silent, and what was refused or closed is not taken for open."""

import logging
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from tests.bots.markets import resting
from trading.bots.desk import CANCEL_ALL_LIMIT, Desk
from trading.bots.orders import NewOrder
from trading.bots.session import Account, Disconnected, Refused

QUOTE = NewOrder(
    market="BTC/USD",
    side="buy",
    type="limit",
    price=Decimal("63990.10"),
    quantity=Decimal("0.06"),
    time_in_force="gtc",
    post_only=True,
)


class Exchange:
    """Stands for the stream: notes the requests, answers with what the test lays down."""

    def __init__(self, *answers: dict[str, Any] | Exception) -> None:
        self.requests: list[tuple[str, Mapping[str, Any]]] = []
        self._answers = list(answers)

    async def request(self, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        self.requests.append((method, params))
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def desk_at(*answers: dict[str, Any] | Exception) -> tuple[Desk, Exchange]:
    desk = Desk("http://127.0.0.1:1", Account(name="a-bot", email="a@b.example", password="x"), ["BTC/USD"])
    exchange = Exchange(*answers)
    desk._stream = exchange  # type: ignore[assignment]
    return desk, exchange


async def test_a_taken_order_is_open_under_its_own_name() -> None:
    desk, exchange = desk_at({}, {})
    assert await desk.place(QUOTE) is None
    assert await desk.place(QUOTE) is None
    names = [params["cl_ord_id"] for _, params in exchange.requests]
    assert len(set(names)) == 2
    assert [order.client_order_id for order in desk.orders] == names
    assert desk.counts["placed"] == 2


async def test_a_refused_order_is_counted_and_told_with_its_code(caplog: pytest.LogCaptureFixture) -> None:
    desk, _ = desk_at(*[Refused("would_take", "No.")] * 3, Refused("insufficient_funds", "No."))
    with caplog.at_level(logging.INFO):
        codes = [await desk.place(QUOTE) for _ in range(4)]
        assert [record.getMessage().split(":")[1] for record in caplog.records] == [
            " refused with would_take",
            " refused with insufficient_funds",
        ]
        desk.report()
    assert codes == ["would_take", "would_take", "would_take", "insufficient_funds"]
    assert len(desk.orders) == 0
    assert "refused insufficient_funds 1, refused would_take 3" in caplog.messages[-1]


async def test_an_order_whose_answer_is_lost_stays_expected_until_the_next_snapshot() -> None:
    desk, exchange = desk_at(Disconnected("gone"))
    with pytest.raises(Disconnected):
        await desk.place(QUOTE)
    (order,) = desk.orders
    assert order.client_order_id == exchange.requests[0][1]["cl_ord_id"]
    assert not order.acknowledged


@pytest.mark.parametrize(("code", "left"), [("order_closed", 0), ("unknown_order", 0), ("market_closed", 1)])
async def test_a_cancel_that_is_refused_leaves_only_what_is_still_open(code: str, left: int) -> None:
    desk, _ = desk_at(Refused(code, "No."))
    order = resting("a", "buy", "63990.10", "0.06")
    desk.orders.expect(order)
    await desk.cancel(order)
    assert len(desk.orders) == left
    assert desk.counts[f"refused {code}"] == 1


async def test_all_is_cancelled_when_nothing_more_was_left_to_cancel() -> None:
    desk, exchange = desk_at({"count": 24}, {"count": 1}, {"count": 0})
    await desk.cancel_all()
    assert len(exchange.requests) == 3
    desk, _ = desk_at(*[{"count": 1}] * CANCEL_ALL_LIMIT)
    with pytest.raises(Disconnected):
        await desk.cancel_all()
