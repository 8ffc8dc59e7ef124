"""The auction: one price for all that crosses, and the trades at it. O(levels) for the price, then O(1) for each trade."""

from .errors import InvariantBroken
from .fees import rounding_atoms
from .market import Market
from .matching import Matcher
from .open_orders import OpenOrders
from .order_book import BOTH, DECREMENT, NEWEST, BookSide, Order, PriceLevel
from .outcomes import AuctionUncrossed, Reason
from .placing import Placing


class Auction:
    __slots__ = ("_matcher", "_orders", "_placing")

    def __init__(self, orders: OpenOrders, matcher: Matcher, placing: Placing) -> None:
        self._orders = orders
        self._matcher = matcher
        self._placing = placing

    def uncross(self, market: Market) -> None:
        """Trades until the book is not crossed: one round, or more where self-trade prevention took orders away."""
        while market.book.is_crossed:
            price_ticks, lots = auction_price(market)
            self._orders.record.add(AuctionUncrossed(market.name, price_ticks, lots))
            traded_before = self._matcher.last_trade
            self._trade_all(market, price_ticks)
            if self._matcher.last_trade > traded_before:
                if market.last_ticks == 0:
                    market.last_ticks = price_ticks
                market.trade_at(price_ticks, self._orders.at_us)
                self._placing.look(market, price_ticks, price_ticks)

    def _trade_all(self, market: Market, price_ticks: int) -> None:
        book = market.book
        while True:
            bids, asks = book.bids.best, book.asks.best
            if bids is None or asks is None or bids.price_ticks < price_ticks or asks.price_ticks > price_ticks:
                return
            bid, ask = bids.head, asks.head
            newer, older = (bid, ask) if bid.age > ask.age else (ask, bid)
            if newer.participant.owner == older.participant.owner:
                self._prevent(newer, older, price_ticks)
            else:
                self._trade(newer, older, price_ticks)

    def _trade(self, newer: Order, older: Order, price_ticks: int) -> None:
        orders, matcher, market = self._orders, self._matcher, newer.participant.market
        lots = min(newer.shown_lots, older.shown_lots)
        quote_atoms = price_ticks * lots * market.tick_lot_atoms
        newer_before, older_before = newer.fee_ppm_sum, older.fee_ppm_sum
        newer_fee = matcher.fill_resting(newer, _level(newer), lots, quote_atoms, newer.rates.hold_ppm)
        older_fee = matcher.fill_resting(older, _level(older), lots, quote_atoms, older.rates.hold_ppm)
        matcher.pay_house(market, newer_fee + older_fee)
        matcher.last_trade += 1
        market.changed_seq = orders.seq
        rounding = rounding_atoms(newer_before, newer.fee_ppm_sum, older_before, older.fee_ppm_sum)
        orders.record.filled(
            matcher.last_trade,
            price_ticks,
            lots,
            quote_atoms,
            newer.number,
            newer.participant,
            newer_fee,
            older,
            older_fee,
            rounding,
        )
        matcher.touch_both(newer.participant, older.participant, newer.is_buy)
        self._after_trade(newer, older)

    def _after_trade(self, newer: Order, older: Order) -> None:
        orders = self._orders
        for order in (older, newer):
            if order.remaining_lots == 0:
                orders.leave_book(order)
                orders.delist(order)
                if order is newer:
                    orders.record.order_filled(order.number, order.participant)
                if order.special is not None:
                    orders.follow(order, order.special)
        for order in (newer, older):
            special = order.special
            if special is not None and special.display_lots and order.remaining_lots and special.shown_lots == 0:
                orders.refresh(order, special)
        for order in (older, newer):
            if order.special is not None:
                orders.unlink(order.special)

    def _prevent(self, newer: Order, older: Order, price_ticks: int) -> None:
        """By the newer order's mode."""
        orders = self._orders
        mode = NEWEST if newer.special is None else newer.special.prevention
        if mode == NEWEST:
            orders.close(newer, Reason.SELF_TRADE)
            return
        lots = min(newer.remaining_lots, older.remaining_lots)
        self._matcher.tell_prevented(newer.number, older, price_ticks, lots, mode)
        for order in (older, newer):
            if mode == DECREMENT and order.remaining_lots > lots:
                self._matcher.decrement(order, lots)
            elif mode in (DECREMENT, BOTH) or order is older:
                orders.close(order, Reason.SELF_TRADE)


def auction_price(market: Market) -> tuple[int, int]:
    """The price of a crossed book and the lots that would trade at it, self-trade prevention aside."""
    bids, asks = _lots_by_price(market.book.bids), _lots_by_price(market.book.asks)
    prices = sorted(bids | asks)
    asked = 0
    bid = sum(bids.values())
    best: tuple[int, int, int, int] | None = None
    for price_ticks in prices:
        asked += asks.get(price_ticks, 0)
        distance = abs(price_ticks - market.last_ticks) if market.last_ticks else 0
        found = (-min(bid, asked), abs(bid - asked), distance, price_ticks)
        if best is None or found < best:
            best = found
        bid -= bids.get(price_ticks, 0)
    if best is None:
        raise InvariantBroken(f"the book of {market.name} is not crossed")
    return best[3], -best[0]


def _lots_by_price(side: BookSide) -> dict[int, int]:
    return {level.price_ticks: sum(order.remaining_lots for order in level) for level in side}


def _level(order: Order) -> PriceLevel:
    if order.level is None:
        raise InvariantBroken(f"order {order.number} is not in the book")
    return order.level
