"""A market: its definition, state, book and participants, and what its ticks and lots amount to in atoms."""

from .balances import Balances, buy_hold_atoms, sell_hold_atoms
from .commands import DefineAsset, DefineMarket, FeeTier, MarketState
from .fees import PPM
from .order_book import Order, OrderBook
from .participant import Participant

MAXIMUM_DECIMALS = 36
MAXIMUM_FEE_TIERS = 64


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
        and 1 <= len(definition.fee_tiers) <= MAXIMUM_FEE_TIERS
        and all(0 <= tier.maker_ppm <= PPM and 0 <= tier.taker_ppm <= PPM for tier in definition.fee_tiers)
        and definition.tick_atoms * definition.lot_atoms % 10**base.decimals == 0
    )


class Market:
    """One market. ``tick_lot_atoms``: quote atoms of one lot at a price of one tick."""

    __slots__ = ("book", "definition", "lot_atoms", "name", "participants", "state", "tick_lot_atoms")

    def __init__(self, definition: DefineMarket, base: DefineAsset) -> None:
        self.definition = definition
        self.name = definition.market
        self.state: MarketState = "open"
        self.book = OrderBook()
        self.lot_atoms = definition.lot_atoms
        self.tick_lot_atoms: int = definition.tick_atoms * definition.lot_atoms // 10**base.decimals
        self.participants: dict[int, Participant] = {}

    def rates(self, tier: int) -> FeeTier:
        """The rates of a fee tier; one beyond this market's list has the last of it."""
        tiers = self.definition.fee_tiers
        return tiers[min(tier, len(tiers) - 1)]

    def join(self, account: int, balances: Balances, tier: int) -> Participant:
        """The account's participant here, made if this is its first order."""
        participant = self.participants.get(account)
        if participant is None:
            base = balances.of(account, self.definition.base)
            quote = balances.of(account, self.definition.quote)
            participant = Participant(account, base, quote, self.rates(tier))
            self.participants[account] = participant
        return participant

    def set_tier(self, account: int, tier: int) -> None:
        """Gives the account the rates of a fee tier, if it has ever ordered here; else its first order will."""
        participant = self.participants.get(account)
        if participant is not None:
            participant.set_rates(self.rates(tier))

    def open_orders(self, account: int) -> int:
        """How many orders of the account rest here."""
        participant = self.participants.get(account)
        return 0 if participant is None else participant.open_orders

    def hold_atoms(self, order: Order) -> int:
        """What a resting order holds: quote atoms for a buy, base atoms for a sell."""
        if order.side == "sell":
            return sell_hold_atoms(order.remaining_lots, self.lot_atoms)
        value_atoms = order.price_ticks * order.remaining_lots * self.tick_lot_atoms
        return buy_hold_atoms(value_atoms, order.maker_ppm, order.fee_ppm_sum)
