"""Matching: price-time priority, trades at the maker's price, both fees in quote atoms, self-trade prevention.

A taker pays out of its available balance and receives into it; only an open order holds. Nothing of a taker is in the
book while it matches, so an order that does not rest never becomes an ``Order``.
"""

from typing import Final

from .balances import HOUSE, Balances
from .errors import InvariantBroken
from .fees import PPM, ROUND_UP, Rates, affordable_lots, fee_atoms, rounding_atoms
from .holds import hold_atoms
from .market import Market
from .native import mypyc_attr
from .open_orders import OpenOrders
from .order_book import BOTH, DECREMENT, NEWEST, PREVENTIONS, Order, PriceLevel, Special
from .outcomes import Reason, SelfTradePrevented
from .participant import Participant

NO_LIQUIDITY: Final = Reason.NO_LIQUIDITY
SLIPPAGE_CAP: Final = Reason.SLIPPAGE_CAP
BUDGET_SPENT: Final = Reason.BUDGET_SPENT
SELF_TRADE: Final = Reason.SELF_TRADE


@mypyc_attr(free_list_len=1)
class Taker:
    """An order while it matches: what it asks for, and what it has got.

    ``wanted_lots`` is what it still wants; ``budget_atoms`` above 0: a buy by budget, which includes the fee.
    ``limit_rank`` is the worst rank that it trades with, see ``order_book``.
    """

    __slots__ = (
        "budget_atoms",
        "fee_ppm_sum",
        "filled_lots",
        "first_ticks",
        "is_buy",
        "last_ticks",
        "limit_rank",
        "number",
        "participant",
        "prevented_lots",
        "prevention",
        "quote_atoms",
        "stopped_by",
        "taker_ppm",
        "wanted_lots",
    )

    def __init__(
        self,
        number: int,
        participant: Participant,
        is_buy: bool,
        wanted_lots: int,
        budget_atoms: int,
        limit_rank: int,
        prevention: int,
        rates: Rates,
        fee_ppm_sum: int,
    ) -> None:
        self.number = number
        self.participant = participant
        self.is_buy = is_buy
        self.wanted_lots = wanted_lots
        self.budget_atoms = budget_atoms
        self.limit_rank = limit_rank
        self.prevention = prevention
        self.taker_ppm = rates.taker_ppm
        self.fee_ppm_sum = fee_ppm_sum
        self.filled_lots = 0
        self.quote_atoms = 0
        self.prevented_lots = 0
        """By how much self-trade prevention has decremented it."""
        self.first_ticks = 0
        self.last_ticks = 0
        """The first and last trade's prices; 0: it did not trade."""
        self.stopped_by: Reason | None = None
        """Why it got no more; None: nothing that was wanted remains."""


class Matcher:
    """Where trades happen. ``last_trade`` is the number of the latest trade, over all markets."""

    __slots__ = ("_balances", "_match", "_orders", "last_trade")

    def __init__(self, balances: Balances, orders: OpenOrders) -> None:
        self._balances = balances
        self._orders = orders
        self._match = 0
        self.last_trade = 0

    def match(self, taker: Taker) -> None:
        """Trades the taker against the book, as far as it goes; settles both sides and pays the fees to the house."""
        orders, participant, out = self._orders, taker.participant, self._orders.out
        market = participant.market
        is_buy, budget_atoms, limit_rank, number = taker.is_buy, taker.budget_atoms, taker.limit_rank, taker.number
        owner, taker_ppm = participant.owner, taker.taker_ppm
        opposite = market.book.asks if is_buy else market.book.bids
        tick_lot_atoms, lot_atoms = market.tick_lot_atoms, market.lot_atoms
        fee_ppm_sum = taker.fee_ppm_sum
        charged_atoms = (fee_ppm_sum + ROUND_UP) // PPM
        wanted = taker.wanted_lots
        total_quote_atoms = filled_lots = maker_fees_atoms = price_ticks = 0
        makers: list[Participant] = []
        self._match += 1
        while True:
            level = opposite.best
            if level is None or level.rank < limit_rank:
                taker.stopped_by = NO_LIQUIDITY if level is None else SLIPPAGE_CAP
                break
            if budget_atoms:
                lot_quote_atoms = level.price_ticks * tick_lot_atoms
                wanted = affordable_lots(budget_atoms - total_quote_atoms, fee_ppm_sum, taker_ppm, lot_quote_atoms)
                if wanted == 0:
                    taker.stopped_by = BUDGET_SPENT
                    break
            maker = level.head
            maker_participant = maker.participant
            if maker_participant.owner == owner:
                wanted -= self._prevent(taker, maker, wanted)
                if taker.stopped_by is not None:
                    break
                continue
            price_ticks = level.price_ticks
            if filled_lots == 0:
                taker.first_ticks = price_ticks
            special = maker.special
            lots = maker.remaining_lots if special is None else maker.shown_lots
            if wanted < lots:
                lots = wanted
            quote_atoms = price_ticks * lots * tick_lot_atoms
            maker_sum_before = maker.fee_ppm_sum
            rates = maker.rates
            if special is None and rates.maker_ppm == rates.hold_ppm:
                # A plain maker at its own price: what its hold shrinks by is what it pays.
                maker_sum = maker_sum_before + rates.maker_ppm * quote_atoms
                maker_fee_atoms = (maker_sum + ROUND_UP) // PPM
                if maker_sum_before:
                    maker_fee_atoms -= (maker_sum_before + ROUND_UP) // PPM
                maker.fee_ppm_sum = maker_sum
                maker.filled_quote_atoms += quote_atoms
                maker.remaining_lots -= lots
                maker.updated_at_us = orders.at_us
                level.lots -= lots
                if is_buy:
                    maker_participant.base.pay_held(lots * lot_atoms)
                    maker_participant.quote.available_atoms += quote_atoms - maker_fee_atoms
                else:
                    maker_participant.quote.pay_held(quote_atoms + maker_fee_atoms)
                    maker_participant.base.available_atoms += lots * lot_atoms
            else:
                maker_fee_atoms = self.fill_resting(maker, level, lots, quote_atoms, rates.maker_ppm)
            sum_before, charged_before_atoms = fee_ppm_sum, charged_atoms
            fee_ppm_sum += taker_ppm * quote_atoms
            charged_atoms = (fee_ppm_sum + ROUND_UP) // PPM
            rounding = rounding_atoms(sum_before, fee_ppm_sum, maker_sum_before, maker.fee_ppm_sum)
            maker_fees_atoms += maker_fee_atoms
            filled_lots += lots
            total_quote_atoms += quote_atoms
            trade = self.last_trade = self.last_trade + 1
            taker_fee_atoms = charged_atoms - charged_before_atoms
            out.filled(
                trade,
                price_ticks,
                lots,
                quote_atoms,
                number,
                participant,
                taker_fee_atoms,
                maker,
                maker_fee_atoms,
                rounding,
            )
            if maker.remaining_lots == 0:
                opposite.pop(level)
                orders.delist(maker)
            if special is not None:
                self.after_fill(maker, special)
            if maker_participant.last_match != self._match:
                maker_participant.last_match = self._match
                makers.append(maker_participant)
            wanted -= lots
            if wanted == 0:
                taker.stopped_by = BUDGET_SPENT if budget_atoms else None
                break
        if filled_lots:
            market.changed_seq = orders.seq
            taker.filled_lots = filled_lots
            taker.quote_atoms = total_quote_atoms
            fees_atoms = charged_atoms - (taker.fee_ppm_sum + ROUND_UP) // PPM
            taker.fee_ppm_sum = fee_ppm_sum
            _settle(taker, filled_lots * lot_atoms, fees_atoms)
            self.pay_house(market, fees_atoms + maker_fees_atoms)
            orders.touch(participant.quote if is_buy else participant.base)
            orders.touch(participant.base if is_buy else participant.quote)
            for maker_participant in makers:
                orders.touch(maker_participant.base if is_buy else maker_participant.quote)
                orders.touch(maker_participant.quote if is_buy else maker_participant.base)
            taker.last_ticks = price_ticks
            if market.last_ticks == 0:
                market.last_ticks = taker.first_ticks
            if market.has_reference:
                market.trade_at(price_ticks, orders.at_us)
            else:
                market.last_ticks = price_ticks

    def fill_resting(self, order: Order, level: PriceLevel, lots: int, quote_atoms: int, rate_ppm: int) -> int:
        """A resting order's part of one trade; returns its fee. What is left over of a buyer's hold is released."""
        participant = order.participant
        special = order.special
        fee_ppm_sum = order.fee_ppm_sum + rate_ppm * quote_atoms
        fee = fee_atoms(order.fee_ppm_sum, fee_ppm_sum)
        held_before_atoms = hold_atoms(order) if order.is_buy else 0
        order.fee_ppm_sum = fee_ppm_sum
        order.filled_quote_atoms += quote_atoms
        order.remaining_lots -= lots
        order.updated_at_us = self._orders.at_us
        level.lots -= lots
        if special is not None and special.display_lots:
            special.shown_lots -= lots
        if order.is_buy:
            paid_atoms = quote_atoms + fee
            participant.quote.pay_held(paid_atoms)
            participant.quote.release(held_before_atoms - hold_atoms(order) - paid_atoms)
            participant.base.receive(lots * participant.market.lot_atoms)
        else:
            participant.base.pay_held(lots * participant.market.lot_atoms)
            participant.quote.receive(quote_atoms - fee)
        return fee

    def after_fill(self, order: Order, special: Special) -> None:
        """What a trade of a resting order brings about, besides its end."""
        if order.remaining_lots == 0:
            self._orders.follow(order, special)
        elif special.display_lots and special.shown_lots == 0:
            self._orders.refresh(order, special)
        self._orders.unlink(special)

    def touch_both(self, taker: Participant, maker: Participant, taker_is_buy: bool) -> None:
        """The balances of one trade: of each first what it pays with."""
        orders = self._orders
        if taker_is_buy:
            orders.touch(taker.quote)
            orders.touch(taker.base)
            orders.touch(maker.base)
            orders.touch(maker.quote)
        else:
            orders.touch(taker.base)
            orders.touch(taker.quote)
            orders.touch(maker.quote)
            orders.touch(maker.base)

    def pay_house(self, market: Market, fees_atoms: int) -> None:
        house = market.house
        if house is None:
            house = market.house = self._balances.of(HOUSE, market.definition.quote)
        house.receive(fees_atoms)

    def _prevent(self, taker: Taker, maker: Order, wanted: int) -> int:
        """The taker meets an order of its own owner. Returns by how much it wants less; ``stopped_by`` says if it stops."""
        mode = taker.prevention
        if mode == NEWEST:
            taker.stopped_by = SELF_TRADE
            return 0
        prevented_lots = min(wanted, maker.remaining_lots)
        self.tell_prevented(taker.number, maker, maker.price_ticks, prevented_lots, mode)
        if mode != DECREMENT or prevented_lots == maker.remaining_lots:
            self._orders.close(maker, SELF_TRADE)
            if mode == BOTH:
                taker.stopped_by = SELF_TRADE
        else:
            self.decrement(maker, prevented_lots)
        if mode != DECREMENT:
            return 0
        if prevented_lots == wanted:
            taker.stopped_by = SELF_TRADE
            return 0
        taker.prevented_lots += prevented_lots
        return prevented_lots

    def tell_prevented(self, taker_number: int, maker: Order, price_ticks: int, prevented_lots: int, mode: int) -> None:
        self._orders.out.add(
            SelfTradePrevented(
                maker.market,
                price_ticks,
                taker_number,
                maker.number,
                maker.side,
                prevented_lots,
                PREVENTIONS[mode],
            )
        )

    def decrement(self, order: Order, lots: int) -> None:
        """Makes a resting order smaller where it is, from what an iceberg hides first."""
        orders, level, special = self._orders, order.level, order.special
        if level is None:
            raise InvariantBroken(f"order {order.number} is not in the book")
        order.participant.market.changed_seq = orders.seq
        held_atoms = hold_atoms(order)
        shown_lots = order.shown_lots
        order.quantity_lots -= lots
        order.remaining_lots -= lots
        order.updated_at_us = orders.at_us
        if special is not None and special.display_lots:
            special.shown_lots = min(special.shown_lots, order.remaining_lots)
        level.lots -= shown_lots - order.shown_lots
        balance = order.participant.holding(order.is_buy)
        balance.release(held_atoms - hold_atoms(order))
        orders.touch(balance)
        if special is not None:
            orders.unlink(special)


def _settle(taker: Taker, base_atoms: int, fees_atoms: int) -> None:
    """The taker's part of all its trades, at once."""
    participant, quote_atoms = taker.participant, taker.quote_atoms
    if taker.is_buy:
        cost_atoms = quote_atoms + fees_atoms
        if taker.budget_atoms and cost_atoms > taker.budget_atoms:
            raise InvariantBroken(f"order {taker.number} cost {cost_atoms}, its budget was {taker.budget_atoms}")
        participant.quote.pay(cost_atoms)
        participant.base.receive(base_atoms)
    else:
        participant.base.pay(base_atoms)
        participant.quote.receive(quote_atoms - fees_atoms)


class Preview:
    """What a taker would meet now: lots, the sum of price ticks times lots, the first and last price (0: none), whether an
    order of its own owner is on the way, and what it would still want. Changes nothing.
    """

    __slots__ = (
        "_budget_atoms",
        "_fee_ppm_sum",
        "_market",
        "_owner",
        "_prevention",
        "_taker_ppm",
        "first_ticks",
        "is_stopped",
        "last_ticks",
        "left_lots",
        "lots",
        "met_own",
        "tick_lots",
    )

    def __init__(
        self,
        market: Market,
        owner: int,
        is_buy: bool,
        lots: int,
        limit_rank: int,
        prevention: int,
        budget_atoms: int,
        taker_ppm: int,
        fee_ppm_sum: int,
    ) -> None:
        self.lots = 0
        self.tick_lots = 0
        self.first_ticks = 0
        self.last_ticks = 0
        self.met_own = False
        self.is_stopped = False
        """Whether self-trade prevention ended it."""
        self._market = market
        self._owner = owner
        self._prevention = prevention
        self._budget_atoms = budget_atoms
        self._taker_ppm = taker_ppm
        self._fee_ppm_sum = fee_ppm_sum
        self.left_lots = lots
        for level in market.book.opposite(is_buy):
            if level.rank < limit_rank or not self._walk(level):
                return

    def _walk(self, level: PriceLevel) -> bool:
        """Goes through one level's queue, icebergs by their peaks; says whether to go on."""
        queue = [(order, order.shown_lots, order.remaining_lots) for order in level]
        for order, shown, remaining in queue:
            if not self._wants(level.price_ticks):
                return False
            if order.participant.owner == self._owner:
                self.met_own = True
                if self._prevention == DECREMENT:
                    self.left_lots -= min(self.left_lots, remaining)
                self.is_stopped = self._prevention in (NEWEST, BOTH) or self.left_lots == 0
                if self.is_stopped:
                    return False
                continue
            taken = min(self.left_lots, shown)
            self._take(level.price_ticks, taken)
            special = order.special
            if taken == shown and remaining > shown and special is not None:
                queue.append((order, min(special.display_lots, remaining - shown), remaining - shown))
        return self._wants(level.price_ticks)

    def _wants(self, price_ticks: int) -> bool:
        if self._budget_atoms:
            left_atoms = self._budget_atoms - self.tick_lots * self._market.tick_lot_atoms
            lot_atoms = price_ticks * self._market.tick_lot_atoms
            self.left_lots = affordable_lots(left_atoms, self._fee_ppm_sum, self._taker_ppm, lot_atoms)
        return self.left_lots > 0

    def _take(self, price_ticks: int, lots: int) -> None:
        self.lots += lots
        self.tick_lots += price_ticks * lots
        self.first_ticks = self.first_ticks or price_ticks
        self.last_ticks = price_ticks
        self.left_lots -= lots
        self._fee_ppm_sum += self._taker_ppm * price_ticks * lots * self._market.tick_lot_atoms
