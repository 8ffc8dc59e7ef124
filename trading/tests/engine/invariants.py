"""What must hold of any state after any event, whoever worked it out."""

from collections import Counter

from .state import MarketState, OrderState, State

HOUSE = 0
UNCROSSED = ("open", "post_only")


def check(state: State, credited: dict[str, int]) -> None:
    """Raises AssertionError. ``credited``: what was credited of each asset so far, less what was taken back or paid out."""
    in_books: list[int] = []
    for name, market in state.markets.items():
        for side, numbers in (("buy", market.bids), ("sell", market.asks)):
            _check_side(state, name, side, numbers)
            in_books += numbers
        _check_crossing(state, name, market)
    assert len(in_books) == len(set(in_books)), "an order is in the book twice"
    assert sorted(in_books) == sorted(o.number for o in state.orders.values() if o.price is not None)
    for order in state.orders.values():
        _check_order(order)
    _check_money(state, credited)


def _check_side(state: State, market: str, side: str, numbers: tuple[int, ...]) -> None:
    orders = [state.orders[number] for number in numbers]
    assert all((order.market, order.side) == (market, side) for order in orders)
    prices = [order.price or 0 for order in orders]
    assert prices == sorted(prices, reverse=side == "buy"), f"{side}s of {market} are not in the order of their prices"


def _check_crossing(state: State, name: str, market: MarketState) -> None:
    if market.state in UNCROSSED and market.bids and market.asks:
        bid, ask = state.orders[market.bids[0]].price, state.orders[market.asks[0]].price
        assert bid is not None
        assert ask is not None
        assert bid < ask, f"{name} is crossed"


def _check_order(order: OrderState) -> None:
    assert order.account > 0
    assert order.accepted_at_us <= order.updated_at_us
    if order.quantity is None or order.remaining is None:
        assert order.price is None, "an order by budget never rests"
        return
    assert 0 < order.remaining <= order.quantity
    assert (order.filled_quote > 0) == (order.remaining < order.quantity)
    if order.price is not None:
        assert 0 < order.shown <= order.remaining


def _check_money(state: State, credited: dict[str, int]) -> None:
    """Nobody owes anything, nothing was made or lost, and only who has open orders or withdraws has something held."""
    totals: Counter[str] = Counter()
    for (account, asset), (available, held) in state.balances.items():
        assert available >= 0, f"account {account} has {available} {asset}"
        assert held >= 0, f"account {account} holds {held} {asset}"
        assert account != HOUSE or held == 0
        totals[asset] += available + held
    assert totals == Counter(credited)
    holding = {order.account for order in state.orders.values()} | {held[0] for held in state.withdrawals.values()}
    assert all(account in holding for (account, _), (_, held) in state.balances.items() if held)
