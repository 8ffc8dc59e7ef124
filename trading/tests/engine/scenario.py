"""Order-book cases as tables that a trader can read: a command on the left, what it comes to on the right.

    a: alice sells 5 @ 101              | rests 5 @ 101
    bob buys 3 @ 102                    | trades 3 @ 101 with a, filled
    book                                | bids none, asks 2 @ 101

A line that starts with ``#`` is a comment, one with ``=`` a title: ``= F1 price-time priority``. The market is BTC/USD, a tick 1
dollar and a lot 0.01 BTC, so a lot at a tick is 1 cent; no fees unless the table's title line says ``fees 10/20`` (maker and
taker, in basis points). alice, bob, carol and dave own plenty; ``poor`` owns 10 dollars. A letter before a colon names an order.

Commands: ``WHO buys|sells LOTS @ PRICE``, ``… at market``, ``WHO buys for ATOMS at market``; then, in any order:
``IOC FOK GTD+SECONDS``, ``post-only``, ``post-only reprice``, ``display N``, ``cap N``, ``id TEXT``, ``keep``,
``stop N``, ``stop-limit N``, ``take-profit N``, ``take-profit-limit N`` (the trigger), ``trailing N``, ``from N`` (activation),
``peg best_bid-1``, ``prevent oldest|both|decrement``, ``by +SECONDS`` (deadline), ``or stop N``, ``or stop-limit N @ P`` (OCO),
``then limit P``, ``then stop N`` (on fill).
``WHO cancels a``, ``WHO cancels all [buy|sell]``, ``WHO disconnects``, ``WHO cancels all after SECONDS``,
``WHO amends a to LOTS @ PRICE``, ``WHO replaces a: buys …``, ``WHO replaces a anyway: buys …``, ``market STATE``,
``cancel market``, ``owner WHO WHOSE``, ``tier WHO N``, ``wait SECONDS`` (then a Tick), ``book``, ``WHO has``, ``snapshot``.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from trading.engine import outcomes as facts
from trading.engine.commands import (
    AmendOrder,
    CancelAfter,
    CancelAll,
    CancelMarket,
    CancelOrder,
    CancelReplace,
    Command,
    Credit,
    DefineAsset,
    DefineMarket,
    Event,
    FeeTier,
    Leg,
    Options,
    PlaceOrder,
    SetFeeTier,
    SetMarketState,
    SetOwner,
    SetRules,
    Tick,
)
from trading.engine.numbers import leg_of, parent_number
from trading.engine.outcomes import Outcome

PEOPLE = {"alice": 1, "bob": 2, "carol": 3, "dave": 4, "poor": 5}
MARKET = "BTC/USD"
SECOND_US = 1_000_000
START_US = 1_000 * 300 * SECOND_US
"""The beginning of a window of the reference price."""

TRIGGERS = {
    "stop": "stop",
    "stop-limit": "stop_limit",
    "take-profit": "take_profit",
    "take-profit-limit": "take_profit_limit",
}


class Exchange(Protocol):
    """An engine, or the oracle."""

    def apply(self, event: Event) -> list[Outcome]: ...


@dataclass
class Scenario:
    title: str
    lines: list[tuple[str, str]] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.title.split(";")[0].strip()


def scenarios(path: Path) -> Iterator[Scenario]:
    """The tables of a file."""
    scenario: Scenario | None = None
    for line in path.read_text().splitlines():
        text = line.strip()
        if text.startswith("="):
            if scenario is not None:
                yield scenario
            scenario = Scenario(text.strip("= "))
        elif text and not text.startswith("#"):
            command, _, expected = text.partition("|")
            assert scenario is not None, f"a line before the first title: {text}"
            scenario.lines.append((command.strip(), expected.strip()))
    if scenario is not None:
        yield scenario


class Table:
    """Runs a scenario's lines against an exchange, and tells what each comes to in words."""

    def __init__(self, exchange: Exchange, title: str, read: "Callable[[Exchange, str], str]") -> None:
        self.exchange = exchange
        self.seq = 0
        self.at_us = START_US
        self.orders: dict[str, int] = {}
        self._read = read
        for command in _listing(title):
            self._apply(command)

    def run(self, line: str) -> str:
        """What the command comes to."""
        label, _, rest = line.partition(": ") if re.match(r"[a-z]\d?: ", line) else ("", "", line)
        words = rest.split()
        if words == ["book"] or words[1:] == ["has"] or words == ["snapshot"]:
            return self._read(self.exchange, rest)
        if label:
            self.orders[label] = self.seq + 1
        return ", ".join(self._told(self._apply(self._command(words))))

    def _apply(self, command: Command) -> list[Outcome]:
        self.seq += 1
        self.at_us += 1
        return self.exchange.apply(Event(self.seq, self.at_us, command))

    # From words to commands

    def _command(self, words: list[str]) -> Command:
        match words:
            case ["market", state, *why]:
                return SetMarketState(market=MARKET, state=state, reason=" ".join(why) or "test")  # type: ignore[arg-type]
            case ["cancel", "market", *side]:
                return CancelMarket(market=MARKET, side=_side(side[0]) if side else None, reason="test")
            case ["owner", who, whose]:
                return SetOwner(account=PEOPLE[who], owner=PEOPLE[whose])
            case ["tier", who, tier]:
                return SetFeeTier(account=PEOPLE[who], tier=int(tier))
            case ["wait", seconds]:
                self.at_us += round(float(seconds) * SECOND_US)
                return Tick()
            case [who, "cancels", "all", "after", seconds]:
                return CancelAfter(account=PEOPLE[who], timeout_us=int(seconds) * SECOND_US)
            case [who, "cancels", "all", *side]:
                return CancelAll(account=PEOPLE[who], side=_side(side[0]) if side else None)
            case [who, "disconnects"]:
                return CancelAll(account=PEOPLE[who], cause="disconnect")
            case [who, "cancels", order]:
                return CancelOrder(account=PEOPLE[who], order=self._number(order))
            case [who, "amends", order, "to", *what]:
                return self._amendment(PEOPLE[who], self._number(order), what)
            case [who, "replaces", order, *what]:
                anyway = what[0] == "anyway:"
                place = self._order(PEOPLE[who], what[1:] if anyway else what)
                number = self._number(order.rstrip(":"))
                return CancelReplace(account=PEOPLE[who], order=number, place=place, stop_on_failure=not anyway)
            case [who, *what]:
                return self._order(PEOPLE[who], what)
        raise AssertionError(f"not a command: {words}")

    def _number(self, label: str) -> int:
        """An order by its letter; ``a.1`` is its first leg."""
        name, _, leg = label.partition(".")
        return self.orders.get(name, 0) | int(leg or 0) << 44

    def _amendment(self, account: int, order: int, words: list[str]) -> AmendOrder:
        fields: dict[str, int] = {}
        while words:
            match words:
                case ["@", price, *rest]:
                    fields["price_ticks"] = int(price)
                case ["trigger", price, *rest]:
                    fields["trigger_ticks"] = int(price)
                case [lots, *rest]:
                    fields["quantity_lots"] = int(lots)
                case _:
                    raise AssertionError(words)
            words = rest
        return AmendOrder(account=account, order=order, **fields)

    def _order(self, account: int, words: list[str]) -> PlaceOrder:
        fields: dict[str, Any] = {
            "account": account,
            "market": MARKET,
            "side": _side(words[0]),
            "type": "limit",
            "time_in_force": "GTC",
        }
        options: dict[str, Any] = {}
        rest = words[1:]
        while rest:
            rest = self._take_words(rest, fields, options)
        return PlaceOrder(**fields, options=Options(**options) if options else None)

    def _take_words(self, words: list[str], fields: dict[str, Any], options: dict[str, Any]) -> list[str]:
        """Takes the next words of an order; returns those after."""
        match words:
            case ["@", price, *rest]:
                fields["price_ticks"] = int(price)
            case ["cap", price, *rest]:
                fields["price_ticks"] = int(price)
            case ["for", atoms, *rest]:
                fields["budget_atoms"] = int(atoms)
            case ["at", "market", *rest]:
                fields |= {"type": "market", "time_in_force": "IOC"}
            case [("IOC" | "FOK") as time_in_force, *rest]:
                fields["time_in_force"] = time_in_force
            case ["post-only", "reprice", *rest]:
                fields["post_only"] = "reprice"
            case ["post-only", *rest]:
                fields["post_only"] = "reject"
            case ["id", client_order_id, *rest]:
                fields["client_order_id"] = client_order_id
            case ["keep", *rest]:
                options["keep_on_disconnect"] = True
            case ["or" | "then" as link, kind, number, "@", price, *rest]:
                _bind(options, link, Leg(type=TRIGGERS[kind], trigger_ticks=int(number), price_ticks=int(price)))  # type: ignore[arg-type]
            case ["or" | "then" as link, kind, number, *rest]:
                _bind(options, link, _leg(kind, int(number)))
            case [word, value, *rest]:
                self._take_option(word, value, fields, options)
            case [word] if word.startswith("GTD+"):
                rest = []
                self._take_option(word, "", fields, options)
            case [lots]:
                fields["quantity_lots"], rest = int(lots), []
            case _:
                raise AssertionError(words)
        if words[0].isdigit() or words[0].startswith("GTD+"):
            return words[1:]
        return rest

    def _take_option(self, word: str, value: str, fields: dict[str, Any], options: dict[str, Any]) -> None:
        if word.isdigit():
            fields["quantity_lots"] = int(word)
        elif word.startswith("GTD+"):
            fields["time_in_force"] = "GTD"
            options["expires_at_us"] = self.at_us + int(word[4:]) * SECOND_US
        elif word in TRIGGERS:
            fields["type"], options["trigger_ticks"] = TRIGGERS[word], int(value)
        elif word == "trailing":
            fields["type"], options["trailing_ticks"] = "trailing_stop", int(value)
        elif word == "from":
            options["trigger_ticks"] = int(value)
        elif word == "display":
            options["display_lots"] = int(value)
        elif word == "prevent":
            options["self_trade_prevention"] = value if value == "decrement" else f"cancel_{value}"
        elif word == "by":
            options["deadline_us"] = self.at_us + int(value) * SECOND_US
        elif word == "peg":
            peg, _, offset = re.match(r"(best_bid|best_offer)([+-]?)(\d*)", value).groups()  # type: ignore[union-attr]
            options |= {"peg": peg, "peg_offset_ticks": int(offset or 0)}
        else:
            raise AssertionError(f"what is {word}?")

    # From outcomes to words

    def _told(self, outcomes: list[Outcome]) -> list[str]:
        told = []
        for outcome in outcomes:
            words = self._words(outcome)
            if words:
                told.append(words)
        return told

    def _name(self, number: int) -> str:
        """The order's letter; empty for the order that this line places."""
        if parent_number(number) == self.seq and not leg_of(number):
            return ""
        names = [name for name, known in self.orders.items() if known == parent_number(number)]
        leg = f".{leg_of(number)}" if leg_of(number) else ""
        return f"{names[0] if names else parent_number(number)}{leg} "

    def _words(self, outcome: Outcome) -> str:
        match outcome:
            case facts.OrderAccepted() | facts.BalanceChanged():
                return ""
            case facts.Filled(taker_order=taker, maker_order=maker, price_ticks=price, quantity_lots=lots) as fill:
                fees = f" for {fill.taker_fee_atoms}/{fill.maker_fee_atoms}" if self._has_fees(fill) else ""
                return f"{self._name(taker)}trades {lots} @ {price} with {self._name(maker).strip()}{fees}"
            case facts.OrderFilled(order=order):
                return f"{self._name(order)}filled"
            case facts.OrderRested(order=order, price_ticks=price, remaining_lots=lots):
                return f"{self._name(order)}rests {lots} @ {price}"
            case facts.OrderRejected(order=order, reason=reason):
                return f"{self._name(order)}rejected {reason.value}"
            case facts.CommandRejected(reason=reason):
                return f"refused {reason.value}"
            case facts.OrderCancelled(order=order, remaining_lots=lots, reason=reason):
                return f"{self._name(order)}cancelled{'' if lots is None else f' {lots}'} {reason.value}"
            case facts.OrderWaiting(order=order, trigger_ticks=trigger):
                return f"{self._name(order)}waits" + ("" if trigger is None else f" for {trigger}")
            case facts.OrderTriggered(order=order, price_ticks=price):
                return f"{self._name(order)}triggered by {price}"
            case facts.OrderRefreshed(order=order, display_lots=lots):
                return f"{self._name(order)}shows {lots}"
            case facts.OrderRepriced(order=order, price_ticks=price):
                return f"{self._name(order)}moves to {price}"
            case _:
                return self._rare_words(outcome)

    def _rare_words(self, outcome: Outcome) -> str:
        match outcome:
            case facts.OrderAmended(order=order, quantity_lots=lots, price_ticks=price, kept_place=kept):
                return f"{self._name(order)}amended to {lots} @ {price}{' in its place' if kept else ''}"
            case facts.SelfTradePrevented(maker_order=maker, prevented_lots=lots):
                return f"prevented {lots} with {self._name(maker).strip()}"
            case facts.AuctionUncrossed(price_ticks=price, quantity_lots=lots):
                return f"uncrosses {lots} @ {price}"
            case facts.MarketStateChanged(state=state, reason=reason):
                return f"market {state}" + ("" if reason == "test" else f" ({reason})")
            case facts.LegPlaced(order=order, side=side, type=kind, quantity_lots=lots):
                return f"{self._name(order)}placed: {side} {lots} {kind}"
            case facts.CancelAfterSet(due_us=due):
                return "off" if due is None else "armed"
            case facts.OwnerSet() | facts.FeeTierSet():
                return "set"
        raise AssertionError(outcome)

    def _has_fees(self, fill: facts.Filled) -> bool:
        return bool(fill.taker_fee_atoms or fill.maker_fee_atoms)


def _side(word: str) -> Any:
    return {"buys": "buy", "sells": "sell", "buy": "buy", "sell": "sell"}[word]


def _leg(kind: str, number: int) -> Leg:
    if kind == "limit":
        return Leg(type="limit", price_ticks=number)
    if kind == "trailing":
        return Leg(type="trailing_stop", trailing_ticks=number)
    return Leg(type=TRIGGERS[kind], trigger_ticks=number)  # type: ignore[arg-type]


def _bind(options: dict[str, Any], link: str, leg: Leg) -> None:
    if link == "or":
        options["oco"] = leg
    else:
        options["on_fill"] = (*options.get("on_fill", ()), leg)


def _listing(title: str) -> Iterator[Command]:
    """The market as the title's words ask for it, and everybody's funds."""
    settings = dict(re.findall(r"(fees|band|breaker|minimum|notional|at most) ([\d/-]+)", title))
    tiers = [tuple(100 * int(rate) for rate in tier.split("/")) for tier in settings.get("fees", "0/0").split(" ")]
    yield SetRules(version=2)
    yield DefineAsset(asset="BTC", name="Bitcoin", kind="crypto", decimals=8, trading_decimals=8)
    yield DefineAsset(asset="USD", name="US dollar", kind="fiat", decimals=2, trading_decimals=2)
    yield DefineMarket(
        market=MARKET,
        base="BTC",
        quote="USD",
        tick_atoms=100,
        lot_atoms=10**6,
        minimum_lots=int(settings.get("minimum", 1)),
        minimum_notional_atoms=int(settings.get("notional", 1)),
        maximum_open_orders=int(settings.get("at most", 100)),
        fee_tiers=tuple(FeeTier(maker_ppm=maker, taker_ppm=taker) for maker, taker in tiers),
        price_band_ppm=int(settings["band"]) * 10_000 if "band" in settings else None,
        breaker_ppm=int(settings["breaker"]) * 10_000 if "breaker" in settings else None,
    )
    for who, account in PEOPLE.items():
        usd, btc = (1_000, 0) if who == "poor" else (10**12, 10**12)
        for asset, amount in (("USD", usd), ("BTC", btc)):
            if amount:
                yield Credit(account=account, asset=asset, amount_atoms=amount, source="faucet", reference="test")
