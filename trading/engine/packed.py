"""Packed batches: plain orders and cancels as words, and what they come to as words. Objects are made on demand.

A command is COMMAND_WORDS words: header (see ``plain``), time, account, then of a cancel the order's number, of an order its
lots or budget and its price. An outcome is a header and some words, see ``PackedRecorder``; of one event they end with END. A
header has the kind in its lowest byte, a flag in the next, the reason above that, the market's number in its upper half.
Markets and assets go by number, so packed outcomes are unpacked with the engine that made them, or one of the same state.
"""

import json
from collections.abc import Iterable, Iterator
from struct import Struct, unpack_from
from typing import TYPE_CHECKING, Final

from .balances import BALANCE, Balance
from .commands import CancelOrder, Event, PlaceOrder, Side
from .market import Market
from .order_book import Order
from .outcomes import (
    KINDS,
    BalanceChanged,
    Filled,
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    OrderRejected,
    OrderRested,
    Outcome,
    Reason,
)
from .participant import Participant
from .plain import CANCEL, MARKET_SHIFT, plain_header
from .recorder import Recorder
from .words import IS_NATIVE, WORD, WordWriter

if TYPE_CHECKING:
    from .engine import Engine

COMMAND_WORDS: Final = 5
COMMAND: Final = Struct("<5q")

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
FLAG: Final = 1 << 8
REASON_SHIFT: Final = 16

REASONS: Final = list(Reason)
USER_CANCELLED: Final = Reason.USER_CANCELLED
CANCELLED_FOR: Final = {reason: CANCELLED | number << REASON_SHIFT for number, reason in enumerate(REASONS)}
BOUGHT: Final = PLACED | FLAG
BUY_WITHDRAWN: Final = WITHDRAWN | FLAG
WIDE: Final = WIDE_BALANCE - BALANCE

NARROW_LIMIT: Final = 1 << 61
"""Balances below it take one word each."""
LOW: Final = (1 << 62) - 1
"""A wide amount is its lowest 62 bits and the rest."""


def pack(event: Event, engine: "Engine") -> bytes:
    """One command as words. Raises ValueError if it is not a plain order, or no cancel, or of an unknown market."""
    command = event.command
    if isinstance(command, CancelOrder):
        return COMMAND.pack(CANCEL, event.at_us, command.account, command.order, 0)
    if not isinstance(command, PlaceOrder):
        raise ValueError(f"event {event.seq} cannot be packed")
    header, market = plain_header(command), engine.markets.get(command.market)
    if header == 0 or market is None or command.account <= 0:
        raise ValueError(f"event {event.seq} cannot be packed")
    size = command.budget_atoms or command.quantity_lots or 0
    return COMMAND.pack(header | market.word, event.at_us, command.account, size, command.price_ticks or 0)


class PackedRecorder(Recorder):
    """Takes down what happens as words. After the header:

    PLACED, WITHDRAWN: number, account, price, remaining lots, and of the balance that holds available and held (flag: a
    buy); all of an event, no END follows. RESTED: number, account, price, remaining lots (flag: a buy).
    ACCEPTED, ORDER_FILLED: number, account. CANCELLED: number, account, price or 0, remaining or -1 (flag: a buy).
    FILLED: trade, price, lots, quote, the taker's number, account, fee, the maker's number, account, fee, remaining lots,
    rounding (flag: the taker buys); where nothing remains the maker is filled.
    BALANCE (the asset's number as the market): account, available, held; WIDE_BALANCE: account, and each as its lowest 62
    bits and the rest. OTHER: how many bytes of JSON follow, padded to whole words.
    """

    def __init__(self) -> None:
        self._words = WordWriter()
        self._list = self._words.list

    def joined(self) -> bytes:
        return self._words.joined()

    def accepted(self, number: int, participant: Participant) -> None:
        self._words.put_3((ACCEPTED + participant.market.word, number, participant.account))

    def placed(self, order: Order, balance: Balance) -> None:
        available_atoms, held_atoms = balance.available_atoms, balance.held_atoms
        if available_atoms >= NARROW_LIMIT or held_atoms >= NARROW_LIMIT:
            self.accepted(order.number, order.participant)
            self.rested(order)
            self.ended([balance])
            return
        words = (
            order.participant.market.word + (BOUGHT if order.is_buy else PLACED),
            order.number,
            balance.account,
            order.price_ticks,
            order.remaining_lots,
            available_atoms,
            held_atoms,
        )
        if IS_NATIVE:
            self._words.put_7(words)
        else:
            self._list.extend(words)

    def withdrawn(self, order: Order, balance: Balance) -> None:
        available_atoms, held_atoms = balance.available_atoms, balance.held_atoms
        if available_atoms >= NARROW_LIMIT or held_atoms >= NARROW_LIMIT:
            price_ticks, lots = order.price_ticks, order.remaining_lots
            self.cancelled(order.number, order.participant, order.is_buy, price_ticks, lots, USER_CANCELLED)
            self.ended([balance])
            return
        words = (
            order.participant.market.word + (BUY_WITHDRAWN if order.is_buy else WITHDRAWN),
            order.number,
            balance.account,
            order.price_ticks,
            order.remaining_lots,
            available_atoms,
            held_atoms,
        )
        if IS_NATIVE:
            self._words.put_7(words)
        else:
            self._list.extend(words)

    def rested(self, order: Order) -> None:
        participant = order.participant
        header = RESTED + participant.market.word
        if order.is_buy:
            header += FLAG
        self._words.put_5((header, order.number, participant.account, order.price_ticks, order.remaining_lots))

    def rejected(self, number: int, account: int, market: str, reason: Reason) -> None:
        self.add(OrderRejected(number, account, market, reason))

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
        words = (
            taker.market.word + (FILLED if maker.is_buy else FILLED | FLAG),
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
        if IS_NATIVE:
            self._words.put_13(words)
        else:
            self._list.extend(words)

    def order_filled(self, number: int, participant: Participant) -> None:
        self._words.put_3((ORDER_FILLED + participant.market.word, number, participant.account))

    def cancelled(
        self,
        number: int,
        participant: Participant,
        is_buy: bool,
        price_ticks: int,
        remaining_lots: int,
        reason: Reason,
    ) -> None:
        header = CANCELLED_FOR[reason] + participant.market.word
        if is_buy:
            header += FLAG
        self._words.put_5((header, number, participant.account, price_ticks, remaining_lots))

    def ended(self, touched: list[Balance]) -> None:
        for balance in touched:
            available_atoms, held_atoms = balance.available_atoms, balance.held_atoms
            if available_atoms < NARROW_LIMIT and held_atoms < NARROW_LIMIT:
                words = (balance.word, balance.account, available_atoms, held_atoms)
                if IS_NATIVE:
                    self._words.put_4(words)
                else:
                    self._list.extend(words)
            else:
                self._words.put_3((balance.word + WIDE, balance.account, available_atoms & LOW))
                self._words.put_3((available_atoms >> 62, held_atoms & LOW, held_atoms >> 62))
        self._words.put_1(END)

    def add(self, outcome: Outcome) -> None:
        text = json.dumps([type(outcome).__name__, *outcome]).encode()
        self._words.put_1(OTHER | len(text) << MARKET_SHIFT)
        self._words.put_text(text + b" " * (-len(text) % WORD))


def unpack(data: bytes, engine: "Engine") -> list[list[Outcome]]:
    """The outcomes of each event, as ``Engine.apply`` would have told them."""
    return list(_Unpacker(data, engine).events())


class _Unpacker:
    def __init__(self, data: bytes, engine: "Engine") -> None:
        self._data = data
        self._at = 0
        self._markets = list(engine.markets.values())
        self._assets = list(engine.assets)

    def events(self) -> Iterator[list[Outcome]]:
        outcomes: list[Outcome] = []
        while self._at < len(self._data):
            (header,) = self._take(1)
            kind = header & 255
            if kind in (PLACED, WITHDRAWN):
                yield self._alone(kind, header)
            elif kind == END:
                yield outcomes
                outcomes = []
            else:
                outcomes.extend(self._outcomes(header))

    def _take(self, count: int) -> tuple[int, ...]:
        words = unpack_from(f"<{count}q", self._data, self._at)
        self._at += count * WORD
        return words

    def _outcomes(self, header: int) -> Iterable[Outcome]:
        kind, high = header & 255, header >> MARKET_SHIFT
        side: Side = "buy" if header & FLAG else "sell"
        if kind == OTHER:
            return [self._other(high)]
        if kind in (BALANCE, WIDE_BALANCE):
            return [self._balance(kind, self._assets[high])]
        market = self._markets[high]
        if kind in (ACCEPTED, ORDER_FILLED):
            number, account = self._take(2)
            return [(OrderAccepted if kind == ACCEPTED else OrderFilled)(number, account, market.name)]
        if kind == FILLED:
            return self._fill(market, side)
        number, account, price, lots = self._take(4)
        if kind == CANCELLED:
            reason = REASONS[header >> REASON_SHIFT & 0xFFFF]
            left = None if lots < 0 else lots
            return [OrderCancelled(number, account, market.name, side, price or None, left, reason)]
        return [OrderRested(number, account, market.name, side, price, lots)]

    def _alone(self, kind: int, header: int) -> list[Outcome]:
        market = self._markets[header >> MARKET_SHIFT]
        side: Side = "buy" if header & FLAG else "sell"
        asset = market.definition.quote if side == "buy" else market.definition.base
        number, account, price, lots, available, held = self._take(6)
        balance = BalanceChanged(account, asset, available, held)
        if kind == WITHDRAWN:
            return [OrderCancelled(number, account, market.name, side, price, lots, USER_CANCELLED), balance]
        rested = OrderRested(number, account, market.name, side, price, lots)
        return [OrderAccepted(number, account, market.name), rested, balance]

    def _fill(self, market: Market, side: Side) -> list[Outcome]:
        trade, price, lots, quote, taker, account, fee, maker, maker_account, maker_fee, left, rounding = self._take(12)
        base = lots * market.lot_atoms
        fill = Filled(
            trade,
            market.name,
            price,
            lots,
            base,
            quote,
            side,
            taker,
            account,
            fee,
            maker,
            maker_account,
            maker_fee,
            left,
            rounding,
        )
        return [fill] if left else [fill, OrderFilled(maker, maker_account, market.name)]

    def _balance(self, kind: int, asset: str) -> BalanceChanged:
        if kind == BALANCE:
            account, available, held = self._take(3)
        else:
            account, low, high, held_low, held_high = self._take(5)
            available, held = low | high << 62, held_low | held_high << 62
        return BalanceChanged(account, asset, available, held)

    def _other(self, length: int) -> Outcome:
        name, *fields = json.loads(self._data[self._at : self._at + length])
        self._at += length + -length % WORD
        kind = KINDS[name]
        if "reason" in kind._fields and name != "MarketStateChanged":
            at = kind._fields.index("reason")
            fields[at] = Reason(fields[at])
        return kind(*fields)
