"""What an engine and the oracle are compared by besides their outcomes. The only place that knows how the engine keeps it.

Both give the same ``State`` if they are in the same state; ``invariants`` are checked on it.
"""

from typing import NamedTuple

from trading.engine.engine import Engine
from trading.engine.order_book import Order

from .oracle import NaiveMarket, NaiveOrder, Oracle


class OrderState(NamedTuple):
    """``price``: where it rests, None if it waits. ``quantity``, ``remaining``: None by budget. ``shown``: 0 if it waits."""

    number: int
    account: int
    market: str
    side: str
    price: int | None
    quantity: int | None
    remaining: int | None
    shown: int
    filled_quote: int
    fee_ppm_sum: int
    maker_ppm: int
    taker_ppm: int
    accepted_at_us: int
    updated_at_us: int


class MarketState(NamedTuple):
    """``bids``, ``asks``: the numbers of the orders in the book, best first. ``last``: the last price."""

    state: str
    last: int | None
    bids: tuple[int, ...]
    asks: tuple[int, ...]


class State(NamedTuple):
    """``balances``: (available, held) by account and asset, if not zero. ``switches``: when dead man's switches fire.
    ``withdrawals``: account, asset and atoms of those that are held for, by reference.
    """

    orders: dict[int, OrderState]
    markets: dict[str, MarketState]
    balances: dict[tuple[int, str], tuple[int, int]]
    switches: dict[int, int]
    trades: int
    rules: int
    queued: int
    withdrawals: dict[str, tuple[int, str, int]]


def of_engine(engine: Engine) -> State:
    return State(
        orders={number: _order(order) for number, order in engine.orders.items()},
        markets={
            name: MarketState(
                state=market.state,
                last=market.last_ticks or None,
                bids=tuple(order.number for level in market.book.bids for order in level),
                asks=tuple(order.number for level in market.book.asks for order in level),
            )
            for name, market in engine.markets.items()
        },
        balances={(account, asset): (free, held) for account, asset, free, held in engine.all_balances()},
        switches={account: due_us for account, due_us, _ in engine.open_orders.timers.switches()},
        trades=engine.matcher.last_trade,
        rules=engine.rules,
        queued=len(engine.open_orders.queue),
        withdrawals={
            name: (held.account, held.asset, held.amount_atoms) for name, held in engine.withdrawals.holds.items()
        },
    )


def _order(order: Order) -> OrderState:
    is_in_book = order.level is not None
    has_quantity = order.special is None or not order.special.budget_atoms
    return OrderState(
        number=order.number,
        account=order.account,
        market=order.market,
        side=order.side,
        price=order.price_ticks if is_in_book else None,
        quantity=order.quantity_lots if has_quantity else None,
        remaining=order.remaining_lots if has_quantity else None,
        shown=order.shown_lots if is_in_book else 0,
        filled_quote=order.filled_quote_atoms,
        fee_ppm_sum=order.fee_ppm_sum,
        maker_ppm=order.maker_ppm,
        taker_ppm=order.taker_ppm,
        accepted_at_us=order.accepted_at_us,
        updated_at_us=order.updated_at_us,
    )


def check_indexes(engine: Engine) -> None:
    """What the engine keeps to find things fast agrees with its orders. Raises AssertionError."""
    listed: list[int] = []
    for market in engine.markets.values():
        for side in (market.book.bids, market.book.asks):
            levels = list(side)
            assert [(level.price_ticks, level.lots) for level in levels] == side.levels(10**6)
            assert side.best is (levels[0] if levels else None)
            for level in levels:
                queue = list(level)
                assert queue, "an empty level stays in the book"
                assert level.head is queue[0]
                assert level.tail is queue[-1]
                assert level.lots == sum(order.shown_lots for order in queue)
                assert all(order.level is level and order.price_ticks == level.price_ticks for order in queue)
        for participant in market.participants.values():
            mine = [order.number for order in participant.open_orders()]
            assert len(mine) == participant.open_count <= market.definition.maximum_open_orders
            listed += mine
    assert sorted(listed) == sorted(engine.orders)


def of_oracle(oracle: Oracle) -> State:
    world = oracle.world
    holders = {(account, asset): world.held(account, asset) for account, asset in world.owned}
    return State(
        orders={order.number: _naive_order(order) for order in world.open_orders()},
        markets={name: _naive_market(market) for name, market in world.markets.items()},
        balances={
            key: (owned - holders[key], holders[key])
            for key, owned in sorted(world.owned.items())
            if owned or holders[key]
        },
        switches={account: due for account, (due, _) in sorted(world.switches.items())},
        trades=world.trades,
        rules=world.rules,
        queued=len(world.queue),
        withdrawals={held.reference: (held.account, held.asset, held.amount_atoms) for held in world.withdrawals},
    )


def _naive_market(market: NaiveMarket) -> MarketState:
    bids, asks = market.queue("buy"), market.queue("sell")
    return MarketState(market.state, market.last, tuple(o.number for o in bids), tuple(o.number for o in asks))


def _naive_order(order: NaiveOrder) -> OrderState:
    return OrderState(
        number=order.number,
        account=order.account,
        market=order.market.name,
        side=order.side,
        price=order.price,
        quantity=order.quantity,
        remaining=order.left,
        shown=order.shown if order.price is not None else 0,
        filled_quote=order.traded,
        fee_ppm_sum=order.fee_sum,
        maker_ppm=order.maker_ppm,
        taker_ppm=order.taker_ppm,
        accepted_at_us=order.accepted_at,
        updated_at_us=order.updated_at,
    )
