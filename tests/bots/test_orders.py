"""Open orders by client order id: nothing is lost with a connection, and nothing that ended comes back."""

from decimal import Decimal
from typing import Any

from tests.bots.markets import resting
from trading.bots.orders import OpenOrder, OpenOrders, Reconciled


def expected(name: str) -> OpenOrder:
    order = resting(name, "buy", "100", "1")
    order.acknowledged = False
    return order


def told(name: str | None, status: str = "new", filled: str = "0", **more: Any) -> dict[str, Any]:
    return {
        "order_id": "an-id",
        "cl_ord_id": name,
        "symbol": "BTC/USD",
        "side": "buy",
        "limit_price": Decimal(100),
        "order_qty": Decimal(1),
        "cum_qty": Decimal(filled),
        "order_status": status,
        **more,
    }


def names(orders: OpenOrders) -> set[str]:
    return {order.client_order_id for order in orders}


def test_an_unacknowledged_order_is_found_in_the_next_snapshot() -> None:
    orders = OpenOrders()
    orders.expect(expected("arrived"))
    orders.expect(expected("lost"))
    assert orders.load([told("arrived"), told("older")]) == Reconciled(found=1, not_open=1)
    assert names(orders) == {"arrived", "older"}
    assert all(order.acknowledged for order in orders)


def test_an_order_that_appears_after_the_snapshot_is_taken_over() -> None:
    orders = OpenOrders()
    orders.expect(expected("late"))
    orders.load([])
    orders.update(told("late"))
    assert names(orders) == {"late"}


def test_acknowledged_orders_that_a_snapshot_does_not_know_are_closed() -> None:
    orders = OpenOrders()
    orders.expect(expected("a"))
    orders.acknowledge("a")
    assert orders.load([]) == Reconciled(found=0, not_open=0)
    assert len(orders) == 0


def test_an_acknowledgement_does_not_bring_back_an_order_that_has_ended() -> None:
    orders = OpenOrders()
    orders.expect(expected("a"))
    orders.update(told("a", "filled", "1"))
    orders.acknowledge("a")
    assert len(orders) == 0


def test_fills_lessen_what_remains() -> None:
    orders = OpenOrders()
    orders.update(told("a"))
    orders.update(told("a", "partially_filled", "0.4"))
    (order,) = orders
    assert order.remaining == Decimal("0.6")
    orders.update(told("a", "canceled", "0.4"))
    assert len(orders) == 0


def test_a_refused_order_is_forgotten() -> None:
    orders = OpenOrders()
    orders.expect(expected("a"))
    orders.forget("a")
    assert len(orders) == 0


def test_orders_are_told_apart_by_market() -> None:
    orders = OpenOrders()
    orders.load([told("a"), told("b", symbol="ETH/USD")])
    assert [order.client_order_id for order in orders.in_market("ETH/USD")] == ["b"]


def test_an_order_without_client_order_id_goes_by_its_id() -> None:
    orders = OpenOrders()
    orders.update(told(None))
    assert names(orders) == {"an-id"}
