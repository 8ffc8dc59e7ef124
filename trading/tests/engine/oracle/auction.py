"""Auction: a crossed book trades at one price, as often as it takes until it is crossed no more."""

from trading.engine.outcomes import AuctionUncrossed, Reason

from . import matching, waiting
from .world import NaiveMarket, NaiveOrder, World


def uncross(world: World, market: NaiveMarket) -> None:
    while is_crossed(market):
        price = price_of(market)
        world.tell(AuctionUncrossed(market.name, price, min(bid_at(market, price), offered_at(market, price))))
        trades_before = world.trades
        while True:
            bids, asks = market.queue("buy"), market.queue("sell")
            if not bids or not asks or (bids[0].price or 0) < price or (asks[0].price or 0) > price:
                break
            newer, older = (bids[0], asks[0]) if bids[0].age > asks[0].age else (asks[0], bids[0])
            if world.is_own(newer, older):
                prevent(world, newer, older, price)
            else:
                trade(world, newer, older, price)
        if world.trades > trades_before:
            waiting.look(world, market, price)


def is_crossed(market: NaiveMarket) -> bool:
    bid, ask = market.best("buy"), market.best("sell")
    return bid is not None and ask is not None and bid >= ask


def bid_at(market: NaiveMarket, price: int) -> int:
    return sum(o.remaining for o in market.orders if o.side == "buy" and o.price is not None and o.price >= price)


def offered_at(market: NaiveMarket, price: int) -> int:
    return sum(o.remaining for o in market.orders if o.side == "sell" and o.price is not None and o.price <= price)


def price_of(market: NaiveMarket) -> int:
    """Where most trades, of those where least is left over, of those nearest to the last price, the lowest."""

    def worth(price: int) -> tuple[int, int, int, int]:
        bid, offered = bid_at(market, price), offered_at(market, price)
        distance = 0 if market.last is None else abs(price - market.last)
        return -min(bid, offered), abs(bid - offered), distance, price

    return min({o.price: None for o in market.orders if o.price is not None}, key=worth)


def trade(world: World, newer: NaiveOrder, older: NaiveOrder, price: int) -> None:
    """The newer order is the taker, but both pay what makers pay; a rebate is not given."""
    lots = min(newer.shown, older.shown)
    world.trade(newer, older, price, lots, max(0, newer.maker_ppm), max(0, older.maker_ppm))
    world.touch_both(newer)
    world.touch_both(older)
    if older.remaining == 0:
        end(world, older)
    if newer.remaining == 0:
        end(world, newer)
    elif newer.shown == 0:
        world.refresh(newer)
    if older.remaining > 0 and older.shown == 0:
        world.refresh(older)
    world.part(older)
    world.part(newer)


def end(world: World, order: NaiveOrder) -> None:
    world.remove(order)
    world.tell_filled(order)


def prevent(world: World, newer: NaiveOrder, older: NaiveOrder, price: int) -> None:
    """Both are of one owner: what is done goes by the newer order's mode."""
    lots = min(newer.remaining, older.remaining)
    if newer.mode == "cancel_newest":
        world.close(newer, Reason.SELF_TRADE)
        return
    matching.tell_prevented(world, newer, older, price, lots)
    if newer.mode == "decrement":
        for order in (older, newer):
            if order.remaining == lots:
                world.close(order, Reason.SELF_TRADE)
            else:
                world.decrement(order, lots)
        return
    world.close(older, Reason.SELF_TRADE)
    if newer.mode == "cancel_both":
        world.close(newer, Reason.SELF_TRADE)
