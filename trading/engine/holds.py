"""Holds: what an open order holds of its account's balance, and what a new one asks for. Amounts in atomic units.

At every moment an order holds what it could cost, fee included, to the unit; so nothing it does can lack funds.
"""

from .fees import cost_atoms
from .market import Market
from .order_book import Order, Special


def hold_atoms(order: Order) -> int:
    """What an open order holds now: quote atoms for a buy, base atoms for a sell."""
    market = order.participant.market
    special = order.special
    if special is not None:
        return _special_hold_atoms(order, special, market)
    if not order.is_buy:
        return order.remaining_lots * market.lot_atoms
    value_atoms = order.price_ticks * order.remaining_lots * market.tick_lot_atoms
    return cost_atoms(value_atoms, order.rates.hold_ppm, order.fee_ppm_sum)


def _special_hold_atoms(order: Order, special: Special, market: Market) -> int:
    if special.type != "limit":
        return special.extra_hold_atoms if special.extra_hold_atoms >= 0 else waiting_hold_atoms(order, special)
    if not order.is_buy:
        return order.remaining_lots * market.lot_atoms
    limit_ticks = order.price_ticks if special.peg == "none" else special.limit_ticks
    value_atoms = limit_ticks * order.remaining_lots * market.tick_lot_atoms
    return cost_atoms(value_atoms, order.rates.hold_ppm, order.fee_ppm_sum)


def waiting_hold_atoms(order: Order, special: Special) -> int:
    """What an order that waits for its trigger holds by itself."""
    market = order.participant.market
    if not order.is_buy:
        return order.remaining_lots * market.lot_atoms
    if special.budget_atoms:
        return special.budget_atoms
    value_atoms = order.price_ticks * order.remaining_lots * market.tick_lot_atoms
    rates = order.rates
    return cost_atoms(value_atoms, rates.higher_ppm if is_limit_type(special.type) else rates.taker_ppm, 0)


def is_limit_type(type: str) -> bool:  # noqa: A002
    """Whether an order of this type is a limit order once it acts."""
    return type in ("limit", "stop_limit", "take_profit_limit")
