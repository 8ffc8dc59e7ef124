"""Orders as a flow draws them: every type, with options that meet, and some that are no orders at all."""

import random
from dataclasses import replace
from typing import Any

from trading.engine.commands import Leg, Options, PlaceOrder, Side

from .profiles import (
    DEADLINES_US,
    DELAYS_US,
    LOTS,
    MARKETS,
    MODES,
    PEGS,
    PRICES,
    SOL_USD,
    TIMES_IN_FORCE,
    TRIGGER_TYPES,
    Profile,
    Weights,
)


class Orders:
    """Draws orders at the time ``now``. The methods named in a profile's ``orders`` each draw one kind."""

    def __init__(self, seed: int, profile: Profile) -> None:
        self.draw = random.Random(seed)
        self.profile = profile
        self.now = self.draw.choice((0, 1_000_000_000))

    # Drawing

    def pick(self, weights: Weights) -> Any:
        return self.draw.choices(list(weights), list(weights.values()))[0]

    def happens(self, option: str) -> bool:
        return self.draw.randrange(100) < self.profile.options[option]

    def account(self) -> int:
        return self.draw.choice(self.profile.accounts)

    def market(self) -> str:
        return "DOGE/USD" if self.draw.randrange(150) == 0 else self.draw.choice(MARKETS)

    def side(self) -> Side:
        return self.draw.choice(("buy", "sell"))

    def some_side(self) -> Side | None:
        return self.draw.choice((None, "buy", "sell"))

    def lots(self) -> int:
        return self.draw.choice((*LOTS, self.draw.randint(1, 30)))

    def prices(self, market: str) -> tuple[int, int]:
        low, high = PRICES.get(market, (1, 12))
        if self.profile.spread == 1 or market == SOL_USD.market:
            return low, high
        return low, high * self.profile.spread

    def price(self, market: str, side: Side | None = None) -> int:
        """Anywhere; for a side mostly where such orders rest."""
        low, high = self.prices(market)
        middle = (low + high) // 2
        if side is not None and self.draw.randrange(10) < 4:
            low, high = (low, middle) if side == "buy" else (middle, high)
        return self.draw.randint(low, high)

    # Orders

    def options(self, command: PlaceOrder, **options: Any) -> PlaceOrder:
        """The order with these options, and some that any order may have."""
        if self.happens("mode"):
            options["self_trade_prevention"] = self.pick(MODES)
        if self.happens("keep"):
            options["keep_on_disconnect"] = True
        if self.happens("deadline"):
            options["deadline_us"] = self.now + self.pick(DEADLINES_US)
        if command.time_in_force == "GTD":
            options["expires_at_us"] = self.now + self.pick(DELAYS_US)
        if self.happens("on_fill") and options.get("oco") is None and options.get("peg") is None:
            options["on_fill"] = self.bracket(command.market, "sell" if command.side == "buy" else "buy")
        return replace(command, options=Options(**options)) if options else command

    def plain(self, market: str, account: int, times: Weights | None = None) -> PlaceOrder:
        side = self.side()
        return PlaceOrder(
            account=account,
            market=market,
            side=side,
            type="limit",
            time_in_force=self.pick(times or self.profile.times_in_force),
            quantity_lots=self.lots(),
            price_ticks=self.price(market, side),
        )

    def staying(self, market: str, account: int) -> PlaceOrder:
        return self.plain(market, account, {"GTC": 4, "GTD": 1 if "GTD" in self.profile.times_in_force else 0})

    def limit(self, market: str, account: int) -> PlaceOrder:
        return self.options(self.plain(market, account))

    def post_only(self, market: str, account: int) -> PlaceOrder:
        command = replace(self.staying(market, account), post_only=self.draw.choice(("reject", "reprice")))
        return self.options(command)

    def iceberg(self, market: str, account: int) -> PlaceOrder:
        command = replace(self.staying(market, account), quantity_lots=self.draw.choice((5, 8, 13, 21, 34)))
        return self.options(command, display_lots=self.draw.choice((1, 2, 3, 5, 8)))

    def at_market(self, market: str, account: int) -> PlaceOrder:
        command = self.plain(market, account, {"IOC": 6, "FOK": 1})
        price = command.price_ticks if self.draw.randrange(3) == 0 else None
        return replace(command, type="market", price_ticks=price)

    def market_order(self, market: str, account: int) -> PlaceOrder:
        return self.options(self.at_market(market, account))

    def budget_order(self, market: str, account: int) -> PlaceOrder:
        command = replace(self.at_market(market, account), side="buy", time_in_force="IOC", quantity_lots=None)
        return self.options(replace(command, budget_atoms=self.draw.randint(20, 3_000)))

    def trigger(self, market: str, account: int) -> PlaceOrder:
        command = replace(self.staying(market, account), **self.terms(market))
        if command.type in ("stop_limit", "take_profit_limit"):
            if self.draw.randrange(3) == 0:
                command = replace(command, time_in_force="IOC")
        elif command.side == "buy" and self.draw.randrange(3) == 0:
            command = replace(command, quantity_lots=None, budget_atoms=self.draw.randint(20, 2_000))
        elif command.side == "sell" and self.draw.randrange(2) == 0:
            command = replace(command, price_ticks=None)
        options = {"trigger_ticks": self.price(market)}
        if command.type == "trailing_stop":
            options = self.trail(market)
        return self.options(command, **options)

    def terms(self, market: str) -> dict[str, Any]:
        """Type and a price far enough to be a cap that mostly trades."""
        return {"type": self.pick(TRIGGER_TYPES), "price_ticks": self.price(market)}

    def trail(self, market: str) -> dict[str, Any]:
        activation = {} if self.draw.randrange(2) else {"trigger_ticks": self.price(market)}
        return {"trailing_ticks": self.draw.choice((1, 1, 2, 3, 5)), **activation}

    def peg(self, market: str, account: int) -> PlaceOrder:
        command = self.staying(market, account)
        price = self.draw.choice((self.price(market), self.prices(market)[command.side == "buy"]))
        return self.options(
            replace(command, price_ticks=price), peg=self.pick(PEGS), peg_offset_ticks=self.draw.choice((0, 1, 1, 2, 3))
        )

    def oco(self, market: str, account: int) -> PlaceOrder:
        command = self.staying(market, account)
        if self.draw.randrange(6) == 0:
            command = replace(command, post_only=self.draw.choice(("reject", "reprice")))
        return self.options(command, oco=self.leg(market, command.side))

    def leg(self, market: str, side: Side) -> Leg:
        type_ = self.pick(TRIGGER_TYPES)
        needs_price = side == "buy" or type_ in ("stop_limit", "take_profit_limit") or self.draw.randrange(4) == 0
        price = self.price(market, side) if needs_price else None
        if type_ == "trailing_stop":
            return Leg(type=type_, price_ticks=price, **self.trail(market))
        return Leg(type=type_, price_ticks=price, trigger_ticks=self.price(market))

    def bracket(self, market: str, side: Side) -> tuple[Leg, ...]:
        limit, trigger = Leg(type="limit", price_ticks=self.price(market, side)), self.leg(market, side)
        return self.draw.choice(((limit,), (trigger,), (limit, trigger), (limit, trigger)))

    def huge(self, market: str, account: int) -> PlaceOrder:
        """An order but for one number."""
        command = self.options(self.staying(market, account))
        number = self.draw.choice((10**12, 10**12 + 1))
        if self.draw.randrange(2) == 0:
            return replace(command, quantity_lots=number)
        return replace(command, price_ticks=number)

    def spoiled(self, market: str, account: int) -> PlaceOrder:
        """An order with one field that does not belong to it, or may not be what it is."""
        kind = self.draw.choice(("limit", "iceberg", "market_order", "budget_order", "trigger", "peg", "oco"))
        command: PlaceOrder = getattr(self, kind)(market, account)
        fields = (
            {"quantity_lots": None},
            {"quantity_lots": 0},
            {"budget_atoms": 100},
            {"price_ticks": None},
            {"price_ticks": 0},
            {"post_only": self.draw.choice(("reject", "reprice"))},
            {"time_in_force": self.pick(TIMES_IN_FORCE)},
            {"type": self.draw.choice(("market", *TRIGGER_TYPES))},
        )
        options: tuple[dict[str, Any], ...] = (
            {"expires_at_us": self.draw.choice((0, self.now + 1_000))},
            {"deadline_us": 0},
            {"display_lots": self.draw.choice((0, 1, 40))},
            {"trigger_ticks": self.draw.choice((0, 3))},
            {"trailing_ticks": self.draw.choice((0, 3))},
            {"peg": self.pick(PEGS)},
            {"peg_offset_ticks": self.draw.choice((-1, 1, 10**12 + 1))},
            {"oco": self.wrong_leg(market)},
            {"oco": self.leg(market, "buy")},
            {"on_fill": self.wrong_legs(market)},
            {"on_fill": self.bracket(market, "buy")},
            {"self_trade_prevention": "decrement"},
        )
        if self.draw.randrange(3) == 0:
            return replace(command, **self.draw.choice(fields))
        return replace(command, options=replace(command.options or Options(), **self.draw.choice(options)))

    def wrong_leg(self, market: str) -> Leg:
        leg = self.leg(market, "buy")
        return self.draw.choice(
            (
                Leg(type="limit"),
                Leg(type="limit", price_ticks=5, trigger_ticks=5),
                Leg(type="market", price_ticks=5),
                Leg(type="stop", price_ticks=5),
                Leg(type="stop", trigger_ticks=5),
                Leg(type="trailing_stop", price_ticks=5, trigger_ticks=5),
                replace(leg, price_ticks=0),
                replace(leg, price_ticks=10**12 + 1),
            )
        )

    def wrong_legs(self, market: str) -> tuple[Leg, ...]:
        limit, trigger = Leg(type="limit", price_ticks=self.price(market)), self.leg(market, "buy")
        wrong = self.wrong_leg(market)
        return self.draw.choice(((wrong,), (limit, wrong), (limit, limit), (trigger, limit), (limit, trigger, trigger)))

    def anything(self, market: str, account: int) -> PlaceOrder:
        """Fields that mostly make no order."""
        draw = self.draw

        def number() -> int | None:
            return draw.choice((None, None, None, 0, 1, 5, 8, 12, 10**12, 10**12 + 1))

        command = PlaceOrder(
            account=draw.choice((account, account, account, 0)),
            market=market,
            side=self.side(),
            type=draw.choice(("limit", "market", *TRIGGER_TYPES)),
            time_in_force=self.pick(TIMES_IN_FORCE),
            quantity_lots=number(),
            budget_atoms=draw.choice((None, None, None, 0, 100, 10**18 + 1)),
            price_ticks=number(),
            post_only=draw.choice(("none", "none", "none", "reject", "reprice")),
        )
        return self.options(
            command,
            display_lots=number(),
            trigger_ticks=number(),
            trailing_ticks=number(),
            peg=draw.choice(("none", "none", "best_bid")),
            peg_offset_ticks=draw.choice((0, 0, 1, -1, 10**12 + 1)),
            oco=draw.choice((None, None, self.leg(market, "buy"), Leg(type="limit", price_ticks=1))),
        )
