"""Outcomes: what a command came to, in the past tense.

One class per fact, immutable. ``order`` is an order's number: the sequence number of the event that placed it, for legs
see ``numbers``. Units end the names as in ``commands``. Outcomes of one event stand in the order in which things happened;
BalanceChanged come last, once for each (account, asset) in the order of the first touch, with the values after the event.
"""

from enum import StrEnum
from typing import NamedTuple

from .commands import Custody, MarketState, OrderType, SelfTradePrevention, Side


class Reason(StrEnum):
    """Why a command was refused, or an order ended without being filled. The one registry of the engine's reasons."""

    UNKNOWN_ASSET = "unknown_asset"
    UNKNOWN_MARKET = "unknown_market"
    ALREADY_DEFINED = "already_defined"
    INVALID_DEFINITION = "invalid_definition"
    INVALID_ORDER = "invalid_order"
    INVALID_AMOUNT = "invalid_amount"
    UNKNOWN_FEE_TIER = "unknown_fee_tier"
    MARKET_CLOSED = "market_closed"
    BELOW_MINIMUM = "below_minimum"
    ABOVE_MAXIMUM = "above_maximum"
    TOO_MANY_ORDERS = "too_many_orders"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    WOULD_TAKE = "would_take"
    NOT_FILLED_WHOLE = "not_filled_whole"
    NO_LIQUIDITY = "no_liquidity"
    SELF_TRADE = "self_trade"
    IMMEDIATE_OR_CANCEL = "immediate_or_cancel"
    SLIPPAGE_CAP = "slippage_cap"
    BUDGET_SPENT = "budget_spent"
    UNKNOWN_ORDER = "unknown_order"
    USER_CANCELLED = "user_cancelled"
    RULES_NOT_NEWER = "rules_not_newer"
    EXPIRED = "expired"
    DEADLINE_PASSED = "deadline_passed"
    PRICE_BAND = "price_band"
    CIRCUIT_BREAKER = "circuit_breaker"
    ONE_CANCELS_OTHER = "one_cancels_other"
    DEAD_MANS_SWITCH = "dead_mans_switch"
    DISCONNECTED = "disconnected"
    OPERATOR_CANCELLED = "operator_cancelled"
    CANCEL_FAILED = "cancel_failed"
    BELOW_FILLED = "below_filled"
    INVALID_ACCOUNT = "invalid_account"
    REFERENCE_IN_USE = "reference_in_use"
    UNKNOWN_HOLD = "unknown_hold"


class AssetDefined(NamedTuple):
    asset: str


class MarketDefined(NamedTuple):
    market: str


class MarketStateChanged(NamedTuple):
    market: str
    state: MarketState
    reason: str


class RulesSet(NamedTuple):
    version: int


class FeeTierSet(NamedTuple):
    account: int
    tier: int


class Credited(NamedTuple):
    account: int
    asset: str
    amount_atoms: int


class CreditReversed(NamedTuple):
    """What a credit gave was taken back."""

    account: int
    asset: str
    amount_atoms: int


class Transferred(NamedTuple):
    """Of what was available to ``account``, this is ``to_account``'s now."""

    account: int
    to_account: int
    asset: str
    amount_atoms: int


class WithdrawalHeld(NamedTuple):
    """Of what was available to ``account``, this is held for the withdrawal of this reference now."""

    account: int
    asset: str
    amount_atoms: int
    reference: str


class WithdrawalReleased(NamedTuple):
    """Terminal: what was held for the withdrawal is available again."""

    account: int
    asset: str
    amount_atoms: int
    reference: str


class WithdrawalSettled(NamedTuple):
    """Terminal: what was held for the withdrawal has left, ``fee_atoms`` of it to the house, the rest out of the hot wallet."""

    account: int
    asset: str
    amount_atoms: int
    fee_atoms: int
    reference: str


class CustodyMoved(NamedTuple):
    """Kinds of the chart of accounts: so much less is in ``source``, so much more in ``target``."""

    asset: str
    amount_atoms: int
    source: Custody
    target: Custody
    reference: str


class CommandRejected(NamedTuple):
    """A command other than PlaceOrder was refused; nothing changed."""

    reason: Reason


class OrderRejected(NamedTuple):
    """The order was refused whole; nothing changed."""

    order: int
    account: int
    market: str
    reason: Reason


class OrderAccepted(NamedTuple):
    order: int
    account: int
    market: str


class Filled(NamedTuple):
    """One trade. ``quote_atoms`` moves from buyer to seller; each side's fee goes from it to the house, in quote atoms.

    ``maker_remaining_lots`` is what of the maker's order still rests. ``rounding_atoms`` is the part of both fees together
    that is there only by rounding up, -2 to 2: below zero where an earlier fill of an order was charged it already.
    """

    trade: int
    market: str
    price_ticks: int
    quantity_lots: int
    base_atoms: int
    quote_atoms: int
    taker_side: Side
    taker_order: int
    taker_account: int
    taker_fee_atoms: int
    maker_order: int
    maker_account: int
    maker_fee_atoms: int
    maker_remaining_lots: int
    rounding_atoms: int


class OrderFilled(NamedTuple):
    """Terminal: nothing of the order remains."""

    order: int
    account: int
    market: str


class OrderRested(NamedTuple):
    order: int
    account: int
    market: str
    side: Side
    price_ticks: int
    remaining_lots: int


class OrderCancelled(NamedTuple):
    """Terminal: what remained was cancelled; ``price_ticks`` is the level it rested at, None if it never rested.

    ``remaining_lots`` is None for a market order by quote budget.
    """

    order: int
    account: int
    market: str
    side: Side
    price_ticks: int | None
    remaining_lots: int | None
    reason: Reason


class OwnerSet(NamedTuple):
    account: int
    owner: int


class CancelAfterSet(NamedTuple):
    """The dead man's switch fires at the first event at or after ``due_us``; None: it is off."""

    account: int
    due_us: int | None


class LegPlaced(NamedTuple):
    """An order that another one brought with it, as it is now being placed; its acceptance or refusal follows."""

    order: int
    parent: int
    account: int
    market: str
    side: Side
    type: OrderType
    quantity_lots: int
    price_ticks: int | None
    trigger_ticks: int | None
    trailing_ticks: int | None


class OrderWaiting(NamedTuple):
    """The order is open, but not in the book: until a trade triggers it, or until there is a price to follow."""

    order: int
    account: int
    market: str
    side: Side
    trigger_ticks: int | None


class OrderTriggered(NamedTuple):
    """A trade at ``price_ticks`` made a waiting order act."""

    order: int
    account: int
    market: str
    price_ticks: int


class OrderAmended(NamedTuple):
    """What the order is from now on. ``previous_price_ticks``: where it rested, None if it did not.

    ``kept_place`` False: it has left its queue; where it goes follows.
    """

    order: int
    account: int
    market: str
    side: Side
    previous_price_ticks: int | None
    price_ticks: int | None
    quantity_lots: int
    remaining_lots: int
    trigger_ticks: int | None
    kept_place: bool


class OrderRepriced(NamedTuple):
    """A pegged order moved, to the end of the queue there. None: it is not in the book."""

    order: int
    account: int
    market: str
    side: Side
    previous_price_ticks: int | None
    price_ticks: int | None
    remaining_lots: int


class OrderRefreshed(NamedTuple):
    """An iceberg shows its next peak, at the end of its queue."""

    order: int
    account: int
    market: str
    side: Side
    price_ticks: int
    display_lots: int


class SelfTradePrevented(NamedTuple):
    """Two orders of one owner met, and ``prevented_lots`` did not trade. Not told for cancel_newest: the cancelled rest is it.

    ``mode`` decrement: both orders' quantities are less by so much, unless cancelled, which follows.
    """

    market: str
    price_ticks: int
    taker_order: int
    maker_order: int
    maker_side: Side
    prevented_lots: int
    mode: SelfTradePrevention


class AuctionUncrossed(NamedTuple):
    """The auction's price, and what trades at it next."""

    market: str
    price_ticks: int
    quantity_lots: int


class BalanceChanged(NamedTuple):
    """Absolute values after the event. Total is the sum of both."""

    account: int
    asset: str
    available_atoms: int
    held_atoms: int


Outcome = (
    AssetDefined
    | MarketDefined
    | MarketStateChanged
    | RulesSet
    | FeeTierSet
    | Credited
    | CreditReversed
    | Transferred
    | WithdrawalHeld
    | WithdrawalReleased
    | WithdrawalSettled
    | CustodyMoved
    | CommandRejected
    | OrderRejected
    | OrderAccepted
    | Filled
    | OrderFilled
    | OrderRested
    | OrderCancelled
    | BalanceChanged
    | OwnerSet
    | CancelAfterSet
    | LegPlaced
    | OrderWaiting
    | OrderTriggered
    | OrderAmended
    | OrderRepriced
    | OrderRefreshed
    | SelfTradePrevented
    | AuctionUncrossed
)

KINDS: dict[str, type[Outcome]] = {
    kind.__name__: kind
    for kind in (
        AssetDefined,
        MarketDefined,
        MarketStateChanged,
        RulesSet,
        FeeTierSet,
        Credited,
        CreditReversed,
        Transferred,
        WithdrawalHeld,
        WithdrawalReleased,
        WithdrawalSettled,
        CustodyMoved,
        CommandRejected,
        OrderRejected,
        OrderAccepted,
        Filled,
        OrderFilled,
        OrderRested,
        OrderCancelled,
        BalanceChanged,
        OwnerSet,
        CancelAfterSet,
        LegPlaced,
        OrderWaiting,
        OrderTriggered,
        OrderAmended,
        OrderRepriced,
        OrderRefreshed,
        SelfTradePrevented,
        AuctionUncrossed,
    )
}
