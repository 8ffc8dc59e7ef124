"""The channel ``level3``: the order-by-order book of a market to a depth, and to its owners where their orders stand.

Runs on the event loop.
"""

import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from msgspec import UNSET, UnsetType

from trading.engine.commands import Side
from trading.instruments import Market
from trading.live import LiveState
from trading.shapes.texts import at_text

from . import messages
from .client import Client
from .feeds import PublicFeed
from .level3 import Change, Queues, Resting
from .shapes import Level3Data, OwnPlace, RestingOrder

LEVEL3_DEPTHS = (10, 100, 1000)
SIDES: tuple[Side, Side] = ("buy", "sell")
PLACES_LIMIT = 1000
"""Beyond so many places that were told, those of closed orders are forgotten."""

Place = tuple[str, int, int, int]
"""The id in the queue, orders ahead, lots ahead, own lots."""


class Level3Feed(PublicFeed):
    """To one depth, in levels. ``owners``: the accounts of the clients that subscribed with a token."""

    def __init__(self, live: LiveState, symbol: str, depth: int) -> None:
        super().__init__("level3")
        self.owners: dict[Client, int] = {}
        self._live = live
        self._symbol = symbol
        self._depth = depth
        self._visible: dict[Side, set[int]] = {side: set() for side in SIDES}
        self._places: dict[int, dict[int, Place]] = {}
        """What was told last, by account and order."""

    def discard(self, client: Client) -> None:
        super().discard(client)
        account = self.owners.pop(client, None)
        if account not in self.owners.values():
            self._places.pop(account or 0, None)

    @property
    def is_heard(self) -> bool:
        return bool(self.owners) or super().is_heard

    def join_as(self, client: Client, account: int | None) -> None:
        """With an account the client is told of its orders too, in between, and so apart from the others."""
        self.discard(client)
        if account is None:
            self.join(client)
        else:
            self.owners[client] = account

    def post(self, text: str, sequence: int) -> None:
        super().post(text, sequence)
        for client in self.owners:
            client.post(text)

    def snapshot(self, queues: Queues, account: int | None) -> str:
        orders: dict[Side, list[RestingOrder]] = {}
        for side in SIDES:
            prices = self._prices(side)
            self._visible[side] = set(prices)
            orders[side] = [self._told(one) for price in prices for one in queues.level(side, price)]
        own: list[OwnPlace] | UnsetType = UNSET
        if account is not None:
            self._places[account] = {}
            own = self._own_places(queues, account, [(side, price) for side in SIDES for price in self._visible[side]])
        data = self._data(queues, orders["buy"], orders["sell"], own)
        return messages.snapshot("level3", [data], self._live.seq)

    def update(self, queues: Queues, changes: Sequence[Change]) -> None:
        """Tells the changes of a batch within the depth, and the orders at levels that came into it."""
        told: dict[Side, list[RestingOrder]] = {}
        touched = list(dict.fromkeys((change.side, change.price_ticks) for change in changes))
        for side in SIDES:
            prices, before = self._prices(side), self._visible[side]
            self._visible[side] = now = set(prices)
            told[side] = [
                self._change(change)
                for change in changes
                if change.side == side
                and change.price_ticks in before
                and (change.price_ticks in now or not queues.has_level(side, change.price_ticks))
            ]
            for price in prices:
                if price not in before:
                    touched.append((side, price))
                    told[side] += [self._told(one, "add") for one in queues.level(side, price)]
        if told["buy"] or told["sell"]:
            self.tell([self._data(queues, told["buy"], told["sell"])], self._live.seq)
        self._tell_owners(queues, touched)

    def _tell_owners(self, queues: Queues, touched: Sequence[tuple[Side, int]]) -> None:
        for account in set(self.owners.values()):
            own = self._own_places(queues, account, touched)
            if own:
                data = self._data(queues, [], [], own)
                text = messages.update("level3", [data], self._live.seq, self.last_sequence)
                for client, owner in self.owners.items():
                    if owner == account:
                        client.post(text)

    def _own_places(self, queues: Queues, account: int, levels: Iterable[tuple[Side, int]]) -> list[OwnPlace]:
        """Where the account's orders at these levels stand, those that do not stand where they were told to."""
        known = self._places.setdefault(account, {})
        if len(known) > PLACES_LIMIT:
            for number in [number for number in known if self._live.order_by_seq(number) is None]:
                del known[number]
        told = []
        for side, price in levels:
            if price not in self._visible[side]:
                continue
            lots = 0
            for ahead, one in enumerate(queues.level(side, price)):
                place = one.public_id, ahead, lots, one.lots
                if one.account == account and known.get(one.number) != place:
                    known[one.number] = place
                    told.append(self._own_place(one, ahead, lots))
                lots += one.lots
        return told

    def _own_place(self, one: Resting, orders_ahead: int, lots_ahead: int) -> OwnPlace:
        order, market = self._live.order_by_seq(one.number), self._market
        if order is None:
            raise RuntimeError(f"order {one.number} is in the book, but not open")
        return OwnPlace(
            order.order_id,
            order.client_order_id,
            one.public_id,
            one.side,
            messages.raw(market.price(one.price_ticks)),
            messages.raw(market.quantity(one.lots)),
            orders_ahead,
            messages.raw(market.quantity(lots_ahead)),
        )

    def _data(
        self,
        queues: Queues,
        bids: list[RestingOrder],
        asks: list[RestingOrder],
        own: list[OwnPlace] | UnsetType = UNSET,
    ) -> Level3Data:
        return Level3Data(
            symbol=self._symbol,
            bids=bids,
            asks=asks,
            checksum=self._checksum(queues),
            timestamp=at_text(self._live.at_us),
            own=own,
        )

    def _checksum(self, queues: Queues) -> int:
        """CRC-32 of the orders at the ten best asks, then bids, as ``messages.checksum`` has it of levels."""
        return zlib.crc32("".join(self._checksum_parts(queues)).encode())

    def _checksum_parts(self, queues: Queues) -> Iterator[str]:
        market = self._market
        for side in ("sell", "buy"):
            for price in self._prices(side)[: messages.CHECKSUM_LEVELS]:
                digits = messages.digits(market.price(price))
                for one in queues.level(side, price):
                    yield digits + messages.digits(market.quantity(one.lots))

    def _prices(self, side: Side) -> list[int]:
        depth = self._live.markets[self._symbol].depth
        return [price for price, _ in depth.side(side).top(self._depth)]

    @property
    def _market(self) -> Market:
        return self._live.markets[self._symbol].market

    def _told(self, one: Resting, event: Literal["add"] | UnsetType = UNSET) -> RestingOrder:
        return RestingOrder(
            event=event,
            order_id=one.public_id,
            limit_price=messages.raw(self._market.price(one.price_ticks)),
            order_qty=messages.raw(self._market.quantity(one.lots)),
            timestamp=at_text(one.at_us),
        )

    def _change(self, change: Change) -> RestingOrder:
        return RestingOrder(
            event=change.event,
            order_id=change.public_id,
            limit_price=messages.raw(self._market.price(change.price_ticks)),
            order_qty=messages.raw(self._market.quantity(change.lots)),
            timestamp=at_text(change.at_us),
        )
