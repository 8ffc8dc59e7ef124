"""What flows are drawn from: how often what is asked, the markets and accounts, and the profiles made of them."""

from dataclasses import dataclass, replace
from typing import Any

from trading.engine.commands import Command, Credit, DefineAsset, DefineMarket, FeeTier, SetOwner

Weights = dict[Any, int]

# What is drawn, and how often

COMMANDS: Weights = {
    "place": 620,
    "cancel": 60,
    "amend": 200,
    "replace": 30,
    "cancel_all": 6,
    "cancel_market": 2,
    "cancel_after": 7,
    "owner": 4,
    "tier": 10,
    "rules": 2,
    "credit": 40,
    "withdrawal": 30,
    "open": 50,
    "tick": 12,
    "definition": 6,
    "scene": 6,
}
ORDERS: Weights = {
    "limit": 400,
    "post_only": 50,
    "iceberg": 70,
    "market_order": 70,
    "budget_order": 40,
    "trigger": 120,
    "peg": 60,
    "oco": 60,
    "huge": 6,
    "spoiled": 40,
    "anything": 10,
}
PLAIN_ORDERS: Weights = {
    "limit": 700,
    "post_only": 40,
    "market_order": 90,
    "budget_order": 60,
    "trigger": 20,
    "iceberg": 10,
    "oco": 5,
    "peg": 1,
    "spoiled": 4,
}
TIMES_IN_FORCE: Weights = {"GTC": 12, "GTD": 3, "IOC": 2, "FOK": 2}
MODES: Weights = {"cancel_newest": 6, "cancel_oldest": 2, "cancel_both": 2, "decrement": 3}
TRIGGER_TYPES: Weights = {"stop": 3, "stop_limit": 3, "take_profit": 2, "take_profit_limit": 2, "trailing_stop": 3}
PEGS: Weights = {"best_bid": 1, "best_offer": 1}
TIERS_DRAWN: Weights = {0: 8, 1: 8, 2: 3, 3: 1, 63: 1, 64: 1, -1: 1}
CLOSED: Weights = {"auction": 6, "post_only": 3, "cancel_only": 3, "halted": 2}
REOPENED: Weights = {"open": 20, "post_only": 1, "auction": 1}
STEPS_US: Weights = {0: 40, 1: 20, 1_000: 15, 700_000: 15, 20_000_000: 6, 400_000_000: 1}
DELAYS_US: Weights = {-1: 1, 0: 1, 1: 2, 5_000: 2, 900_000: 4, 25_000_000: 8, 600_000_000: 16}
DEADLINES_US: Weights = {-1: 2, 0: 4, 1: 1, 900_000: 3}
TIMEOUTS_US: Weights = {0: 8, 1: 1, 900_000: 2, 25_000_000: 3, -1: 1, 86_400_000_001: 1}
OPTIONS: Weights = {"mode": 55, "keep": 12, "deadline": 8, "on_fill": 14}
PLAIN_OPTIONS: Weights = {"mode": 4, "keep": 1, "deadline": 1, "on_fill": 2}
"""Of 100 orders so many have the option."""

WITHDRAWAL_COMMANDS: Weights = {"hold": 10, "release": 4, "settle": 6, "custody": 2}
WITHDRAWALS = 12
"""So many references there are."""

REMEMBERED = 120
"""So many orders the flow may come back to."""

# The world

TIERS = (
    FeeTier(maker_ppm=1_234, taker_ppm=2_611),
    FeeTier(maker_ppm=40_007, taker_ppm=333),
    FeeTier(maker_ppm=0, taker_ppm=0),
    FeeTier(maker_ppm=1_000_000, taker_ppm=1_000_000),
)
REBATES = (
    FeeTier(maker_ppm=-3_100, taker_ppm=4_007),
    FeeTier(maker_ppm=-250, taker_ppm=3_100),
    FeeTier(maker_ppm=1_500, taker_ppm=3_500),
)
ASSETS = (
    DefineAsset(asset="BTC", name="Bitcoin", kind="crypto", decimals=8, trading_decimals=8),
    DefineAsset(asset="ETH", name="Ether", kind="crypto", decimals=18, trading_decimals=8),
    DefineAsset(asset="USD", name="US dollar", kind="fiat", decimals=2, trading_decimals=2),
    DefineAsset(asset="SOL", name="Sol", kind="crypto", decimals=9, trading_decimals=9),
)
BTC_USD = DefineMarket(
    market="BTC/USD",
    base="BTC",
    quote="USD",
    tick_atoms=10**8,
    lot_atoms=7,
    minimum_lots=2,
    minimum_notional_atoms=30,
    maximum_open_orders=8,
    fee_tiers=TIERS,
)
ETH_BTC = DefineMarket(
    market="ETH/BTC",
    base="ETH",
    quote="BTC",
    tick_atoms=3 * 10**4,
    lot_atoms=10**14,
    minimum_lots=1,
    minimum_notional_atoms=1,
    maximum_open_orders=10,
    fee_tiers=TIERS[:3],
)
SOL_USD = DefineMarket(
    market="SOL/USD",
    base="SOL",
    quote="USD",
    tick_atoms=10**8,
    lot_atoms=10,
    minimum_lots=1,
    minimum_notional_atoms=60,
    maximum_open_orders=10,
    fee_tiers=REBATES,
    price_band_ppm=70_000,
    breaker_ppm=40_000,
)
MARKETS = (BTC_USD.market, ETH_BTC.market, SOL_USD.market)
PRICES = {BTC_USD.market: (1, 12), ETH_BTC.market: (1, 12), SOL_USD.market: (94, 106)}
LOTS = (1, 2, 3, 5, 8, 13, 21)

SMALL_CHANGE = {"BTC": 13 * 7, "USD": 400, "ETH": 13 * 10**14, "SOL": 8 * 10}


@dataclass(frozen=True)
class Profile:
    """``owners``: whose accounts are not their own. ``small_change``: what the last account has, to be spent to nothing.
    ``spread``: how many times as many prices. ``crowd``: so many orders come with one trigger where a crowd waits; 0: none
    does. ``orders``, ``times_in_force``, ``options``: what is drawn.
    """

    accounts: tuple[int, ...]
    owners: tuple[tuple[int, int], ...]
    stakes: dict[str, int]
    small_change: dict[str, int]
    maximum_open_orders: int | None
    spread: int
    crowd: int
    orders: Weights
    times_in_force: Weights
    options: Weights

    @property
    def prelude(self) -> tuple[Command, ...]:
        stakes = tuple(
            Credit(account=account, asset=asset, amount_atoms=amount, source="faucet", reference="stake")
            for account in self.accounts
            for asset, amount in (self.small_change if account == self.accounts[-1] else self.stakes).items()
        )
        owners = tuple(SetOwner(account=account, owner=owner) for account, owner in self.owners)
        return (*ASSETS, *self.markets, *stakes, *owners)

    @property
    def markets(self) -> tuple[DefineMarket, ...]:
        if self.maximum_open_orders is None:
            return BTC_USD, ETH_BTC, SOL_USD
        return tuple(
            replace(market, maximum_open_orders=self.maximum_open_orders) for market in (BTC_USD, ETH_BTC, SOL_USD)
        )


SMALL = Profile(
    accounts=(1, 2, 3, 4, 5),
    owners=((2, 1), (4, 3)),
    stakes={"BTC": 4_000, "USD": 9_000, "ETH": 200 * 10**14, "SOL": 1_500},
    small_change=SMALL_CHANGE,
    maximum_open_orders=None,
    spread=1,
    crowd=0,
    orders=ORDERS,
    times_in_force=TIMES_IN_FORCE,
    options=OPTIONS,
)
PLAIN = replace(SMALL, orders=PLAIN_ORDERS, times_in_force={"GTC": 40, "IOC": 4, "FOK": 3}, options=PLAIN_OPTIONS)
"""Mostly what needs no options, so that long stretches have no timer, no peg and nothing that waits."""
DEEP = Profile(
    accounts=tuple(range(1, 17)),
    owners=((2, 1), (4, 3), (6, 5)),
    stakes={"BTC": 90_000, "USD": 400_000, "ETH": 4_000 * 10**14, "SOL": 30_000},
    small_change=SMALL_CHANGE,
    maximum_open_orders=40,
    spread=3,
    crowd=130,
    orders=ORDERS,
    times_in_force=TIMES_IN_FORCE,
    options=OPTIONS,
)
CALM = replace(
    PLAIN,
    accounts=tuple(range(1, 14)),
    owners=((2, 1),),
    stakes={"BTC": 900_000, "USD": 4_000_000, "ETH": 20_000 * 10**14, "SOL": 300_000},
    maximum_open_orders=40,
    orders={"limit": 900, "post_only": 40, "iceberg": 12, "oco": 5, "trigger": 1, "market_order": 20},
    times_in_force={"GTC": 40, "IOC": 8, "FOK": 1},
    options={"mode": 1, "keep": 1, "deadline": 1, "on_fill": 1},
)
"""Who orders can pay for it and nothing is pegged, so that most commands end in the loop over plain ones, or leave it midway."""
PROFILES = {"small": SMALL, "plain": PLAIN, "deep": DEEP, "calm": CALM}
