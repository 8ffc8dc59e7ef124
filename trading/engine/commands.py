"""Commands: everything that may be asked of the exchange, in the imperative.

A command is one row of the journal. Its kind is the class name, its body the fields as JSON. Amounts are integers:
``*_ticks`` of the market's tick, ``*_lots`` of its lot, ``*_atoms`` atomic units of the asset, ``*_ppm`` parts per
million.
A field that is not given is ``None``; nothing changes its meaning by type.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

Side = Literal["buy", "sell"]
OrderType = Literal["limit", "market"]
TimeInForce = Literal["GTC", "IOC", "FOK"]
PostOnly = Literal["none", "reject"]
AssetKind = Literal["crypto", "token", "fiat"]
MarketState = Literal["open", "cancel_only", "halted"]
CreditSource = Literal["faucet", "adjustment"]


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
    """Rates of one fee tier, in parts per million of the quote amount."""

    maker_ppm: int
    taker_ppm: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DefineMarket:
    """Lists a market, open.

    ``tick_atoms``: quote atoms per whole base unit that one tick of price stands for.
    ``lot_atoms``: base atoms in one lot. One tick times one lot must be a whole number of quote atoms.
    ``fee_tiers``: tier 0 is everybody's; an account is moved by SetFeeTier.
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
class PlaceOrder:
    """Places an order. The sequence number of this event is the order's number in the engine.

    limit: ``price_ticks`` and ``quantity_lots``.
    market: ``quantity_lots``, or for a buy ``budget_atoms`` (quote atoms, fee included); never rests;
    ``price_ticks`` is then the slippage cap, or None for no cap.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelOrder:
    """Cancels one open order of the account. ``order`` is the sequence number of its PlaceOrder event."""

    account: int
    order: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelAll:
    """Cancels the account's open orders, of one market or side if given, oldest first."""

    account: int
    market: str | None = None
    side: Side | None = None


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
    )
}


class Event(NamedTuple):
    """A journaled command: ``seq`` gapless from 1, ``at_us`` microseconds since the epoch, never decreasing."""

    seq: int
    at_us: int
    command: Command
