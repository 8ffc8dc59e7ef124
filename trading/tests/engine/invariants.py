"""What must hold of an engine after every event, worked out from scratch."""

from collections import Counter

from trading.engine.balances import HOUSE
from trading.engine.engine import Engine
from trading.engine.market import Market
from trading.engine.order_book import BookSide, Order


def check(engine: Engine, credited: dict[str, int]) -> None:
    """Raises AssertionError. ``credited``: what was credited of each asset so far."""
    orders: list[Order] = []
    for market in engine.markets.values():
        orders += _check_book(market)
    assert sorted(order.number for order in orders) == list(engine.orders)
    for order in orders:
        assert engine.orders[order.number] is order
    _check_accounts(engine, orders)
    _check_money(engine, orders, credited)


def _check_book(market: Market) -> list[Order]:
    bids, asks = market.book.levels("buy", 10**6), market.book.levels("sell", 10**6)
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert not bids or not asks or bids[0][0] < asks[0][0], f"{market.name} is crossed"
    return _check_side(market, market.book.bids, bids) + _check_side(market, market.book.asks, asks)


def _check_side(market: Market, side: BookSide, levels: list[tuple[int, int]]) -> list[Order]:
    assert [(level.price_ticks, level.lots) for level in side] == levels
    assert (side.best.price_ticks if side.best else None) == (levels[0][0] if levels else None)
    orders = []
    for level in side:
        queue = list(level)
        assert queue, "an empty level stays in the book"
        assert [order.number for order in queue] == sorted(order.number for order in queue), "not in order of arrival"
        assert level.tail is queue[-1]
        assert level.lots == sum(order.remaining_lots for order in queue)
        for order in queue:
            assert order.level is level
            assert order.price_ticks == level.price_ticks
            assert order.market == market.name
            assert 0 < order.remaining_lots <= order.quantity_lots
        orders += queue
    return orders


def _check_accounts(engine: Engine, orders: list[Order]) -> None:
    counts = Counter((order.account, order.market) for order in orders)
    for market in engine.markets.values():
        for account in market.participants:
            assert market.open_orders(account) == counts[account, market.name]
            assert market.open_orders(account) <= market.definition.maximum_open_orders
    for account in {order.account for order in orders}:
        mine = sorted(order.number for order in orders if order.account == account)
        assert [order.number for order in engine.account_orders(account)] == mine


def _check_money(engine: Engine, orders: list[Order], credited: dict[str, int]) -> None:
    holds: Counter[tuple[int, str]] = Counter()
    for order in orders:
        market = engine.markets[order.market]
        asset = market.definition.quote if order.side == "buy" else market.definition.base
        holds[order.account, asset] += _hold(order, market)
    totals: Counter[str] = Counter()
    for account, asset, available, held in engine.all_balances():
        assert available >= 0
        assert held == holds.pop((account, asset), 0), f"account {account} holds {held} {asset}"
        assert account != HOUSE or held == 0
        assert engine.balance(account, asset) == (available, held)
        totals[asset] += available + held
    assert not holds, "an open order is not funded"
    assert totals == Counter(credited)


def _hold(order: Order, market: Market) -> int:
    if order.side == "sell":
        return order.remaining_lots * market.definition.lot_atoms
    value = order.price_ticks * order.remaining_lots * market.tick_lot_atoms
    charged = (order.fee_ppm_sum + 999_999) // 1_000_000
    fee_at_the_end = (order.fee_ppm_sum + order.maker_ppm * value + 999_999) // 1_000_000
    return value + fee_at_the_end - charged
