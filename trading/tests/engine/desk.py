"""A small trading desk for tests: one engine, and its commands in short form."""

from typing import Any

from trading.engine.commands import (
    CancelAll,
    CancelOrder,
    Command,
    Credit,
    DefineAsset,
    DefineMarket,
    Event,
    FeeTier,
    MarketState,
    PlaceOrder,
    SetFeeTier,
    SetMarketState,
    SetRules,
    Side,
)
from trading.engine.engine import Engine
from trading.engine.outcomes import Filled, OrderCancelled, OrderRejected, Outcome
from trading.engine.rules import FIRST, LATEST

ALICE, BOB, CAROL = 1, 2, 3  # funded with plenty
DAVE = 4  # owns what a test gives him
BTC_USD = "BTC/USD"

BTC = DefineAsset(asset="BTC", name="Bitcoin", kind="crypto", decimals=8, trading_decimals=8)
ETH = DefineAsset(asset="ETH", name="Ether", kind="crypto", decimals=18, trading_decimals=8)
USD = DefineAsset(asset="USD", name="US dollar", kind="fiat", decimals=2, trading_decimals=2)
FREE = FeeTier(maker_ppm=0, taker_ppm=0)


def market(**changes: Any) -> DefineMarket:
    """BTC/USD: a tick is 1 dollar, a lot 0.01 BTC, so one lot at one tick is 1 cent; no fees."""
    fields: dict[str, Any] = {
        "market": BTC_USD,
        "base": "BTC",
        "quote": "USD",
        "tick_atoms": 100,
        "lot_atoms": 10**6,
        "minimum_lots": 1,
        "minimum_notional_atoms": 1,
        "maximum_open_orders": 100,
        "fee_tiers": (FREE,),
    }
    return DefineMarket(**(fields | changes))


class Desk:
    """``seq`` of the last event is the number of the order that it placed."""

    def __init__(self, *, rules: int = LATEST, **changes: Any) -> None:
        self.engine = Engine()
        self.market = market(**changes)
        if rules > FIRST:
            self.do(SetRules(version=rules))
        self.do(BTC, ETH, USD, self.market)
        for account in (ALICE, BOB, CAROL):
            for asset in (self.market.base, self.market.quote):
                self.credit(account, asset, 10**18)

    @property
    def seq(self) -> int:
        return self.engine.seq

    def do(self, *commands: Command) -> list[Outcome]:
        """Applies the commands, one microsecond apart; returns the outcomes of the last."""
        outcomes: list[Outcome] = []
        for command in commands:
            seq = self.engine.seq + 1
            outcomes = self.engine.apply(Event(seq=seq, at_us=seq, command=command))
        return outcomes

    def credit(self, account: int, asset: str, atoms: int) -> list[Outcome]:
        return self.do(Credit(account=account, asset=asset, amount_atoms=atoms, source="faucet", reference="test"))

    def place(self, account: int, side: Side, **fields: Any) -> list[Outcome]:
        """A limit order good till cancelled, unless the fields say otherwise."""
        order: dict[str, Any] = {
            "market": self.market.market,
            "type": "limit",
            "time_in_force": "GTC",
            "quantity_lots": None,
            "budget_atoms": None,
            "price_ticks": None,
            "post_only": "none",
            "client_order_id": None,
        }
        return self.do(PlaceOrder(account=account, side=side, **(order | fields)))

    def buy(self, account: int, lots: int, price: int | None, **fields: Any) -> list[Outcome]:
        return self.place(account, "buy", quantity_lots=lots, price_ticks=price, **fields)

    def sell(self, account: int, lots: int, price: int | None, **fields: Any) -> list[Outcome]:
        return self.place(account, "sell", quantity_lots=lots, price_ticks=price, **fields)

    def buy_at_market(self, account: int, lots: int, **fields: Any) -> list[Outcome]:
        defaults: dict[str, Any] = {"type": "market", "time_in_force": "IOC", "quantity_lots": lots}
        return self.place(account, "buy", **(defaults | fields))

    def sell_at_market(self, account: int, lots: int, **fields: Any) -> list[Outcome]:
        defaults: dict[str, Any] = {"type": "market", "time_in_force": "IOC", "quantity_lots": lots}
        return self.place(account, "sell", **(defaults | fields))

    def buy_for(self, account: int, budget_atoms: int, **fields: Any) -> list[Outcome]:
        return self.place(account, "buy", type="market", time_in_force="IOC", budget_atoms=budget_atoms, **fields)

    def cancel(self, account: int, order: int) -> list[Outcome]:
        return self.do(CancelOrder(account=account, order=order))

    def cancel_all(self, account: int, in_market: str | None = None, side: Side | None = None) -> list[Outcome]:
        return self.do(CancelAll(account=account, market=in_market, side=side))

    def set_tier(self, account: int, tier: int) -> list[Outcome]:
        return self.do(SetFeeTier(account=account, tier=tier))

    def set_state(self, state: MarketState) -> list[Outcome]:
        return self.do(SetMarketState(market=self.market.market, state=state, reason="test"))

    def bids(self) -> list[tuple[int, int]]:
        return self.engine.markets[self.market.market].book.levels("buy", 100)

    def asks(self) -> list[tuple[int, int]]:
        return self.engine.markets[self.market.market].book.levels("sell", 100)


def kinds(outcomes: list[Outcome]) -> list[str]:
    return [type(outcome).__name__ for outcome in outcomes]


def fills(outcomes: list[Outcome]) -> list[Filled]:
    return [outcome for outcome in outcomes if isinstance(outcome, Filled)]


def traded(outcomes: list[Outcome]) -> list[tuple[int, int, int]]:
    """(maker's order, price, lots) of each fill."""
    return [(fill.maker_order, fill.price_ticks, fill.quantity_lots) for fill in fills(outcomes)]


def ending(outcomes: list[Outcome]) -> str:
    """How the order of these outcomes ended or rests: the reason if it has one, else the class of the outcome."""
    for outcome in outcomes:
        if isinstance(outcome, (OrderCancelled, OrderRejected)):
            return outcome.reason.value
    return [kind for kind in kinds(outcomes) if kind != "BalanceChanged"][-1]
