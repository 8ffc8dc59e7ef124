"""A market: its definition, state, book, waiting orders and participants, and what its ticks and lots amount to in atoms."""

from typing import Final

from .balances import Balance, Balances
from .bounds import MAXIMUM_NOTIONAL_ATOMS, MAXIMUM_QUANTITY_LOTS
from .commands import DefineAsset, DefineMarket, MarketState
from .fees import PPM, Rates
from .order_book import Order, OrderBook
from .participant import Participant
from .triggers import Triggers

MAXIMUM_DECIMALS: Final = 36
MAXIMUM_FEE_TIERS: Final = 64
MAXIMUM_PEGGED_ORDERS: Final = 100
REFERENCE_WINDOW_US: Final = 300_000_000


def is_valid_asset(definition: DefineAsset) -> bool:
    return bool(definition.asset) and 0 <= definition.trading_decimals <= definition.decimals <= MAXIMUM_DECIMALS


def is_valid_market(definition: DefineMarket, base: DefineAsset) -> bool:
    """Whether the numbers make a market; ``base`` is its base asset. One tick of one lot must be whole quote atoms."""
    return (
        bool(definition.market)
        and definition.base != definition.quote
        and definition.tick_atoms > 0
        and definition.lot_atoms > 0
        and definition.minimum_lots > 0
        and definition.minimum_notional_atoms > 0
        and definition.maximum_open_orders > 0
        and _are_valid_tiers(definition)
        and _is_valid_band(definition.price_band_ppm)
        and _is_valid_band(definition.breaker_ppm)
        and definition.tick_atoms * definition.lot_atoms % 10**base.decimals == 0
    )


def _are_valid_tiers(definition: DefineMarket) -> bool:
    """No rebate is more than the least that a taker can have paid for it."""
    tiers = definition.fee_tiers
    if not 1 <= len(tiers) <= MAXIMUM_FEE_TIERS:
        return False
    lowest_ppm = min(tier.taker_ppm for tier in tiers)
    return lowest_ppm >= 0 and all(-lowest_ppm <= tier.maker_ppm <= PPM and tier.taker_ppm <= PPM for tier in tiers)


def _is_valid_band(ppm: int | None) -> bool:
    return ppm is None or 1 <= ppm <= PPM


class Market:
    """One market. ``number``: the how many-th it was, from 0. ``tick_lot_atoms``: quote atoms of one lot at a price of one tick.

    Prices are 0 before the first trade. ``changed_seq`` is the last event that changed its book or state.
    """

    __slots__ = (
        "_rates",
        "band_ppm",
        "base",
        "book",
        "breaker_ppm",
        "changed_seq",
        "definition",
        "has_reference",
        "house",
        "is_narrow",
        "is_open",
        "last_ticks",
        "lot_atoms",
        "maximum_open_orders",
        "minimum_lots",
        "minimum_notional_atoms",
        "name",
        "number",
        "participants",
        "pegged",
        "quote",
        "reference_ticks",
        "reference_window",
        "rules",
        "simple_notional_atoms",
        "state",
        "takes_simply",
        "tick_lot_atoms",
        "triggers",
        "word",
    )

    def __init__(self, number: int, definition: DefineMarket, base: DefineAsset, rules: int) -> None:
        self.number = number
        self.word = number << 32
        """Its number where packed outcomes have it."""
        self.definition = definition
        self.name: str = definition.market
        self.rules = rules
        """The engine's version of the rules, see ``rules``."""
        self.state: MarketState = "open"
        self.is_open = True
        self.is_narrow = True
        """Whether there is so little of both assets that no balance can take more than one word, see ``record``."""
        self.takes_simply = False
        """Whether it is open and has neither price band nor circuit breaker, and no old rules hold."""
        self.base: str = definition.base
        self.quote: str = definition.quote
        self.book = OrderBook()
        self.lot_atoms: int = definition.lot_atoms
        self.tick_lot_atoms: int = definition.tick_atoms * definition.lot_atoms // 10**base.decimals
        self.minimum_lots: int = definition.minimum_lots
        self.minimum_notional_atoms: int = definition.minimum_notional_atoms
        self.simple_notional_atoms = 0
        """While it is open, has no price band, and no old rules hold: an order whose notional is no higher is beyond no bound, for
        neither its price nor its quantity can be. Else 0, which no order's is."""
        self.maximum_open_orders: int = definition.maximum_open_orders
        self.band_ppm: int = definition.price_band_ppm or 0
        self.breaker_ppm: int = definition.breaker_ppm or 0
        self.has_reference = bool(self.band_ppm or self.breaker_ppm)
        self._rates = [Rates(tier.maker_ppm, tier.taker_ppm) for tier in definition.fee_tiers]
        self.participants: dict[int, Participant] = {}
        self.triggers = Triggers()
        self.pegged: dict[int, Order] = {}
        """The pegged orders by number, oldest first."""
        self.house: Balance | None = None
        """Where its fees go, from the first trade on."""
        self.last_ticks = 0
        self.reference_ticks = 0
        self.reference_window = 0
        self.changed_seq = 0
        self.set_rules(rules)

    def set_rules(self, rules: int) -> None:
        self.rules = rules
        self.set_state(self.state)

    def set_state(self, state: MarketState) -> None:
        self.state = state
        self.is_open = state == "open"
        is_simple = self.is_open and not self.band_ppm and self.rules >= 2
        highest_atoms = min(MAXIMUM_NOTIONAL_ATOMS, MAXIMUM_QUANTITY_LOTS * self.tick_lot_atoms)
        self.simple_notional_atoms = highest_atoms if is_simple else 0
        self.takes_simply = is_simple and not self.breaker_ppm

    def rates(self, tier: int) -> Rates:
        """The rates of a fee tier, the same object for all who have it; one beyond this market's list has the last of it."""
        return self._rates[min(tier, len(self._rates) - 1)]

    def join(self, account: int, owner: int, balances: Balances, tier: int) -> Participant:
        """The account's participant here, made for its first order."""
        base = balances.of(account, self.definition.base)
        quote = balances.of(account, self.definition.quote)
        participant = Participant(account, owner, self, base, quote, self.rates(tier))
        self.participants[account] = participant
        return participant

    def set_tier(self, account: int, tier: int) -> None:
        """Gives the account the rates of a fee tier, if it has ever ordered here; else its first order will."""
        participant = self.participants.get(account)
        if participant is not None:
            participant.rates = self.rates(tier)

    # The last price and the reference price

    def trade_at(self, price_ticks: int, at_us: int) -> None:
        """Notes the price of the last of some trades; the reference is the last price before the current window."""
        if self.has_reference:
            window = at_us // REFERENCE_WINDOW_US
            if window != self.reference_window or self.reference_ticks == 0:
                self.reference_window = window
                self.reference_ticks = self.last_ticks
        self.last_ticks = price_ticks

    def restart_reference(self, at_us: int) -> None:
        """The market reopens: distances are measured from the last price."""
        self.reference_ticks = self.last_ticks
        self.reference_window = at_us // REFERENCE_WINDOW_US

    def is_outside(self, price_ticks: int, ppm: int, at_us: int) -> bool:
        """Whether a price is further than that from the reference; never before the first trade."""
        reference = self.reference_ticks
        if at_us // REFERENCE_WINDOW_US != self.reference_window:
            reference = self.last_ticks
        return reference > 0 and abs(price_ticks - reference) * PPM > reference * ppm
