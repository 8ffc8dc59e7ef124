"""Markets and states that the tests of the bots share."""

import random
from decimal import Decimal

from trading.bots.market import MarketRules, Side
from trading.bots.orders import OpenOrder
from trading.bots.quoting import Changes, Quote, View

BTC_USD = MarketRules(
    market="BTC/USD",
    base="BTC",
    quote="USD",
    tick=Decimal("0.01"),
    lot=Decimal("0.00001"),
    minimum_quantity=Decimal("0.00005"),
    minimum_notional=Decimal("0.5"),
    maker_fee=Decimal("0.001"),
)
ETH_BTC = MarketRules(
    market="ETH/BTC",
    base="ETH",
    quote="BTC",
    tick=Decimal("0.00001"),
    lot=Decimal("0.001"),
    minimum_quantity=Decimal("0.001"),
    minimum_notional=Decimal("0.00001"),
    maker_fee=Decimal("0.001"),
)
ETH_USD = MarketRules(
    market="ETH/USD",
    base="ETH",
    quote="USD",
    tick=Decimal("0.01"),
    lot=Decimal("0.0001"),
    minimum_quantity=Decimal("0.001"),
    minimum_notional=Decimal("0.5"),
    maker_fee=Decimal("0.001"),
)
RULES = {rules.market: rules for rules in (BTC_USD, ETH_USD, ETH_BTC)}


def view(reference: str, *, base: str = "1000", quote: str = "64000000", **foreign: Decimal) -> View:
    return View(reference=Decimal(reference), base_total=Decimal(base), quote_total=Decimal(quote), **foreign)


def resting(name: str, side: Side, price: Decimal | str, quantity: Decimal | str, market: str = "BTC/USD") -> OpenOrder:
    return OpenOrder(
        client_order_id=name,
        market=market,
        side=side,
        price=Decimal(price),
        remaining=Decimal(quantity),
        acknowledged=True,
    )


def applied(changes: Changes, orders: list[OpenOrder], randomness: random.Random) -> list[OpenOrder]:
    """What is open when the changes have been carried out."""
    going = {order.client_order_id for order in changes.cancel}
    staying = [order for order in orders if order.client_order_id not in going]
    return staying + [_placed(quote, randomness) for quote in changes.place]


def _placed(quote: Quote, randomness: random.Random) -> OpenOrder:
    return resting(f"{randomness.getrandbits(64):x}", quote.side, quote.price, quote.quantity)
