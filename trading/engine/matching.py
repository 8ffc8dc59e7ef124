"""Matching: price-time priority, trades at the maker's price, both fees in quote atoms, self-trade prevention.

A taker pays out of its available balance and receives into it; only an open order holds. Nothing of a taker is in the
book while it matches, so an order that does not rest never becomes an ``Order``.
"""

from typing import Final

from .balances import HOUSE, Balances
from .errors import InvariantBroken
from .fees import PPM, ROUND_UP, affordable_lots, fee_atoms
from .holds import hold_atoms
from .market import Market
from .open_orders import OpenOrders
from .order_book import BOTH, DECREMENT, NEWEST, PREVENTIONS, BookSide, Order, PriceLevel
from .outcomes import Reason, SelfTradePrevented
from .participant import Participant
from .record import BUYS, FILLED
from .taker import Taker

NO_LIQUIDITY: Final = Reason.NO_LIQUIDITY
SLIPPAGE_CAP: Final = Reason.SLIPPAGE_CAP
BUDGET_SPENT: Final = Reason.BUDGET_SPENT
SELF_TRADE: Final = Reason.SELF_TRADE


class Matcher:
    """Where trades happen. ``last_trade`` is the number of the latest trade, over all markets."""

    __slots__ = ("_balances", "_orders", "last_trade")

    def __init__(self, balances: Balances, orders: OpenOrders) -> None:
        self._balances = balances
        self._orders = orders
        self.last_trade = 0

    def match(self, taker: Taker) -> None:
        """Trades the taker against the book, as far as it goes; settles both sides and pays the fees to the house.

        What the taker has traded already, see ``plain_loop``, is settled with the rest. What happens to a plain maker is
        written out here, where elsewhere it would be calls.
        """
        orders, words, participant = self._orders, self._orders.record.words, taker.participant
        market, owner = participant.market, participant.owner
        is_buy, budget_atoms, limit_rank, number = taker.is_buy, taker.budget_atoms, taker.limit_rank, taker.number
        wanted, taker_ppm, quote_sum_atoms = taker.wanted_lots, taker.taker_ppm, taker.quote_atoms
        fee_ppm_sum = taker.fee_ppm_sum + taker_ppm * quote_sum_atoms
        opposite = market.book.asks if is_buy else market.book.bids
        tick_lot_atoms, lot_atoms = market.tick_lot_atoms, market.lot_atoms
        charged_atoms = (fee_ppm_sum + ROUND_UP) // PPM
        is_uneven = 1 if fee_ppm_sum % PPM else 0
        fees_atoms, filled_lots, last_ticks = taker.maker_fees_atoms, taker.filled_lots, taker.last_ticks
        trade, by_number = self.last_trade, orders.by_number
        told = taker.told
        header, account = market.word + (BUYS if is_buy else FILLED), participant.account
        while wanted or budget_atoms:
            level = opposite.best
            if level is None or level.rank < limit_rank:
                taker.stopped_by = NO_LIQUIDITY if level is None else SLIPPAGE_CAP
                break
            if budget_atoms:
                lot_quote_atoms = level.price_ticks * tick_lot_atoms
                wanted = affordable_lots(budget_atoms - quote_sum_atoms, fee_ppm_sum, taker_ppm, lot_quote_atoms)
                if wanted == 0:
                    taker.stopped_by = BUDGET_SPENT
                    break
            maker = level.head
            other = maker.participant
            if other.owner == owner:
                wanted -= self._prevent(taker, maker, wanted)
                if taker.stopped_by is not None:
                    break
                continue
            last_ticks = level.price_ticks
            if filled_lots == 0:
                taker.first_ticks = last_ticks
            special = maker.special
            remaining_lots = maker.remaining_lots
            lots = remaining_lots if special is None else maker.shown_lots
            if wanted < lots:
                lots = wanted
            quote_atoms = last_ticks * lots * tick_lot_atoms
            maker_sum_before = maker.fee_ppm_sum
            is_plain = special is None and not maker.rates.gives_rebate
            if is_plain:
                # A plain maker at its own price: what its hold shrinks by is what it pays.
                maker_sum = maker_sum_before + maker.rates.maker_ppm * quote_atoms
                maker_fee_atoms = (maker_sum + ROUND_UP) // PPM
                if maker_sum_before:
                    maker_fee_atoms -= (maker_sum_before + ROUND_UP) // PPM
                if is_buy:
                    paying, receiving = other.base, other.quote
                    paying.held_atoms -= lots * lot_atoms
                    receiving.available_atoms += quote_atoms - maker_fee_atoms
                else:
                    paying, receiving = other.quote, other.base
                    paying.held_atoms -= quote_atoms + maker_fee_atoms
                    receiving.available_atoms += lots * lot_atoms
                if paying.held_atoms < 0:
                    raise InvariantBroken(f"order {maker.number} held too little for trade {trade + 1}")
                maker.remaining_lots = remaining_lots = remaining_lots - lots
                if remaining_lots:
                    level.lots -= lots
                    maker.fee_ppm_sum = maker_sum
                    maker.filled_quote_atoms += quote_atoms
                    maker.updated_at_us = orders.at_us
                else:
                    # It is gone for good, so nothing of it but its neighbours need know.
                    del by_number[maker.number]
                    other.delist(maker)
                    after = maker.next
                    if after is None:
                        opposite.close_level(level)
                    else:
                        after.previous = None
                        level.head = after
                        level.lots -= lots
            else:
                maker_fee_atoms = self.fill_resting(maker, level, lots, quote_atoms, maker.rates.maker_ppm)
                maker_sum = maker.fee_ppm_sum
                paying, receiving = (other.base, other.quote) if is_buy else (other.quote, other.base)
            charged_before_atoms, was_uneven = charged_atoms, is_uneven
            fee_ppm_sum += taker_ppm * quote_atoms
            charged_atoms = (fee_ppm_sum + ROUND_UP) // PPM
            is_uneven = 1 if fee_ppm_sum % PPM else 0
            rounding = is_uneven - was_uneven
            if maker_sum % PPM:
                rounding += 1
            if maker_sum_before and maker_sum_before % PPM:
                rounding -= 1
            fees_atoms += maker_fee_atoms
            filled_lots += lots
            quote_sum_atoms += quote_atoms
            trade += 1
            record = (
                header,
                trade,
                last_ticks,
                lots,
                quote_atoms,
                number,
                account,
                charged_atoms - charged_before_atoms,
                maker.number,
                other.account,
                maker_fee_atoms,
                maker.remaining_lots,
                rounding,
            )
            words.put_13(record)
            told.append(paying)
            told.append(receiving)
            if not is_plain:
                self._finish_fill(maker, opposite, level)
            wanted -= lots
            if wanted == 0:
                taker.stopped_by = BUDGET_SPENT if budget_atoms else None
                break
        if filled_lots:
            self.last_trade = trade
            taker.filled_lots = filled_lots
            taker.quote_atoms = quote_sum_atoms
            taker.last_ticks = last_ticks
            fee_before_atoms = (taker.fee_ppm_sum + ROUND_UP) // PPM
            taker.fee_ppm_sum = fee_ppm_sum
            self._settle(taker, market, charged_atoms - fee_before_atoms, fees_atoms)

    def _settle(self, taker: Taker, market: Market, fee_atoms: int, maker_fees_atoms: int) -> None:
        """The taker's part of all its trades, the house's, and what the market learns."""
        orders, participant = self._orders, taker.participant
        base, quote = participant.base, participant.quote
        base_atoms = taker.filled_lots * market.lot_atoms
        if taker.is_buy:
            cost_atoms = taker.quote_atoms + fee_atoms
            if taker.budget_atoms and cost_atoms > taker.budget_atoms:
                raise InvariantBroken(f"order {taker.number} cost {cost_atoms}, its budget was {taker.budget_atoms}")
            quote.available_atoms -= cost_atoms
            base.available_atoms += base_atoms
            paid = quote
        else:
            base.available_atoms -= base_atoms
            quote.available_atoms += taker.quote_atoms - fee_atoms
            paid = base
        if paid.available_atoms < 0:
            raise InvariantBroken(f"order {taker.number} overspent {paid.asset}")
        self.pay_house(market, fee_atoms + maker_fees_atoms)
        orders.touched.append(paid)
        orders.touched.append(base if paid is quote else quote)
        orders.touched.extend(taker.told)
        market.changed_seq = orders.seq
        if market.last_ticks == 0:
            market.last_ticks = taker.first_ticks
        if market.has_reference:
            market.trade_at(taker.last_ticks, orders.at_us)
        else:
            market.last_ticks = taker.last_ticks

    def _finish_fill(self, maker: Order, side: BookSide, level: PriceLevel) -> None:
        """What a trade of a resting order brings about where ``fill_resting`` did it."""
        orders, special = self._orders, maker.special
        if maker.remaining_lots == 0:
            side.pop(level)
            orders.delist(maker)
        if special is None:
            return
        if maker.remaining_lots == 0:
            orders.follow(maker, special)
        elif special.display_lots and special.shown_lots == 0:
            orders.refresh(maker, special)
        orders.unlink(special)

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
        self._orders.record.add(
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
