"""Matching: price-time priority, trades at the maker's price, both fees in quote atoms.

A taker pays out of its available balance and receives into it; only a resting order holds. Nothing of a taker is in the
book while it matches, so an order that does not rest never becomes an ``Order``.
Self-trade prevention, one fixed mode: cancel newest. Where the next maker is the taker's own account, matching stops.
"""

from .balances import HOUSE, Balance, Balances
from .commands import Side
from .errors import InvariantBroken
from .fees import affordable_lots, fee_atoms, rounding_atoms
from .market import Market
from .order_book import BookSide, OpenOrders, Order, PriceLevel
from .outcomes import Filled, OrderFilled, Outcome, Reason
from .participant import Participant

new = tuple.__new__  # all that the constructor of a NamedTuple does, at half its cost: for the outcomes of every order


class Taker:
    """An order while it matches: what it asks for, and what it has got.

    ``lots`` is what it still wants, or None for a buy by ``budget_atoms``, which includes the fee.
    ``limit_rank`` is the worst rank that it trades with, see ``order_book``.
    """

    __slots__ = (
        "budget_atoms",
        "fee_ppm_sum",
        "filled_lots",
        "limit_rank",
        "lots",
        "number",
        "participant",
        "quote_atoms",
        "side",
        "stopped_by",
    )

    def __init__(
        self,
        number: int,
        participant: Participant,
        side: Side,
        lots: int | None,
        budget_atoms: int | None,
        limit_rank: int,
    ) -> None:
        self.number = number
        self.participant = participant
        self.side: Side = side
        self.lots = lots
        self.budget_atoms = budget_atoms
        self.limit_rank = limit_rank
        self.filled_lots = 0
        self.quote_atoms = 0
        self.fee_ppm_sum = 0
        self.stopped_by: Reason | None = None

    def fill(self, lots: int, quote_atoms: int, fee_ppm_sum: int, stopped_by: Reason | None) -> None:
        """Notes how matching ended; ``stopped_by`` None: nothing that was wanted remains."""
        self.filled_lots = lots
        self.quote_atoms = quote_atoms
        self.fee_ppm_sum = fee_ppm_sum
        self.stopped_by = stopped_by


def preview(opposite: BookSide, account: int, lots: int, limit_rank: int) -> tuple[int, int, bool]:
    """What an order of so many lots would get now: lots, the sum of price ticks times lots, and whether its own
    account's order stopped it. Changes nothing.
    """
    wanted, tick_lots = lots, 0
    for level in opposite:
        if level.rank < limit_rank:
            break
        for maker in level:
            if maker.account == account:
                return lots - wanted, tick_lots, True
            taken = min(wanted, maker.remaining_lots)
            wanted -= taken
            tick_lots += taken * level.price_ticks
            if wanted == 0:
                return lots, tick_lots, False
    return lots - wanted, tick_lots, False


class Matcher:
    """Where trades happen. ``last_trade`` is the number of the latest trade, over all markets."""

    __slots__ = ("_balances", "_open_orders", "last_trade")

    def __init__(self, balances: Balances, open_orders: OpenOrders) -> None:
        self._balances = balances
        self._open_orders = open_orders
        self.last_trade = 0

    def match(self, market: Market, taker: Taker, at_us: int, outcomes: list[Outcome]) -> list[Participant]:
        """Trades the taker against the book, as far as it goes; settles both sides and pays the fees to the house.

        Appends the fills. Returns the makers' participants, each once, in the order of their first fill.
        """
        participant, number, side, budget_atoms = taker.participant, taker.number, taker.side, taker.budget_atoms
        account, taker_ppm, limit_rank = participant.account, participant.taker_ppm, taker.limit_rank
        opposite = market.book.asks if side == "buy" else market.book.bids
        tick_lot_atoms, lot_atoms = market.tick_lot_atoms, market.lot_atoms
        wanted = taker.lots or 0
        makers: list[Participant] = []
        filled_lots = total_quote_atoms = fee_ppm_sum = maker_fees_atoms = 0
        while True:
            level = opposite.best
            if level is None or level.rank < limit_rank:
                stopped_by: Reason | None = Reason.NO_LIQUIDITY if level is None else Reason.SLIPPAGE_CAP
                break
            price_ticks = level.price_ticks
            if budget_atoms is not None:
                left_atoms = budget_atoms - total_quote_atoms
                wanted = affordable_lots(left_atoms, fee_ppm_sum, taker_ppm, price_ticks * tick_lot_atoms)
                if wanted == 0:
                    stopped_by = Reason.BUDGET_SPENT
                    break
            maker = level.head
            if maker.account == account:
                stopped_by = Reason.SELF_TRADE
                break
            lots = maker.remaining_lots
            if wanted < lots:
                lots = wanted
            base_atoms = lots * lot_atoms
            quote_atoms = price_ticks * lots * tick_lot_atoms
            sum_before, maker_sum_before = fee_ppm_sum, maker.fee_ppm_sum
            fee_ppm_sum += taker_ppm * quote_atoms
            maker_fee_atoms = self._fill_maker(maker, level, side, lots, base_atoms, quote_atoms, at_us)
            maker_fees_atoms += maker_fee_atoms
            filled_lots += lots
            total_quote_atoms += quote_atoms
            self.last_trade += 1
            outcomes.append(
                new(
                    Filled,
                    (
                        self.last_trade,
                        market.name,
                        price_ticks,
                        lots,
                        base_atoms,
                        quote_atoms,
                        side,
                        number,
                        account,
                        fee_atoms(sum_before, fee_ppm_sum),
                        maker.number,
                        maker.account,
                        maker_fee_atoms,
                        maker.remaining_lots,
                        rounding_atoms(sum_before, fee_ppm_sum) + rounding_atoms(maker_sum_before, maker.fee_ppm_sum),
                    ),
                )
            )
            if maker.remaining_lots == 0:
                opposite.remove(maker)
                self._open_orders.remove(maker)
                outcomes.append(new(OrderFilled, (maker.number, maker.account, maker.market)))
            if maker.participant.last_seq != number:
                maker.participant.last_seq = number
                makers.append(maker.participant)
            wanted -= lots
            if wanted == 0:
                stopped_by = None if budget_atoms is None else Reason.BUDGET_SPENT
                break
        taker.fill(filled_lots, total_quote_atoms, fee_ppm_sum, stopped_by)
        if filled_lots:
            fees_atoms = _settle_taker(taker, filled_lots * lot_atoms)
            self._house(market).receive(fees_atoms + maker_fees_atoms)
        return makers

    def _house(self, market: Market) -> Balance:
        return self._balances.of(HOUSE, market.definition.quote)

    def _fill_maker(
        self,
        maker: Order,
        level: PriceLevel,
        taker_side: Side,
        lots: int,
        base_atoms: int,
        quote_atoms: int,
        at_us: int,
    ) -> int:
        """The maker's part of one trade; returns its fee. A buyer's hold shrinks by exactly what it pays."""
        fee_ppm_sum = maker.fee_ppm_sum + maker.maker_ppm * quote_atoms
        fee = fee_atoms(maker.fee_ppm_sum, fee_ppm_sum)
        maker.fee_ppm_sum = fee_ppm_sum
        maker.filled_quote_atoms += quote_atoms
        maker.remaining_lots -= lots
        maker.updated_at_us = at_us
        level.lots -= lots
        participant = maker.participant
        if taker_side == "buy":
            participant.base.pay_held(base_atoms)
            participant.quote.receive(quote_atoms - fee)
        else:
            participant.quote.pay_held(quote_atoms + fee)
            participant.base.receive(base_atoms)
        return fee


def _settle_taker(taker: Taker, base_atoms: int) -> int:
    """The taker's part of all its trades, at once; returns its fees."""
    participant, quote_atoms = taker.participant, taker.quote_atoms
    fees_atoms = fee_atoms(0, taker.fee_ppm_sum)
    if taker.side == "buy":
        cost_atoms = quote_atoms + fees_atoms
        if taker.budget_atoms is not None and cost_atoms > taker.budget_atoms:
            raise InvariantBroken(f"order {taker.number} cost {cost_atoms}, its budget was {taker.budget_atoms}")
        participant.quote.pay(cost_atoms)
        participant.base.receive(base_atoms)
    else:
        participant.base.pay(base_atoms)
        participant.quote.receive(quote_atoms - fees_atoms)
    return fees_atoms
