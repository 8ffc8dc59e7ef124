"""Clients of the stream by the recipes of docs/api.md, and nothing else: they know only the messages, as decoded JSON.

Decimal numbers are kept as the text that came.
"""

import zlib
from decimal import Decimal
from typing import Any

CHECKSUM_LEVELS = 10


class GapSeen(Exception):
    """An update follows one that was never read."""


class Follower:
    """Reads the messages of one subscription and sees what is missing."""

    def __init__(self) -> None:
        self.sequence = 0

    def follow(self, message: dict[str, Any]) -> None:
        """Raises GapSeen."""
        if message["type"] == "update" and message["previous_sequence"] > self.sequence:
            raise GapSeen(message)
        self.sequence = message["sequence"]


class Book(Follower):
    """Set what an update says, cut at the depth."""

    def __init__(self, depth: int) -> None:
        super().__init__()
        self.depth = depth
        self.sides: dict[str, dict[str, str]] = {"bids": {}, "asks": {}}

    def apply(self, message: dict[str, Any]) -> None:
        self.follow(message)
        (data,) = message["data"]
        for side, levels in self.sides.items():
            if message["type"] == "snapshot":
                levels.clear()
            for change in data[side]:
                if Decimal(change["qty"]) == 0:
                    levels.pop(change["price"], None)
                else:
                    levels[change["price"]] = change["qty"]
            self.sides[side] = dict(self.best(side))
        assert self.checksum() == data["checksum"], message

    def best(self, side: str) -> list[tuple[str, str]]:
        ordered = sorted(self.sides[side].items(), key=lambda level: Decimal(level[0]), reverse=side == "bids")
        return ordered[: self.depth]

    def checksum(self) -> int:
        text = ""
        for side in ("asks", "bids"):
            for price, quantity in self.best(side)[:CHECKSUM_LEVELS]:
                text += digits(price) + digits(quantity)
        return zlib.crc32(text.encode())


class Orders(Follower):
    """The book order by order: add at the end of the queue, modify in place, delete; cut at the depth."""

    def __init__(self, depth: int) -> None:
        super().__init__()
        self.depth = depth
        self.sides: dict[str, dict[str, dict[str, str]]] = {"bids": {}, "asks": {}}
        self.own: dict[str, tuple[str, int, str]] = {}
        """By the order's real id: its id in the queue, and the orders and the quantity ahead of it."""
        self.events = 0

    def apply(self, message: dict[str, Any]) -> None:
        self.follow(message)
        (data,) = message["data"]
        for side, levels in self.sides.items():
            if message["type"] == "snapshot":
                levels.clear()
            for order in data[side]:
                self.events += 1
                level = levels.setdefault(order["limit_price"], {})
                event = order.get("event", "add")
                assert (order["order_id"] in level) is (event != "add"), message
                if event == "delete":
                    del level[order["order_id"]]
                else:
                    level[order["order_id"]] = order["order_qty"]
                if not level:
                    del levels[order["limit_price"]]
            self.sides[side] = dict(self.best(side))
        for own in data.get("own", []):
            self.own[own["order_id"]] = own["resting_id"], own["orders_ahead"], own["qty_ahead"]
        assert self.checksum() == data["checksum"], message

    def best(self, side: str) -> list[tuple[str, dict[str, str]]]:
        ordered = sorted(self.sides[side].items(), key=lambda level: Decimal(level[0]), reverse=side == "bids")
        return ordered[: self.depth]

    def queues(self, side: str) -> list[tuple[str, str]]:
        """(price, quantity) of every order, best and oldest first."""
        return [(price, quantity) for price, orders in self.best(side) for quantity in orders.values()]

    def places(self) -> dict[str, tuple[int, Decimal]]:
        """By id in the queue: how many orders, and how much, stand before."""
        found = {}
        for side in self.sides:
            for _, orders in self.best(side):
                ahead = Decimal(0)
                for place, (order_id, quantity) in enumerate(orders.items()):
                    found[order_id] = place, ahead
                    ahead += Decimal(quantity)
        return found

    def checksum(self) -> int:
        text = ""
        for side in ("asks", "bids"):
            for price, orders in self.best(side)[:CHECKSUM_LEVELS]:
                text += "".join(digits(price) + digits(quantity) for quantity in orders.values())
        return zlib.crc32(text.encode())


def digits(text: str) -> str:
    return text.replace(".", "").lstrip("0")
