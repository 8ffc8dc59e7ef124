"""Outcomes made of the record's words, see ``record``."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .balances import BALANCE
from .fees import PPM, ROUND_UP
from .market import Market
from .outcomes import (
    KINDS,
    BalanceChanged,
    Filled,
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    OrderRested,
    Outcome,
    Reason,
)
from .record import (
    ACCEPTED,
    END,
    FILLED,
    FLAG,
    IS_ALL,
    LOW_BITS,
    NUMBER_SHIFT,
    ORDER_FILLED,
    OTHER,
    PLACED,
    REASON_BITS,
    REASON_SHIFT,
    REASONS,
    RESTED,
    TAKEN,
    USER_CANCELLED,
    WIDE_BALANCE,
    WITHDRAWN,
)
from .words import WORD, WordReader

if TYPE_CHECKING:
    from .engine import Engine

new = tuple.__new__  # all that the constructor of a NamedTuple does, at half its cost: for the outcomes of every order


def unpack(data: bytes, engine: "Engine") -> list[list[Outcome]]:
    """The outcomes of each event that ``Engine.apply_packed`` applied, as ``Engine.apply`` would have told them.

    ``engine``: the one that told, or one of the same state, for markets and assets go by number.
    """
    others: list[Outcome] = []
    last = int.from_bytes(data[-WORD:], "little", signed=True)
    if last < 0:  # the last word of an event is END or what a balance holds, never below 0
        others = [_other(fields) for fields in json.loads(data[last - WORD : -WORD])]
        data = data[: last - WORD]
    words = WordReader(data)
    unpacker = Unpacker(engine.listed_markets, engine.listed_assets)
    events = []
    while not words.is_at_end:
        events.append(unpacker.event(words, others))
    return events


def _other(fields: list[Any]) -> Outcome:
    kind = KINDS[fields[0]]
    values = fields[1:]
    if "reason" in kind._fields and kind.__name__ != "MarketStateChanged":
        at = kind._fields.index("reason")
        values[at] = Reason(values[at])
    return kind(*values)


def _each_once(told: list[BalanceChanged]) -> list[BalanceChanged]:
    """Of each balance the last of what is told, in the place of the first."""
    latest = {(balance.account, balance.asset): balance for balance in told}
    return list(latest.values())


class Unpacker:
    """``markets`` and ``assets`` by their numbers; whoever lists more adds to them."""

    def __init__(self, markets: list[Market], assets: list[str]) -> None:
        self._markets = markets
        self._assets = assets

    def event(self, words: WordReader, others: Sequence[Outcome]) -> list[Outcome]:
        """The outcomes of the next event."""
        outcomes: list[Outcome] = []
        while True:
            header = words.take_1()
            kind = header & 255
            place = header >> NUMBER_SHIFT
            if kind == END:
                return outcomes
            if kind in (PLACED, WITHDRAWN):
                self._alone(words, kind, header & FLAG != 0, self._markets[place], outcomes)
                return outcomes
            if kind == TAKEN:
                if self._taken(words, header & FLAG != 0, self._markets[place], outcomes):
                    return outcomes
            elif kind == BALANCE:
                account, available, held = words.take_3()
                outcomes.append(new(BalanceChanged, (account, self._assets[place], available, held)))
            elif kind == FILLED:
                self._filled(words, "buy" if header & FLAG else "sell", self._markets[place], outcomes)
            elif kind == OTHER:
                outcomes.append(others[place])
            elif kind == WIDE_BALANCE:
                outcomes.append(self._wide_balance(words, self._assets[place]))
            else:
                self._order(words, kind, header, self._markets[place].name, outcomes)

    def _order(self, words: WordReader, kind: int, header: int, market: str, outcomes: list[Outcome]) -> None:
        if kind == ACCEPTED:
            number, account = words.take_2()
            outcomes.append(new(OrderAccepted, (number, account, market)))
            return
        if kind == ORDER_FILLED:
            number, account = words.take_2()
            outcomes.append(new(OrderFilled, (number, account, market)))
            return
        number, account, price, lots = words.take_4()
        side = "buy" if header & FLAG else "sell"
        if kind == RESTED:
            outcomes.append(new(OrderRested, (number, account, market, side, price, lots)))
            return
        reason = REASONS[header >> REASON_SHIFT & REASON_BITS]
        left = None if lots < 0 else lots
        outcomes.append(new(OrderCancelled, (number, account, market, side, price or None, left, reason)))

    def _alone(self, words: WordReader, kind: int, is_buy: bool, market: Market, outcomes: list[Outcome]) -> None:
        number, account, price, lots, available, held = words.take_6()
        name, side = market.name, "buy" if is_buy else "sell"
        asset = market.quote if is_buy else market.base
        if kind == PLACED:
            outcomes.append(new(OrderAccepted, (number, account, name)))
            outcomes.append(new(OrderRested, (number, account, name, side, price, lots)))
        else:
            outcomes.append(new(OrderCancelled, (number, account, name, side, price, lots, USER_CANCELLED)))
        outcomes.append(new(BalanceChanged, (account, asset, available, held)))

    def _taken(self, words: WordReader, is_buy: bool, market: Market, outcomes: list[Outcome]) -> bool:
        """Says whether that was all of the event. A balance is told where it changed first, and as it was at last."""
        number, taker, taker_ppm, trade = words.take_4()
        name, side = market.name, "buy" if is_buy else "sell"
        pays_taker, pays_maker = (market.quote, market.base) if is_buy else (market.base, market.quote)
        lot_atoms, tick_lot_atoms = market.lot_atoms, market.tick_lot_atoms
        outcomes.append(new(OrderAccepted, (number, taker, name)))
        makers: list[int] = []
        told: list[BalanceChanged] = []
        charged_atoms = fee_ppm_sum = was_uneven = 0
        while (price := words.take_1()) > 0:
            trade += 1
            lots, maker, account, maker_fee, left, rounding, available, held, got_available, got_held = words.take_10()
            makers.append(account)
            told.append(new(BalanceChanged, (account, pays_maker, available, held)))
            told.append(new(BalanceChanged, (account, pays_taker, got_available, got_held)))
            quote_atoms = price * lots * tick_lot_atoms
            fee_ppm_sum += taker_ppm * quote_atoms
            fee = -charged_atoms
            charged_atoms = (fee_ppm_sum + ROUND_UP) // PPM
            fee += charged_atoms
            rounding -= was_uneven
            was_uneven = 1 if fee_ppm_sum % PPM else 0
            fields = (
                trade,
                name,
                price,
                lots,
                lots * lot_atoms,
                quote_atoms,
                side,
                number,
                taker,
                fee,
                maker,
                account,
                maker_fee,
                left,
                rounding + was_uneven,
            )
            outcomes.append(new(Filled, fields))
            if left == 0:
                outcomes.append(new(OrderFilled, (maker, account, name)))
        if price != IS_ALL:
            return False
        outcomes.append(new(OrderFilled, (number, taker, name)))
        available, held, got_available, got_held = words.take_4()
        outcomes.append(new(BalanceChanged, (taker, pays_taker, available, held)))
        outcomes.append(new(BalanceChanged, (taker, pays_maker, got_available, got_held)))
        if len(makers) > 1 and len(dict.fromkeys(makers)) < len(makers):
            outcomes.extend(_each_once(told))
        else:
            outcomes.extend(told)
        return True

    def _filled(self, words: WordReader, side: str, market: Market, outcomes: list[Outcome]) -> None:
        trade, price, lots, quote, taker, account = words.take_6()
        fee, maker, maker_account, maker_fee, left, rounding = words.take_6()
        name, base = market.name, lots * market.lot_atoms
        fields = (
            trade,
            name,
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
        outcomes.append(new(Filled, fields))
        if left == 0:
            outcomes.append(new(OrderFilled, (maker, maker_account, name)))

    def _wide_balance(self, words: WordReader, asset: str) -> BalanceChanged:
        account, available_low, available_high = words.take_3()
        held_low, held_high = words.take_2()
        available, held = available_low | available_high << LOW_BITS, held_low | held_high << LOW_BITS
        return BalanceChanged(account, asset, available, held)
