"""A dry run: what an order would come to if it were placed now, before anything that it sets off. Changes nothing."""

from typing import NamedTuple

from .acceptance import refusal_of
from .accounts import Accounts
from .commands import PlaceOrder
from .fees import fee_atoms
from .holds import hold_atoms
from .market import Market
from .new_orders import special_of, special_order
from .order_book import Order, Special
from .order_checks import NO_OPTIONS, special_refusal
from .outcomes import Reason
from .preview import Preview
from .taker import meets, taker_of


class DryRun(NamedTuple):
    """``reason``: why it would be refused; None: it would be accepted, and then:

    ``filled_lots`` would trade at once for ``quote_atoms``, which would cost ``fee_atoms``; ``open_lots`` would stay open
    (0 for a waiting order by budget), for which ``hold_atoms`` of its asset would be held. ``price_ticks``: where it would
    rest; None if not.
    """

    reason: Reason | None
    filled_lots: int = 0
    quote_atoms: int = 0
    fee_atoms: int = 0
    open_lots: int = 0
    hold_atoms: int = 0
    price_ticks: int | None = None


def dry_run(markets: dict[str, Market], accounts: Accounts, command: PlaceOrder, at_us: int) -> DryRun:
    """What the order would come to as an event at that time."""
    market = markets.get(command.market)
    if market is None:
        return DryRun(Reason.UNKNOWN_MARKET)
    if command.account <= 0 or command.side not in ("buy", "sell"):
        return DryRun(Reason.INVALID_ORDER)
    options = command.options or NO_OPTIONS
    reason = special_refusal(command, options, market, at_us)
    if reason is not None:
        return DryRun(reason)
    participant = accounts.participant(command.account, market)
    order = special_order(0, participant, command, options, at_us)
    special = special_of(order)
    is_limit = special.type == "limit"
    reason = refusal_of(order, special, command, at_us)
    if reason is not None:
        return DryRun(reason)
    immediate = command.time_in_force in ("IOC", "FOK")
    if special.type == "market" or (is_limit and special.peg == "none"):
        takes = market.is_open and (immediate or meets(market, order.is_buy, order.price_ticks))
        return _taken(order, special, is_limit and not immediate, takes)
    return DryRun(None, open_lots=order.remaining_lots, hold_atoms=hold_atoms(order))


def _taken(order: Order, special: Special, may_rest: bool, takes: bool) -> DryRun:
    """An order that would act at once: what it would get, and what would be left of it."""
    market = order.participant.market
    taker = taker_of(order)
    if not takes:
        taker.wanted_lots = taker.budget_atoms = 0
    found = Preview(taker)
    quote_atoms = found.tick_lots * market.tick_lot_atoms
    order.fee_ppm_sum = taker.taker_ppm * quote_atoms
    charged_atoms = fee_atoms(0, order.fee_ppm_sum)
    left_lots = found.left_lots if takes else order.remaining_lots
    if not may_rest or found.is_stopped or left_lots == 0:
        return DryRun(None, found.lots, quote_atoms, charged_atoms)
    order.remaining_lots = left_lots
    special.type = "limit"
    held_atoms = hold_atoms(order)
    return DryRun(None, found.lots, quote_atoms, charged_atoms, left_lots, held_atoms, order.price_ticks)
