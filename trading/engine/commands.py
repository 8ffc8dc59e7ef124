"""Commands: everything that may be asked of the exchange, in the imperative.

A command is one row of the journal. Its kind is the class name, its body the fields as JSON. Amounts are integers:
``*_ticks`` of the market's tick, ``*_lots`` of its lot, ``*_atoms`` atomic units of the asset, ``*_ppm`` parts per
million.
A field that is not given is ``None``; nothing changes its meaning by type.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

Side = Literal["buy", "sell"]
OrderType = Literal["limit", "market", "stop", "stop_limit", "take_profit", "take_profit_limit", "trailing_stop"]
TimeInForce = Literal["GTC", "GTD", "IOC", "FOK"]
PostOnly = Literal["none", "reject", "reprice"]
SelfTradePrevention = Literal["cancel_newest", "cancel_oldest", "cancel_both", "decrement"]
Peg = Literal["none", "best_bid", "best_offer"]
AssetKind = Literal["crypto", "token", "fiat"]
MarketState = Literal["open", "post_only", "cancel_only", "halted", "auction"]
CreditSource = Literal["faucet", "adjustment", "deposit"]
Custody = Literal["custody_hot", "custody_cold", "custody_transit", "network_fees"]
CancelCause = Literal["user", "disconnect"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DefineAsset:
    """Lists an asset. ``decimals`` places make one whole unit of it out of atoms; ``trading_decimals`` are shown."""

    asset: str
    name: str
    kind: AssetKind
    decimals: int
    trading_decimals: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeTier:
    """Rates of one fee tier, in parts per million of the quote amount. A maker's rate below zero is a rebate."""

    maker_ppm: int
    taker_ppm: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DefineMarket:
    """Lists a market, open.

    ``tick_atoms``: quote atoms per whole base unit that one tick of price stands for.
    ``lot_atoms``: base atoms in one lot. One tick times one lot must be a whole number of quote atoms.
    ``fee_tiers``: tier 0 is everybody's; an account is moved by SetFeeTier. No rebate exceeds any taker's rate.
    ``price_band_ppm``: how far from the reference price a limit may be; ``breaker_ppm``: how far from it an order may
    trade before the circuit breaker closes the market. None: any distance. docs/matching.md says what the reference is.
    """

    market: str
    base: str
    quote: str
    tick_atoms: int
    lot_atoms: int
    minimum_lots: int
    minimum_notional_atoms: int
    maximum_open_orders: int
    fee_tiers: tuple[FeeTier, ...]
    price_band_ppm: int | None = None
    breaker_ppm: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetMarketState:
    market: str
    state: MarketState
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetRules:
    """From the next event on the exchange goes by this version of the rules, see ``rules``. Only to newer ones."""

    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SetFeeTier:
    account: int
    tier: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """Adds to an account's available balance. ``reference`` names the cause outside the journal."""

    account: int
    asset: str
    amount_atoms: int
    source: CreditSource
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReverseCredit:
    """Takes back what a Credit gave. ``credit`` is that event's sequence number, the fields before it are its own."""

    account: int
    asset: str
    amount_atoms: int
    source: CreditSource
    credit: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferFunds:
    """Moves what is available from one account to another. ``reference`` names the cause outside the journal."""

    account: int
    to_account: int
    asset: str
    amount_atoms: int
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldWithdrawal:
    """Holds what is to leave the exchange, our fee included, until it is released or settled under its ``reference``."""

    account: int
    asset: str
    amount_atoms: int
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseWithdrawal:
    """Gives back what a HoldWithdrawal held: nothing has left."""

    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleWithdrawal:
    """What a HoldWithdrawal held has left: ``fee_atoms`` of it are the house's, the rest was paid out of the hot wallet."""

    reference: str
    fee_atoms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveCustody:
    """What the house keeps was moved, or spent on network fees. ``reference`` names the cause outside the journal."""

    asset: str
    amount_atoms: int
    source: Custody
    target: Custody
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetOwner:
    """From now on the account is one of this owner's. An account that was never told of is its own owner."""

    account: int
    owner: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """An order that depends on another and has its quantity from there, see docs/matching.md.

    ``price_ticks``: the limit, or of a type that trades at the market the slippage cap. Good till cancelled.
    """

    type: OrderType
    price_ticks: int | None = None
    trigger_ticks: int | None = None
    trailing_ticks: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What few orders ask for.

    ``expires_at_us``: of a GTD order. ``deadline_us``: the order is refused if its event is later.
    ``display_lots``: the peak of an iceberg. ``trigger_ticks``: of stop and take-profit types; of a trailing stop the
    price from which on it trails, or None to trail at once. ``trailing_ticks``: a trailing stop's distance.
    ``peg``: the price that the order follows at ``peg_offset_ticks``, within its own limit.
    ``keep_on_disconnect``: spared by a CancelAll whose cause is a disconnect.
    ``oco``: the other leg; the one that acts first cancels the other. ``on_fill``: one or two orders of the opposite side
    for what this one has filled when it ends; two are each other's OCO legs.
    """

    expires_at_us: int | None = None
    deadline_us: int | None = None
    self_trade_prevention: SelfTradePrevention = "cancel_newest"
    display_lots: int | None = None
    trigger_ticks: int | None = None
    trailing_ticks: int | None = None
    peg: Peg = "none"
    peg_offset_ticks: int = 0
    keep_on_disconnect: bool = False
    oco: Leg | None = None
    on_fill: tuple[Leg, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceOrder:
    """Places an order. The sequence number of this event is the order's number in the engine.

    limit: ``price_ticks`` and ``quantity_lots``.
    market: ``quantity_lots``, or for a buy ``budget_atoms`` (quote atoms, fee included); never rests;
    ``price_ticks`` is then the slippage cap, or None for no cap.
    stop, take_profit, trailing_stop: a market order once triggered; stop_limit, take_profit_limit: a limit order.
    """

    account: int
    market: str
    side: Side
    type: OrderType
    time_in_force: TimeInForce
    quantity_lots: int | None = None
    budget_atoms: int | None = None
    price_ticks: int | None = None
    post_only: PostOnly = "none"
    client_order_id: str | None = None
    options: Options | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AmendOrder:
    """Changes an open order in place. ``quantity_lots`` is the whole order's, filled part included; None: as it is."""

    account: int
    order: int
    quantity_lots: int | None = None
    price_ticks: int | None = None
    trigger_ticks: int | None = None
    deadline_us: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelOrder:
    """Cancels one open order of the account, by its number."""

    account: int
    order: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelReplace:
    """Cancels one order, then places another. If there is nothing to cancel and ``stop_on_failure``, places nothing."""

    account: int
    order: int
    place: PlaceOrder
    stop_on_failure: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelAll:
    """Cancels the account's open orders, of one market or side if given, oldest first."""

    account: int
    market: str | None = None
    side: Side | None = None
    cause: CancelCause = "user"


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelMarket:
    """Cancels everybody's open orders in a market, of one side if given, oldest first. ``reason`` is for people."""

    market: str
    side: Side | None = None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelAfter:
    """The dead man's switch: all of the account's orders are cancelled so long after this event, unless it is set anew.

    ``timeout_us`` 0 disarms it.
    """

    account: int
    timeout_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """Nothing but the time of its event, for the timers that are due."""


Command = (
    DefineAsset
    | DefineMarket
    | SetMarketState
    | SetRules
    | SetFeeTier
    | Credit
    | PlaceOrder
    | CancelOrder
    | CancelAll
    | ReverseCredit
    | TransferFunds
    | HoldWithdrawal
    | ReleaseWithdrawal
    | SettleWithdrawal
    | MoveCustody
    | SetOwner
    | AmendOrder
    | CancelReplace
    | CancelMarket
    | CancelAfter
    | Tick
)

KINDS: dict[str, type[Command]] = {
    kind.__name__: kind
    for kind in (
        DefineAsset,
        DefineMarket,
        SetMarketState,
        SetRules,
        SetFeeTier,
        Credit,
        PlaceOrder,
        CancelOrder,
        CancelAll,
        ReverseCredit,
        SetOwner,
        AmendOrder,
        CancelReplace,
        CancelMarket,
        CancelAfter,
        Tick,
        TransferFunds,
        HoldWithdrawal,
        ReleaseWithdrawal,
        SettleWithdrawal,
        MoveCustody,
    )
}


class Event(NamedTuple):
    """A journaled command: ``seq`` gapless from 1, ``at_us`` microseconds since the epoch, never decreasing."""

    seq: int
    at_us: int
    command: Command
