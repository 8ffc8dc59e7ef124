"""The loop over plain commands: where nearly every command begins and ends, one after the other.

What most commands come to is written out here, once, with no call and with as few reads and writes as there can be, for the
engine's speed is made of it: an order leaves the book; it comes to rest; it is filled whole by plain orders of others. All else
goes the general way, from its beginning (``PlainOrders.apply``) or from where it stops being plain (``PlainOrders.go_on``).

What is read of a balance, an order or a level is written back before the next command, so both ways see the same state. What
happens is taken down as ``record`` says: interpreted by one ``Struct`` for each row, compiled word by word.
"""

import contextlib
from collections.abc import Iterable
from typing import Any

from .balances import NARROW_LIMIT
from .consequences import Consequences
from .errors import InvariantBroken
from .fees import PPM, ROUND_UP
from .matching import Matcher
from .native import i64
from .open_orders import OpenOrders
from .order_book import NEWEST, Order
from .packed import COMMAND, COMMAND_SIZE
from .participant import Participant
from .plain import CANCEL, PlainOrders
from .record import BUY_WITHDRAWN, GOES_ON, IS_ALL, WITHDRAWN
from .taker import Taker
from .words import IS_NATIVE, PACK_5, PACK_7, PACK_11, WordWriter

with contextlib.suppress(ImportError):  # only compiled code needs it
    from librt.strings import read_i64_le


class PlainLoop:
    """Shares its parts with the engine."""

    __slots__ = ("_command", "_consequences", "_matcher", "_orders", "_plain")

    def __init__(self, orders: OpenOrders, matcher: Matcher, plain: PlainOrders, consequences: Consequences) -> None:
        self._orders = orders
        self._matcher = matcher
        self._plain = plain
        self._consequences = consequences
        self._command = WordWriter()

    def run(self, data: bytes) -> None:
        """Applies packed commands, see ``packed``, as the next events. Raises InvariantBroken."""
        if IS_NATIVE:
            self._run(range(0, len(data), COMMAND_SIZE), data)
        else:
            self._run(COMMAND.iter_unpack(data), data)

    def run_one(self, header: int, at_us: int, account: int, size: int, limit_ticks: int) -> None:
        """Applies one command as the next event. Raises InvariantBroken."""
        words = (header, at_us, account, size, limit_ticks)
        if IS_NATIVE:
            self._command.clear()
            self._command.put_5(words)
            self._run((0,), self._command.joined())
        else:
            self._run((words,), b"")

    def _apply(self, seq: int, header: int, at_us: int, account: int, size: int, limit_ticks: int) -> int | None:
        """The general way of the event ``seq``. Returns until when it is quiet after that."""
        orders = self._orders
        orders.seq = seq - 1
        self._plain.apply(header, at_us, account, size, limit_ticks)
        return orders.quiet_until_us()

    def _broken(self, seq: int, at_us: int, what: str) -> InvariantBroken:
        """The error to raise in that event."""
        self._orders.seq = seq
        self._orders.at_us = at_us
        return InvariantBroken(what)

    def _run(self, commands: Iterable[Any], data: bytes) -> None:
        """``commands``: of each its words, or where in ``data`` the compiled loop reads them."""
        orders, matcher, plain, is_native = self._orders, self._matcher, self._plain, IS_NATIVE
        by_number, kinds, words = orders.by_number, plain.kinds, orders.record.words
        out = words.bytes
        seq, now_us, quiet_until_us = orders.seq, orders.at_us, orders.quiet_until_us()
        for command in commands:
            if is_native:
                at: i64 = command
                header: int = read_i64_le(data, at)
                at_us: int = read_i64_le(data, at + 8)
                account: int = read_i64_le(data, at + 16)
                size: int = read_i64_le(data, at + 24)
                limit_ticks: int = read_i64_le(data, at + 32)
            else:
                header, at_us, account, size, limit_ticks = command

            seq += 1
            if at_us < now_us or (quiet_until_us is not None and at_us >= quiet_until_us):
                orders.at_us = now_us
                quiet_until_us = self._apply(seq, header, at_us, account, size, limit_ticks)
                now_us = at_us
                continue
            now_us = at_us
            kind = kinds[header]

            # An order leaves the book.
            if kind is None:
                try:
                    order = by_number[size]
                except KeyError:
                    quiet_until_us = self._apply(seq, header, at_us, account, size, limit_ticks)
                    continue
                holder = order.participant
                if header != CANCEL or order.special is not None or holder.account != account:
                    quiet_until_us = self._apply(seq, header, at_us, account, size, limit_ticks)
                    continue
                market = holder.market
                level = order.level
                lots = order.remaining_lots
                price_ticks = order.price_ticks
                if order.is_buy:
                    balance = holder.quote
                    word = market.word + BUY_WITHDRAWN
                    freed_atoms = price_ticks * lots * market.tick_lot_atoms
                    sum_before = order.fee_ppm_sum
                    sum_after = order.rates.hold_ppm * freed_atoms
                    if sum_before:
                        sum_after += sum_before
                        freed_atoms -= (sum_before + ROUND_UP) // PPM
                    freed_atoms += (sum_after + ROUND_UP) // PPM
                else:
                    balance = holder.base
                    word = market.word + WITHDRAWN
                    freed_atoms = lots * market.lot_atoms
                held_atoms = balance.held_atoms - freed_atoms
                if held_atoms < 0 or level is None:
                    what = f"order {size} is in no book, or releases more {balance.asset} than is held"
                    raise self._broken(seq, at_us, what)
                balance.held_atoms = held_atoms
                available_atoms = balance.available_atoms = balance.available_atoms + freed_atoms
                # It is gone for good, so nothing of it but its neighbours need know.
                before = order.previous
                after = order.next
                if before is not None:
                    level.lots -= lots
                    before.next = after
                    if after is not None:
                        after.previous = before
                    else:
                        level.tail = before
                elif after is not None:
                    level.lots -= lots
                    after.previous = None
                    level.head = after
                else:
                    (market.book.bids if order.is_buy else market.book.asks).close_level(level)
                del by_number[size]
                before = order.own_previous
                after = order.own_next
                if before is not None:
                    before.own_next = after
                if after is not None:
                    after.own_previous = before
                else:
                    holder.last_order = before
                holder.open_count -= 1
                if not market.is_narrow and (available_atoms >= NARROW_LIMIT or held_atoms >= NARROW_LIMIT):
                    orders.record.alone(order, balance, False)
                elif is_native:
                    words.put_7((word, size, account, price_ticks, lots, available_atoms, held_atoms))
                else:
                    out += PACK_7(word, size, account, price_ticks, lots, available_atoms, held_atoms)
                continue

            # A limit order of who has ordered here before, in a market that is as most are.
            market = kind.market
            try:
                participant = kind.participants[account]
            except KeyError:
                quiet_until_us = self._apply(seq, header, at_us, account, size, limit_ticks)
                continue
            value_atoms = limit_ticks * size * market.tick_lot_atoms
            if (
                size < market.minimum_lots
                or value_atoms < market.minimum_notional_atoms
                or value_atoms > market.simple_notional_atoms
            ):
                quiet_until_us = self._apply(seq, header, at_us, account, size, limit_ticks)
                continue
            is_buy = kind.is_buy
            level = best = kind.opposite.best
            if level is not None and (level.price_ticks > limit_ticks if is_buy else level.price_ticks < limit_ticks):
                level = None

            # There is nothing to take: it comes to rest.
            if level is None:
                open_count = participant.open_count
                if is_buy:
                    balance = participant.quote
                    held_atoms = value_atoms + (participant.rates.hold_ppm * value_atoms + ROUND_UP) // PPM
                else:
                    balance = participant.base
                    held_atoms = size * market.lot_atoms
                available_atoms = balance.available_atoms - held_atoms
                if available_atoms < 0 or open_count >= kind.most_open:
                    quiet_until_us = self._apply(seq, header, at_us, account, size, limit_ticks)
                    continue
                balance.available_atoms = available_atoms
                held_atoms = balance.held_atoms = balance.held_atoms + held_atoms
                by_number[seq] = order = Order()
                order.number = seq
                order.participant = participant
                order.is_buy = is_buy
                order.quantity_lots = size
                order.remaining_lots = size
                order.filled_quote_atoms = 0
                order.fee_ppm_sum = 0
                order.rates = participant.rates
                order.is_post_only = kind.is_post_only
                order.accepted_at_us = at_us
                order.updated_at_us = at_us
                order.special = None
                order.next = None
                order.own_next = None
                level = kind.levels.get(limit_ticks)
                if level is None:
                    order.price_ticks = limit_ticks
                    order.previous = None
                    level = kind.same.open_level(order)
                else:
                    # The same object for all of them, interpreted: what is kept once is near at hand.
                    order.price_ticks = level.price_ticks
                    before = level.tail
                    before.next = order
                    order.previous = before
                    level.tail = order
                order.level = level
                level.lots += size
                before = participant.last_order
                if before is not None:
                    before.own_next = order
                order.own_previous = before
                participant.last_order = order
                participant.open_count = open_count + 1
                if not market.is_narrow and (available_atoms >= NARROW_LIMIT or held_atoms >= NARROW_LIMIT):
                    orders.record.alone(order, balance, True)
                elif is_native:
                    words.put_7((kind.placed_word, seq, account, limit_ticks, size, available_atoms, held_atoms))
                else:
                    out += PACK_7(kind.placed_word, seq, account, limit_ticks, size, available_atoms, held_atoms)
                continue

            # It takes.
            if (
                not kind.takes
                or not market.takes_simply
                or (participant.open_count >= market.maximum_open_orders and kind.may_rest)
                or (
                    value_atoms + (participant.rates.higher_ppm * value_atoms + ROUND_UP) // PPM
                    > participant.quote.available_atoms
                    if is_buy
                    else size * market.lot_atoms > participant.base.available_atoms
                )
            ):
                quiet_until_us = self._apply(seq, header, at_us, account, size, limit_ticks)
                continue
            opposite = kind.opposite
            lot_atoms = market.lot_atoms
            tick_lot_atoms = market.tick_lot_atoms
            owner = participant.owner
            taker_ppm = participant.rates.taker_ppm
            is_narrow = market.is_narrow
            wanted = size
            quote_sum_atoms = maker_fees_atoms = last_ticks = 0
            trade = matcher.last_trade
            makers: list[Participant] = []
            if is_native:
                words.put_5((kind.taken_word, seq, account, taker_ppm, trade))
            else:
                out += PACK_5(kind.taken_word, seq, account, taker_ppm, trade)
            rank = -limit_ticks if is_buy else limit_ticks
            while True:
                maker = level.head
                other = maker.participant
                maker_rates = maker.rates
                if maker.special is not None or other.owner == owner or maker_rates.gives_rebate:
                    break
                last_ticks = level.price_ticks
                left = maker.remaining_lots
                lots = wanted if wanted < left else left
                quote_atoms = last_ticks * lots * tick_lot_atoms
                # A plain maker at its own price: what its hold shrinks by is what it pays.
                sum_before = maker.fee_ppm_sum
                sum_after = sum_before + maker_rates.maker_ppm * quote_atoms
                fee_atoms = (sum_after + ROUND_UP) // PPM
                uneven = 1 if sum_after % PPM else 0
                if sum_before:
                    fee_atoms -= (sum_before + ROUND_UP) // PPM
                    if sum_before % PPM:
                        uneven -= 1
                if is_buy:
                    paying = other.base
                    receiving = other.quote
                    held_atoms = paying.held_atoms - lots * lot_atoms
                    got_atoms = receiving.available_atoms + quote_atoms - fee_atoms
                else:
                    paying = other.quote
                    receiving = other.base
                    held_atoms = paying.held_atoms - quote_atoms - fee_atoms
                    got_atoms = receiving.available_atoms + lots * lot_atoms
                available_atoms = paying.available_atoms
                held_too_atoms = receiving.held_atoms
                if not is_narrow and (
                    available_atoms >= NARROW_LIMIT
                    or held_atoms >= NARROW_LIMIT
                    or got_atoms >= NARROW_LIMIT
                    or held_too_atoms >= NARROW_LIMIT
                ):
                    break
                if held_atoms < 0:
                    what = f"order {maker.number} held too little for trade {trade + 1}"
                    raise self._broken(seq, at_us, what)
                paying.held_atoms = held_atoms
                receiving.available_atoms = got_atoms
                number = maker.number
                left -= lots
                if left:
                    maker.remaining_lots = left
                    level.lots -= lots
                    maker.fee_ppm_sum = sum_after
                    maker.filled_quote_atoms += quote_atoms
                    maker.updated_at_us = at_us
                else:
                    # It is gone for good, so nothing of it but its neighbours need know.
                    del by_number[number]
                    before = maker.own_previous
                    after = maker.own_next
                    if before is not None:
                        before.own_next = after
                    if after is not None:
                        after.own_previous = before
                    else:
                        other.last_order = before
                    other.open_count -= 1
                    after = maker.next
                    if after is not None:
                        after.previous = None
                        level.head = after
                        level.lots -= lots
                    else:
                        opposite.close_level(level)
                        level = opposite.best
                trade += 1
                quote_sum_atoms += quote_atoms
                maker_fees_atoms += fee_atoms
                makers.append(other)
                owned = other.account
                if is_native:
                    words.put_5((last_ticks, lots, number, owned, fee_atoms))
                    words.put_6((left, uneven, available_atoms, held_atoms, got_atoms, held_too_atoms))
                else:
                    out += PACK_11(
                        last_ticks,
                        lots,
                        number,
                        owned,
                        fee_atoms,
                        left,
                        uneven,
                        available_atoms,
                        held_atoms,
                        got_atoms,
                        held_too_atoms,
                    )
                wanted -= lots
                if wanted == 0 or level is None or level.rank < rank:
                    break
            if wanted == 0 and not kind.waiting:
                fee_atoms = (taker_ppm * quote_sum_atoms + ROUND_UP) // PPM
                if is_buy:
                    paying = participant.quote
                    receiving = participant.base
                    available_atoms = paying.available_atoms - quote_sum_atoms - fee_atoms
                    got_atoms = receiving.available_atoms + size * lot_atoms
                else:
                    paying = participant.base
                    receiving = participant.quote
                    available_atoms = paying.available_atoms - size * lot_atoms
                    got_atoms = receiving.available_atoms + quote_sum_atoms - fee_atoms
                if available_atoms < 0:
                    raise self._broken(seq, at_us, f"order {seq} overspent {paying.asset}")
                held_atoms = paying.held_atoms
                held_too_atoms = receiving.held_atoms
                if is_narrow or (
                    available_atoms < NARROW_LIMIT
                    and held_atoms < NARROW_LIMIT
                    and got_atoms < NARROW_LIMIT
                    and held_too_atoms < NARROW_LIMIT
                ):
                    paying.available_atoms = available_atoms
                    receiving.available_atoms = got_atoms
                    matcher.last_trade = trade
                    house = market.house
                    if house is None:
                        matcher.pay_house(market, maker_fees_atoms + fee_atoms)
                    else:
                        house.available_atoms += maker_fees_atoms + fee_atoms
                    market.last_ticks = last_ticks
                    if is_native:
                        words.put_5((IS_ALL, available_atoms, held_atoms, got_atoms, held_too_atoms))
                    else:
                        out += PACK_5(IS_ALL, available_atoms, held_atoms, got_atoms, held_too_atoms)
                    continue
            words.put_1(GOES_ON)
            orders.seq = seq
            orders.at_us = now_us
            taker = Taker(seq, participant, is_buy, wanted, 0, rank, NEWEST, taker_ppm, 0)
            taker.filled_lots = size - wanted
            taker.quote_atoms = quote_sum_atoms
            taker.maker_fees_atoms = maker_fees_atoms
            taker.last_ticks = last_ticks
            matcher.last_trade = trade
            for other in makers:
                taker.told.append(other.base if is_buy else other.quote)
                taker.told.append(other.quote if is_buy else other.base)
            if makers and best is not None:
                taker.first_ticks = best.price_ticks
            plain.go_on(kind, taker, limit_ticks)
            self._consequences.finish()
            quiet_until_us = orders.quiet_until_us()
        orders.seq = seq
        orders.at_us = now_us
