"""The record: what happens, taken down as words in the order in which it happens. Outcomes are made of it on demand.

It is a header and some words for each outcome; of one event they end with END. A header has the kind in its lowest byte, a flag
in the next, the reason above that, the number of a market or an asset in its upper half. After the header:

PLACED, WITHDRAWN: number, account, price, remaining lots, and of the balance that holds available and held (flag: a buy); all
of an event, no END follows. RESTED: number, account, price, remaining lots (flag: a buy).
ACCEPTED, ORDER_FILLED: number, account. CANCELLED: number, account, price or 0, remaining or -1 (flag: a buy).
TAKEN: number, account, the taker's rate, the last trade before, and of each of its trades, which have the next numbers: price,
lots, the maker's number, account, fee and remaining lots, how much of that fee is there by rounding alone, and of both balances of
the maker, first the one that pays, available and held (flag: the taker buys). Then IS_ALL, in the place of a price, and the same
of the taker's balances: it is filled, no END follows; or GOES_ON: the event does, and tells all balances in its own way.
FILLED: trade, price, lots, quote, the taker's number, account, fee, the maker's number, account, fee, remaining lots, rounding
(flag: the taker buys); where nothing remains the maker is filled.
BALANCE: account, available, held. WIDE_BALANCE: account, and each as its lowest 62 bits and the rest.
OTHER: no words; its upper half is a place in ``others``.
"""

import json
from typing import Final

from .balances import BALANCE, Balance
from .order_book import Order
from .outcomes import BalanceChanged, OrderRejected, Outcome, Reason
from .participant import Participant
from .words import WORD, WordWriter

END: Final = 0
PLACED: Final = 1
ACCEPTED: Final = 2
RESTED: Final = 3
FILLED: Final = 4
ORDER_FILLED: Final = 5
CANCELLED: Final = 6
WIDE_BALANCE: Final = 8
OTHER: Final = 9
WITHDRAWN: Final = 10
TAKEN: Final = 11
FLAG: Final = 1 << 8
REASON_SHIFT: Final = 16
REASON_BITS: Final = 0xFFFF
NUMBER_SHIFT: Final = 32

BOUGHT: Final = PLACED | FLAG
BUY_WITHDRAWN: Final = WITHDRAWN | FLAG
BUYS: Final = FILLED | FLAG
BUY_TAKEN: Final = TAKEN | FLAG
IS_ALL: Final = 0
GOES_ON: Final = -1

REASONS: Final = list(Reason)
CANCELLED_FOR: Final = {reason: CANCELLED | number << REASON_SHIFT for number, reason in enumerate(REASONS)}
USER_CANCELLED: Final = Reason.USER_CANCELLED

WIDE_LIMIT: Final = 1 << 124
LOW_BITS: Final = 62
LOW: Final = (1 << LOW_BITS) - 1


class Record:
    """``words`` and what did not go into words. Who takes something down itself keeps to the format above."""

    def __init__(self) -> None:
        self.words = WordWriter()
        self.others: list[Outcome] = []

    def clear(self) -> None:
        self.words.clear()
        self.others.clear()

    def joined(self) -> bytes:
        """The words; if there are others, they follow as JSON, and minus the length of that as the last word."""
        words = self.words.joined()
        if not self.others:
            return words
        text = json.dumps([[type(outcome).__name__, *outcome] for outcome in self.others]).encode()
        return words + text + (-len(text)).to_bytes(WORD, "little", signed=True)

    def add(self, outcome: Outcome) -> None:
        """Anything for which there are no words."""
        self.words.put_1(OTHER | len(self.others) << NUMBER_SHIFT)
        self.others.append(outcome)

    def accepted(self, number: int, participant: Participant) -> None:
        self.words.put_3((ACCEPTED + participant.market.word, number, participant.account))

    def rejected(self, number: int, account: int, market: str, reason: Reason) -> None:
        self.add(OrderRejected(number, account, market, reason))

    def rested(self, order: Order) -> None:
        participant = order.participant
        header = RESTED + participant.market.word
        if order.is_buy:
            header += FLAG
        self.words.put_5((header, order.number, participant.account, order.price_ticks, order.remaining_lots))

    def alone(self, order: Order, balance: Balance, is_placed: bool) -> None:
        """All of an event that PLACED or WITHDRAWN has no room for: an order ``is_placed`` or withdrawn, one balance changed."""
        participant = order.participant
        if is_placed:
            self.accepted(order.number, participant)
            self.rested(order)
        else:
            price_ticks, lots = order.price_ticks, order.remaining_lots
            self.cancelled(order.number, participant, order.is_buy, price_ticks, lots, USER_CANCELLED)
        self.wide_balance(balance)
        self.words.put_1(END)

    def filled(
        self,
        trade: int,
        price_ticks: int,
        lots: int,
        quote_atoms: int,
        taker_number: int,
        taker: Participant,
        taker_fee_atoms: int,
        maker: Order,
        maker_fee_atoms: int,
        rounding: int,
    ) -> None:
        """A trade, and the maker's end if that was all of it."""
        self.words.put_13(
            (
                taker.market.word + (FILLED if maker.is_buy else BUYS),
                trade,
                price_ticks,
                lots,
                quote_atoms,
                taker_number,
                taker.account,
                taker_fee_atoms,
                maker.number,
                maker.participant.account,
                maker_fee_atoms,
                maker.remaining_lots,
                rounding,
            )
        )

    def order_filled(self, number: int, participant: Participant) -> None:
        self.words.put_3((ORDER_FILLED + participant.market.word, number, participant.account))

    def cancelled(
        self,
        number: int,
        participant: Participant,
        is_buy: bool,
        price_ticks: int,
        remaining_lots: int,
        reason: Reason,
    ) -> None:
        """0 as a price, -1 as a remainder: there is none."""
        header = CANCELLED_FOR[reason] + participant.market.word
        if is_buy:
            header += FLAG
        self.words.put_5((header, number, participant.account, price_ticks, remaining_lots))

    def wide_balance(self, balance: Balance) -> None:
        """A balance that may not be narrow."""
        available_atoms, held_atoms = balance.available_atoms, balance.held_atoms
        if available_atoms >= WIDE_LIMIT or held_atoms >= WIDE_LIMIT:
            self.add(BalanceChanged(balance.account, balance.asset, available_atoms, held_atoms))
            return
        self.words.put_3((balance.word - BALANCE + WIDE_BALANCE, balance.account, available_atoms & LOW))
        self.words.put_3((available_atoms >> LOW_BITS, held_atoms & LOW, held_atoms >> LOW_BITS))
