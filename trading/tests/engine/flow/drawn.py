"""A flow: commands of every kind at their times, and scenes of commands that belong together."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from trading.engine.commands import (
    AmendOrder,
    CancelAfter,
    CancelAll,
    CancelCause,
    CancelMarket,
    CancelOrder,
    CancelReplace,
    Command,
    Credit,
    DefineAsset,
    Event,
    FeeTier,
    HoldWithdrawal,
    MarketState,
    MoveCustody,
    Options,
    PlaceOrder,
    ReleaseWithdrawal,
    ReverseCredit,
    SetFeeTier,
    SetMarketState,
    SetOwner,
    SetRules,
    SettleWithdrawal,
    Side,
    Tick,
    TransferFunds,
)
from trading.engine.numbers import leg_number

from .orders import Orders
from .profiles import (
    ASSETS,
    BTC_USD,
    CLOSED,
    COMMANDS,
    DEADLINES_US,
    MARKETS,
    REMEMBERED,
    REOPENED,
    SOL_USD,
    STEPS_US,
    TIERS_DRAWN,
    TIMEOUTS_US,
    WITHDRAWAL_COMMANDS,
    WITHDRAWALS,
    Profile,
)


class Placed(NamedTuple):
    """What the flow remembers of an order: ``number`` is that of the order, or of a leg that it may have."""

    number: int
    account: int
    market: str


class Flow(Orders):
    def __init__(self, seed: int, profile: Profile) -> None:
        super().__init__(seed, profile)
        self.seq = 0
        self.placed: list[Placed] = []

    def events(self, count: int) -> Iterator[Event]:
        for command in self.profile.prelude:
            self.seq += 1
            yield Event(self.seq, self.now, command)
        last = self.seq + count
        commands = self.commands() if self.draw.randrange(3) else self.closed(SOL_USD.market, "auction")
        while self.seq < last:
            for command in commands:
                if self.seq == last:
                    return
                self.seq += 1
                yield Event(self.seq, self.now, command)
                self.now += self.pick(STEPS_US)
            commands = self.commands()

    # Memory

    def known(self) -> Placed:
        """An order that may still be open, with luck."""
        if not self.placed or self.draw.randrange(30) == 0:
            return Placed(self.draw.randint(1, self.seq + 1), self.account(), self.market())
        return self.draw.choice(self.placed)

    def remember(self, number: int, command: PlaceOrder) -> None:
        """Notes an order that may stay, and now and then its legs."""
        if command.time_in_force in ("GTC", "GTD"):
            self.placed.append(Placed(number, command.account, command.market))
        options = command.options or Options()
        for leg in range(1, 1 + len(options.on_fill) + (options.oco is not None)):
            if self.draw.randrange(3) == 0:
                self.placed.append(Placed(leg_number(number, leg), command.account, command.market))
        del self.placed[: -REMEMBERED * self.profile.spread]

    # Commands

    def commands(self) -> Iterator[Command]:
        """One at a time, for an order's number is that of the event that it becomes."""
        kind = self.pick(COMMANDS)
        if kind == "scene":
            yield from self.scene()
        else:
            yield self.place() if kind == "place" else self.other(kind)

    def place(self, kind: str | None = None, **changes: Any) -> PlaceOrder:
        market, account = changes.get("market", self.market()), changes.get("account", self.account())
        command: PlaceOrder = getattr(self, kind or self.pick(self.profile.orders))(market, account)
        command = replace(command, **changes)
        self.remember(self.seq + 1, command)
        return command

    def other(self, kind: str) -> Command:
        draw, account = self.draw, self.account()
        match kind:
            case "cancel":
                known = self.known()
                return CancelOrder(account=known.account, order=known.number)
            case "amend":
                return self.amend()
            case "replace":
                known = self.known()
                place = self.place(account=account if draw.randrange(8) == 0 else known.account)
                stop = draw.randrange(2) == 0
                return CancelReplace(account=known.account, order=known.number, place=place, stop_on_failure=stop)
            case "cancel_all":
                cause: CancelCause = draw.choice(("user", "disconnect", "disconnect"))
                market = draw.choice((None, None, *MARKETS, "DOGE/USD"))
                return CancelAll(
                    account=draw.choice((account, account, 0)), market=market, side=self.some_side(), cause=cause
                )
            case "cancel_market":
                market = draw.choice((*MARKETS, "DOGE/USD"))
                return CancelMarket(market=market, side=self.some_side(), reason="drawn")
            case "cancel_after":
                return CancelAfter(account=draw.choice((account,) * 6 + (0,)), timeout_us=self.pick(TIMEOUTS_US))
            case "tick":
                return Tick()
        return self.setting(kind, account)

    def setting(self, kind: str, account: int) -> Command:
        draw = self.draw
        match kind:
            case "owner":
                owner = draw.choice((0, account, account, account, *self.profile.accounts[:3]))
                return SetOwner(account=draw.choice((account,) * 5 + (0,)), owner=owner)
            case "tier":
                return SetFeeTier(account=draw.choice((account,) * 9 + (0,)), tier=self.pick(TIERS_DRAWN))
            case "rules":
                return SetRules(version=draw.choice((1, 2, 2, 2)))
            case "credit":
                return self.credit(account)
            case "withdrawal":
                return self.withdrawal(account)
            case "open":
                state: MarketState = self.pick(REOPENED)
                market = draw.choice((SOL_USD.market,) * 7 + MARKETS * 4 + ("DOGE/USD",))
                return SetMarketState(market=market, state=state, reason="drawn")
        wrong = DefineAsset(asset="NEW", name="New", kind="token", decimals=2, trading_decimals=3)
        nowhere = replace(BTC_USD, market="NEW/DOGE", quote="DOGE")
        rebate = replace(BTC_USD, market="NEW/USD", fee_tiers=(FeeTier(maker_ppm=-2, taker_ppm=1),))
        return draw.choice((ASSETS[0], BTC_USD, wrong, nowhere, rebate))

    def credit(self, account: int) -> Command:
        draw = self.draw
        asset = draw.choice((*self.profile.stakes, *self.profile.stakes, "DOGE"))
        account = 0 if draw.randrange(25) == 0 else account
        amount = draw.randint(1, self.profile.stakes.get(asset, 6) // 6)
        if draw.randrange(20) == 0:
            amount = draw.choice((0, -1, 10**36 + 1, 10**20, 10**20))
        if draw.randrange(4) == 0:
            to_account = draw.choice((*self.profile.accounts, account, 0))
            return TransferFunds(
                account=account, to_account=to_account, asset=asset, amount_atoms=amount, reference="drawn"
            )
        if draw.randrange(3) == 0:
            return ReverseCredit(
                account=account, asset=asset, amount_atoms=amount, source="faucet", credit=1, reason="drawn"
            )
        return Credit(account=account, asset=asset, amount_atoms=amount, source="faucet", reference="drawn")

    def withdrawal(self, account: int) -> Command:
        """One of a few references at a time, so that most holds end, some twice, and some are asked for while they last."""
        draw = self.draw
        reference = f"withdrawal {draw.randrange(WITHDRAWALS)}"
        what = self.pick(WITHDRAWAL_COMMANDS)
        if what == "release":
            return ReleaseWithdrawal(reference=reference)
        if what == "settle":
            return SettleWithdrawal(reference=reference, fee_atoms=draw.choice((0, 1, 2, 3, 7, -1, 10**20)))
        asset = draw.choice((*self.profile.stakes, *self.profile.stakes, "DOGE"))
        amount = draw.choice((draw.randint(1, self.profile.stakes.get(asset, 6) // 6), 1, 7, 0, -1, 10**36 + 1))
        if what == "custody":
            source, target = (
                draw.choice(("custody_hot", "custody_cold", "custody_transit", "network_fees")) for _ in range(2)
            )
            return MoveCustody(asset=asset, amount_atoms=amount, source=source, target=target, reference="drawn")
        account = draw.choice((account,) * 15 + (0,))
        return HoldWithdrawal(account=account, asset=asset, amount_atoms=amount, reference=reference)

    def amend(self) -> Command:
        draw, known = self.draw, self.known()
        what = draw.choice(("price", "quantity", "quantity", "both", "trigger", "anything"))
        quantity: int | None = (
            draw.choice((1, 2, 3, self.lots(), self.lots())) if what in ("quantity", "both") else None
        )
        price: int | None = self.price(known.market) if what in ("price", "both") else None
        trigger: int | None = self.price(known.market) if what == "trigger" else None
        if what == "anything":
            quantity, price, trigger = (draw.choice((None, None, 0, 1, 500, 10**12, 10**12 + 1)) for _ in range(3))
        deadline = self.now + self.pick(DEADLINES_US) if self.happens("deadline") else None
        return AmendOrder(
            account=known.account if draw.randrange(40) else self.account(),
            order=known.number,
            quantity_lots=quantity,
            price_ticks=price,
            trigger_ticks=trigger,
            deadline_us=deadline,
        )

    # Scenes: a few commands that belong together

    def scene(self) -> Iterator[Command]:
        market = self.draw.choice(MARKETS)
        if self.profile.crowd and self.draw.randrange(3) == 0:
            yield from self.draw.choice((self.crowd, self.crowd, self.filled_crowd, self.pegged_crowd))(market)
            return
        yield from self.closed(market, self.pick(CLOSED))

    def closed(self, market: str, closed: MarketState) -> Iterator[Command]:
        """What a market that is not open makes of what is asked, and that it opens again."""
        yield SetMarketState(market=market, state=closed, reason="drawn")
        for _ in range(self.draw.randint(0, 25 * self.profile.spread)):
            kind = self.pick({"place": 8, "cancel": 1, "amend": 2, "tick": 1})
            if kind != "place":
                yield self.other(kind)
            elif closed == "auction":
                yield self.place("limit" if self.draw.randrange(3) else None, market=market)
            else:
                yield self.place(market=market)
        yield SetMarketState(market=market, state="open", reason="drawn")

    def crowd(self, market: str) -> Iterator[Command]:
        """Many wait for one price, and are met by it at once: more than one event takes."""
        low, high = self.prices(market)
        yield SetMarketState(market=market, state="open", reason="drawn")
        for _ in range(self.profile.crowd):
            stop = PlaceOrder(
                account=self.account(),
                market=market,
                side="sell",
                type=self.draw.choice(("stop", "stop_limit")),
                time_in_force="GTC",
                quantity_lots=2,
                price_ticks=high,
                options=Options(trigger_ticks=low),
            )
            self.remember(self.seq + 1, stop)
            yield stop
        yield CancelMarket(market=market, side="buy", reason="drawn")
        yield self.at_price(market, "buy", low, 2_000)
        yield self.at_price(market, "sell", low, 3)
        for kind in ("amend", "amend", "cancel", "tick"):
            yield self.other(kind)
        yield SetMarketState(market=market, state="open", reason="drawn")

    def filled_crowd(self, market: str) -> Iterator[Command]:
        """Many are filled by one order, and bring more legs than one event places."""
        price = self.prices(market)[0] + 2
        yield SetMarketState(market=market, state="open", reason="drawn")
        yield CancelMarket(market=market, reason="drawn")
        for _ in range(self.profile.crowd):
            legs = self.bracket(market, "sell")
            yield replace(self.at_price(market, "buy", price, 2), options=Options(on_fill=legs))
        yield self.at_price(market, "sell", price, 2 * self.profile.crowd)
        for kind in ("amend", "cancel", "cancel_market", "tick"):
            yield self.other(kind)

    def pegged_crowd(self, market: str) -> Iterator[Command]:
        """More pegged orders than a market takes."""
        yield SetMarketState(market=market, state="open", reason="drawn")
        for _ in range(self.profile.crowd):
            yield self.place("peg", market=market, quantity_lots=self.draw.choice((2, 3)))
        for _ in range(10):
            yield self.place("limit", market=market)

    def at_price(self, market: str, side: Side, price: int, lots: int) -> PlaceOrder:
        return PlaceOrder(
            account=self.account(),
            market=market,
            side=side,
            type="limit",
            time_in_force="GTC",
            quantity_lots=lots,
            price_ticks=price,
            options=Options(self_trade_prevention="cancel_oldest"),
        )
