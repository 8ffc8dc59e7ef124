"""Orders under load, with a record of everything that was sent and everything that the server said of it.

``Load`` runs one thread for each trader. ``audit`` compares the record with what the server has afterwards.
"""

import random
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Self

import httpx

from tests.server import Server, Trader

PAGE = 1000
CANCEL_SHARE = 0.3
FINAL = ("filled", "cancelled", "rejected")


@dataclass(slots=True)
class Attempt:
    """One order that was sent, and the last that was heard of it: ``order`` or ``refusal``, neither if nothing was."""

    client_order_id: str
    body: dict[str, str]
    order: dict[str, Any] | None = None
    refusal: dict[str, Any] | None = None
    cancel_sent: bool = False

    @property
    def is_acknowledged(self) -> bool:
        return self.order is not None or self.refusal is not None


@dataclass(slots=True)
class Desk:
    """A trader with all that it ever sent."""

    trader: Trader
    attempts: list[Attempt] = field(default_factory=list)

    def open_attempts(self) -> list[Attempt]:
        return [a for a in self.attempts if a.order and a.order["status"] == "open" and not a.cancel_sent]


@dataclass(slots=True)
class Audit:
    """What was found wrong: acknowledged and not there, there twice, there and never sent, there in an earlier state."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    contradicted: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.doubled or self.foreign or self.contradicted)


class Load:
    """Threads that place and cancel until ``stop``, or, unless ``stubborn``, until the server is gone."""

    def __init__(self, desks: Iterable[Desk], *, seed: int, stubborn: bool = False) -> None:
        self.statuses: Counter[int] = Counter()
        self.surprises: list[str] = []
        self.acknowledged = 0
        self._stubborn = stubborn
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._trade, args=(desk, random.Random(f"{seed} {number}")), daemon=True)
            for number, desk in enumerate(desks)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _trade(self, desk: Desk, rng: random.Random) -> None:
        while not self._stop.is_set():
            candidates = desk.open_attempts()
            act = self._cancel if candidates and rng.random() < CANCEL_SHARE else self._place
            attempt = rng.choice(candidates) if act == self._cancel else new_attempt(desk, rng)
            try:
                act(desk, attempt)
            except httpx.TransportError:
                if not self._stubborn:
                    return
                self._stop.wait(0.02)

    def _place(self, desk: Desk, attempt: Attempt) -> None:
        desk.attempts.append(attempt)
        answer = desk.trader.post("/trade/orders", attempt.body)
        self._note(answer)
        if answer.status_code in (200, 201):
            attempt.order = answer.json()
        elif answer.status_code == 422:
            attempt.refusal = answer.json()

    def _cancel(self, desk: Desk, attempt: Attempt) -> None:
        attempt.cancel_sent = True
        answer = desk.trader.http.delete(f"/trade/orders/client:{attempt.client_order_id}")
        self._note(answer)
        if answer.status_code == 200:
            attempt.order = answer.json()

    def _note(self, answer: httpx.Response) -> None:
        self.statuses[answer.status_code] += 1
        self.acknowledged += answer.status_code in (200, 201, 422)
        if answer.status_code not in (200, 201, 422, 503):
            self.surprises.append(answer.text)


def new_attempt(desk: Desk, rng: random.Random) -> Attempt:
    """A limit order close to the middle: some trade, some rest, a few are beyond the trader's means."""
    client_order_id = f"{desk.trader.email.split('@')[0]}-{len(desk.attempts)}"
    side = rng.choice(("buy", "sell"))
    body = {
        "market": "BTC/USD",
        "side": side,
        "type": "limit",
        "quantity": rng.choice(("0.00512", "0.1", "0.25000", "500")),
        "price": f"{1000 + rng.randrange(-6, 7)}.{rng.randrange(100):02}",
        "client_order_id": client_order_id,
    }
    return Attempt(client_order_id, body)


def orders_of(trader: Trader) -> list[dict[str, Any]]:
    """Every order of the trader, open and closed, by pages."""
    orders: list[dict[str, Any]] = []
    for status in ("open", "closed"):
        cursor: dict[str, str] = {}
        while True:
            page = trader.get("/trade/orders", status=status, limit=PAGE, **cursor)
            orders += page["items"]
            if page["next_cursor"] is None:
                break
            cursor = {"cursor": page["next_cursor"]}
    return orders


def audit(desks: Iterable[Desk]) -> Audit:
    """Compares what the desks know with what the server has, on a server that nobody trades at."""
    found = Audit()
    for desk in desks:
        orders = orders_of(desk.trader)
        there = {order["client_order_id"]: order for order in orders}
        counts = Counter(order["client_order_id"] for order in orders)
        found.doubled += [name for name, count in counts.items() if count > 1]
        found.foreign += sorted(there.keys() - {attempt.client_order_id for attempt in desk.attempts})
        for attempt in desk.attempts:
            order = there.get(attempt.client_order_id)
            if attempt.is_acknowledged and order is None:
                found.lost.append(attempt.client_order_id)
            elif order is not None and not _continues(attempt, order):
                found.contradicted.append(f"{attempt} is {order}")
    return found


def _continues(attempt: Attempt, order: dict[str, Any]) -> bool:
    """Whether the order can have become what it is now from what was heard of it."""
    if attempt.refusal is not None:
        same = (order["id"], order["sequence"]) == (attempt.refusal["order_id"], attempt.refusal["sequence"])
        return same and (order["status"], order["reason"]) == ("rejected", attempt.refusal["code"])
    if attempt.order is None:
        return bool(order["price"] == attempt.body["price"] and order["side"] == attempt.body["side"])
    heard = attempt.order
    if heard["status"] in FINAL:
        return {**order, "fills": []} == {**heard, "fills": []}
    lasting = ("id", "market", "side", "type", "price", "quantity", "time_in_force", "created_at")
    if any(order[name] != heard[name] for name in lasting) or order["status"] not in ("open", "filled", "cancelled"):
        return False
    if order["status"] == "cancelled" and not attempt.cancel_sent:
        return False
    return bool(order["sequence"] >= heard["sequence"] and order["filled_quantity"] >= heard["filled_quantity"])


def repeat_unknown(desks: Iterable[Desk]) -> list[str]:
    """Sends every order of unknown outcome twice more; the client order ids that did not give exactly one order."""
    wrong = []
    for desk in desks:
        there = {order["client_order_id"] for order in orders_of(desk.trader)}
        for attempt in desk.attempts:
            if attempt.is_acknowledged:
                continue
            answers = [desk.trader.post("/trade/orders", attempt.body) for _ in range(2)]
            ids = [_order_id(answer) for answer in answers]
            created = [answer.status_code == 201 for answer in answers]
            is_new = answers[0].status_code != 422 and attempt.client_order_id not in there
            if ids[0] is None or ids[0] != ids[1] or created != [is_new, False]:
                wrong.append(attempt.client_order_id)
            elif answers[1].status_code == 200:
                attempt.order = answers[1].json()
            else:
                attempt.refusal = answers[1].json()
    return wrong


def _order_id(answer: httpx.Response) -> str | None:
    body = answer.json()
    order_id: str | None = body["order_id"] if answer.status_code == 422 else body.get("id")
    return order_id


def open_desks(server: Server, count: int) -> list[Desk]:
    return [Desk(server.trader(BTC="100", USD="1000000")) for _ in range(count)]
