"""Random traders who use every type of order in two markets with a common asset: rebates, bands, breakers and auctions too."""

import random
import time
from collections.abc import Iterable

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
    FeeTier,
    Leg,
    MarketState,
    Options,
    PlaceOrder,
    SetFeeTier,
    SetMarketState,
    SetOwner,
    SetRules,
    Side,
    Tick,
)
from trading.live import LiveOrder

ACCOUNTS = (1, 2, 3, 4)
MARKETS = ("BTC/USD", "ETH/BTC")
TIERS = (FeeTier(maker_ppm=-317, taker_ppm=1_013), FeeTier(maker_ppm=977, taker_ppm=2_003))
STATES: tuple[MarketState, ...] = ("open",) * 6 + ("auction", "auction", "post_only", "cancel_only", "halted")
MIDDLE, SPREAD = 100, 8


def _market(name: str, base: str, quote: str, breaker_ppm: int | None) -> DefineMarket:
    return DefineMarket(
        market=name,
        base=base,
        quote=quote,
        tick_atoms=10**7,
        lot_atoms=10**5,
        minimum_lots=1,
        minimum_notional_atoms=1,
        maximum_open_orders=60,
        fee_tiers=TIERS,
        price_band_ppm=None if breaker_ppm is None else 400_000,
        breaker_ppm=breaker_ppm,
    )


OPENING: tuple[Command, ...] = (
    *(
        DefineAsset(asset=name, name=name, kind="crypto", decimals=8, trading_decimals=8)
        for name in ("BTC", "ETH", "USD")
    ),
    _market("BTC/USD", "BTC", "USD", None),
    _market("ETH/BTC", "ETH", "BTC", 70_000),
    SetRules(version=2),
    SetOwner(account=4, owner=3),
    SetFeeTier(account=2, tier=1),
    *(
        Credit(account=account, asset=asset, amount_atoms=10**12, source="faucet", reference="all types")
        for account in ACCOUNTS
        for asset in ("BTC", "ETH", "USD")
    ),
)


class Traders:
    """Draws commands. ``open_orders`` are those that may be amended or cancelled."""

    def __init__(self, seed: int) -> None:
        self._draw = random.Random(seed)

    def command(self, open_orders: Iterable[LiveOrder]) -> Command:
        draw, known = self._draw, list(open_orders)
        account, kind = draw.choice(ACCOUNTS), draw.randrange(1000)
        if kind < 150 and known:
            return self._amendment(draw.choice(known))
        if kind < 200 and known:
            order = draw.choice(known)
            return CancelOrder(account=order.account, order=order.seq)
        if kind < 240 and known:
            order = draw.choice(known)
            owner = order.account if draw.random() < 0.9 else account
            stops = draw.random() < 0.5
            return CancelReplace(account=owner, order=order.seq, place=self.order(owner), stop_on_failure=stops)
        if kind < 975:
            return self.order(account)
        return self._rare(account)

    def _rare(self, account: int) -> Command:
        draw = self._draw
        match draw.randrange(12):
            case 0:
                return CancelAll(account=account, market=draw.choice((None, *MARKETS)), cause="disconnect")
            case 1:
                return CancelMarket(
                    market=draw.choice(MARKETS), side=draw.choice((None, "buy", "sell")), reason="drawn"
                )
            case 2:
                return CancelAfter(account=account, timeout_us=draw.choice((0, 0, 0, 1_000)))
            case 3:
                return Credit(account=account, asset="USD", amount_atoms=7, source="adjustment", reference="drawn")
            case 4:
                return Tick()
        return SetMarketState(market=draw.choice(MARKETS), state=draw.choice(STATES), reason="drawn")

    def _price(self) -> int:
        return MIDDLE + self._draw.randint(-SPREAD, SPREAD)

    def _amendment(self, order: LiveOrder) -> AmendOrder:
        draw = self._draw
        more, price, trigger = draw.randint(1, 40), self._price(), self._price()
        choice = draw.randrange(4)
        return AmendOrder(
            account=order.account,
            order=order.seq,
            quantity_lots=order.filled_lots + more if choice in (0, 1) else None,
            price_ticks=price if choice in (1, 2) and draw.random() < 0.9 else None,
            trigger_ticks=trigger if choice == 3 else None,
        )

    def _leg(self, kind: str) -> Leg:
        if kind == "limit":
            return Leg(type="limit", price_ticks=self._price())
        if kind == "trailing_stop":
            return Leg(type="trailing_stop", price_ticks=MIDDLE + 50, trailing_ticks=self._draw.randint(1, 4))
        return Leg(type="stop_limit", price_ticks=self._price(), trigger_ticks=self._price())

    def order(self, account: int) -> PlaceOrder:
        draw = self._draw
        side: Side = draw.choice(("buy", "sell"))
        type_ = draw.choice(
            ("limit",) * 10 + ("market", "stop", "stop_limit", "take_profit", "take_profit_limit", "trailing_stop")
        )
        is_limit, lots = type_ in ("limit", "stop_limit", "take_profit_limit"), draw.randint(1, 40)
        by_budget = type_ in ("market", "stop") and side == "buy" and draw.random() < 0.4
        price = self._price() if is_limit else MIDDLE + 40 if side == "buy" else None
        in_force = "IOC" if type_ == "market" else draw.choice(("GTC",) * 6 + ("GTD", "GTD", "IOC"))
        if type_ in ("stop", "take_profit", "trailing_stop") and in_force == "IOC":
            in_force = "GTC"
        stays = in_force in ("GTC", "GTD")
        special = draw.randrange(10) if type_ == "limit" and stays else 10
        options = Options(
            expires_at_us=time.time_ns() // 1000 + draw.choice((1, 2_000, 50_000, 10**9))
            if in_force == "GTD"
            else None,
            self_trade_prevention=draw.choice(("cancel_newest", "cancel_oldest", "cancel_both"))
            if by_budget or draw.random() < 0.6
            else "decrement",
            display_lots=max(1, lots // 3) if special == 0 else None,
            trigger_ticks=self._price() if type_.startswith(("stop", "take")) else None,
            trailing_ticks=draw.randint(1, 4) if type_ == "trailing_stop" else None,
            peg=draw.choice(("best_bid", "best_offer")) if special == 1 else "none",
            peg_offset_ticks=draw.randint(0, 3) if special == 1 else 0,
            keep_on_disconnect=draw.random() < 0.3,
            oco=self._leg("stop_limit") if special == 2 else None,
            on_fill=()
            if special != 3
            else (self._leg("limit"), self._leg(draw.choice(("stop_limit", "trailing_stop"))))[: draw.randint(1, 2)],
        )
        return PlaceOrder(
            account=account,
            market=draw.choice(MARKETS),
            side=side,
            type=type_,
            time_in_force=in_force,
            quantity_lots=None if by_budget else lots,
            budget_atoms=draw.randint(10**3, 10**6) if by_budget else None,
            price_ticks=price,
            post_only=draw.choice(("none", "reject", "reprice")) if special in (4, 5) else "none",
            options=options
            if draw.random() < 0.7 or special < 4 or options.expires_at_us or type_ not in ("limit", "market")
            else None,
        )
