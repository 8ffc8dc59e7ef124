"""The oracle's world: its orders, markets and money, and the few steps that everything else is made of.

Prices in ticks, quantities in lots, amounts in atoms, rates in parts per million. What an account has available is what
it owns less what its open orders and withdrawals hold; neither is stored.
"""

from dataclasses import dataclass, field

from trading.engine.commands import (
    DefineAsset,
    DefineMarket,
    Leg,
    Options,
    OrderType,
    SelfTradePrevention,
    Side,
    TimeInForce,
)
from trading.engine.numbers import leg_of, parent_number
from trading.engine.outcomes import (
    BalanceChanged,
    Filled,
    MarketStateChanged,
    OrderCancelled,
    OrderFilled,
    OrderRefreshed,
    OrderRested,
    Outcome,
    Reason,
    WithdrawalHeld,
)

HOUSE = 0
LIMIT_TYPES = ("limit", "stop_limit", "take_profit_limit")
TRIGGER_TYPES = ("stop", "stop_limit", "take_profit", "take_profit_limit", "trailing_stop")
REFERENCE_WINDOW_US = 300_000_000
NO_OPTIONS = Options()


@dataclass(slots=True, eq=False)
class NaiveMarket:
    """A market with its open orders. One tick of one lot is ``unit`` quote atoms."""

    definition: DefineMarket
    unit: int
    state: str = "open"
    last: int | None = None
    reference: int | None = None
    window: int = 0
    orders: list["NaiveOrder"] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.definition.market

    def queue(self, side: Side) -> list["NaiveOrder"]:
        """The orders in the book of one side: best price first, at one price in the order of its queue."""
        worse_if_higher = -1 if side == "buy" else 1
        resting = [o for o in self.orders if o.side == side and o.price is not None]
        return sorted(resting, key=lambda o: (worse_if_higher * (o.price or 0), o.place))

    def best(self, side: Side, other_than: "NaiveOrder | None" = None) -> int | None:
        """The best price of a side, if there is any."""
        prices = [o.price for o in self.orders if o.side == side and o.price is not None and o is not other_than]
        if not prices:
            return None
        return max(prices) if side == "buy" else min(prices)

    def is_far(self, price: int, ppm: int | None) -> bool:
        """Whether a price is further from the reference than so many parts per million of it."""
        if ppm is None or self.reference is None:
            return False
        return abs(price - self.reference) * 1_000_000 > self.reference * ppm


@dataclass(slots=True, eq=False)
class NaiveOrder:
    """An order, from its first check to its end. ``limit``: its limit or cap. ``price``: where it rests, if it does.

    ``type``, ``time_in_force``: what it acts as now, so a triggered stop is a market order IOC.
    ``extreme``: of a trailing stop the best price since it follows. ``place``: the later in its queue, the larger.
    ``partner``: the other OCO leg.
    """

    number: int
    account: int
    market: NaiveMarket
    side: Side
    type: OrderType
    time_in_force: TimeInForce
    limit: int | None
    quantity: int | None
    budget: int | None
    maker_ppm: int
    taker_ppm: int
    accepted_at: int
    updated_at: int
    post_only: str
    display: int | None
    trigger: int | None
    trailing: int | None
    peg: str
    peg_offset: int
    expires_at: int | None
    mode: SelfTradePrevention
    keep_on_disconnect: bool
    on_fill: tuple[Leg, ...]
    remaining: int = 0
    filled: int = 0
    traded: int = 0
    fee_sum: int = 0
    price: int | None = None
    shown: int = 0
    place: int = 0
    extreme: int | None = None
    is_open: bool = False
    is_queued: bool = False
    partner: "NaiveOrder | None" = None

    @property
    def opposite(self) -> Side:
        return "sell" if self.side == "buy" else "buy"

    @property
    def waits_for_trigger(self) -> bool:
        return self.type in TRIGGER_TYPES

    @property
    def is_limit(self) -> bool:
        return self.type in LIMIT_TYPES

    @property
    def is_pegged(self) -> bool:
        return self.peg != "none"

    @property
    def may_stay(self) -> bool:
        return self.time_in_force in ("GTC", "GTD") or self.waits_for_trigger

    @property
    def age(self) -> tuple[int, int]:
        """Of two orders the older one is that of the earlier event, of one event the smaller leg."""
        return parent_number(self.number), leg_of(self.number)

    @property
    def left(self) -> int | None:
        """What remains, as it is told: of an order by budget nothing can be said."""
        return None if self.budget is not None else self.remaining

    def meets(self, price: int | None) -> bool:
        """Whether its limit lets it trade at the opposite price."""
        if price is None:
            return False
        if self.limit is None:
            return True
        return price <= self.limit if self.side == "buy" else price >= self.limit

    def charge(self, ppm: int, quote: int) -> tuple[int, int]:
        """Adds a fill; returns what that adds to the fee in whole atoms, and to what is there only by rounding up."""
        before, after = self.fee_sum, self.fee_sum + ppm * quote
        self.fee_sum = after
        self.traded += quote
        fee = ceil_ppm(after) - ceil_ppm(before)
        exact_part = after // 1_000_000 - before // 1_000_000
        return fee, fee - exact_part

    def cost(self, value: int, ppm: int) -> int:
        """Quote atoms that trading for this value more would cost a buyer, with the fee that it adds."""
        return value + ceil_ppm(self.fee_sum + ppm * value) - ceil_ppm(self.fee_sum)

    def hold(self) -> int:
        """What it holds: all that it can still cost."""
        if self.partner is not None and self.waits_for_trigger:
            return max(0, self.hold_alone() - self.partner.hold())
        return self.hold_alone()

    def hold_alone(self) -> int:
        """What it would hold if it were no leg of two."""
        if self.side == "sell":
            return self.remaining * self.market.definition.lot_atoms
        if self.budget is not None:
            return self.budget
        assert self.limit is not None
        value = self.limit * self.remaining * self.market.unit
        if not self.waits_for_trigger:
            return self.cost(value, max(0, self.maker_ppm))
        return self.cost(value, max(self.maker_ppm, self.taker_ppm) if self.is_limit else self.taker_ppm)


def ceil_ppm(millionths: int) -> int:
    return -(-millionths // 1_000_000)


@dataclass(slots=True, eq=False)
class Triggered:
    """In the queue of what was set off: an order whose turn it is to act, and the price that triggered it."""

    order: NaiveOrder
    price: int


@dataclass(slots=True, eq=False)
class Brought:
    """In the queue of what was set off: the legs of an order that has ended."""

    order: NaiveOrder


class World:
    """Everything that lasts, and the outcomes of the event that is running, with the balances it has touched."""

    def __init__(self) -> None:
        self.assets: dict[str, DefineAsset] = {}
        self.markets: dict[str, NaiveMarket] = {}
        self.tiers: dict[int, int] = {}
        self.owners: dict[int, int] = {}
        self.owned: dict[tuple[int, str], int] = {}
        self.withdrawals: list[WithdrawalHeld] = []
        """Those that were neither released nor settled."""
        self.switches: dict[int, tuple[int, int]] = {}
        """By account: when its dead man's switch fires, and the event that set it."""
        self.queue: list[Triggered | Brought] = []
        self.trades = 0
        self.rules = 1
        self.now = 0
        self.counter = 0
        self.outcomes: list[Outcome] = []
        self.touched: list[tuple[int, str]] = []
        self.changed: list[NaiveMarket] = []

    def next(self) -> int:
        self.counter += 1
        return self.counter

    def tell(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)

    # Money

    def owner(self, account: int) -> int:
        return self.owners.get(account, account)

    def is_own(self, one: NaiveOrder, other: NaiveOrder) -> bool:
        return self.owner(one.account) == self.owner(other.account)

    def move(self, account: int, asset: str, amount: int) -> None:
        self.owned[account, asset] = self.owned.get((account, asset), 0) + amount

    def open_orders(self, account: int | None = None) -> list[NaiveOrder]:
        """The open orders, of one account or all, oldest first."""
        found = [o for m in self.markets.values() for o in m.orders if account is None or o.account == account]
        return sorted(found, key=lambda o: o.age)

    def held(self, account: int, asset: str) -> int:
        total = sum(w.amount_atoms for w in self.withdrawals if (w.account, w.asset) == (account, asset))
        for market in self.markets.values():
            for side, held_asset in (("buy", market.definition.quote), ("sell", market.definition.base)):
                if held_asset == asset:
                    total += sum(o.hold() for o in market.orders if o.account == account and o.side == side)
        return total

    def available(self, account: int, asset: str) -> int:
        return self.owned.get((account, asset), 0) - self.held(account, asset)

    def pays_with(self, order: NaiveOrder) -> str:
        """The asset that the order gives, and holds."""
        return order.market.definition.quote if order.side == "buy" else order.market.definition.base

    def gets(self, order: NaiveOrder) -> str:
        return order.market.definition.base if order.side == "buy" else order.market.definition.quote

    def touch(self, account: int, asset: str) -> None:
        if (account, asset) not in self.touched:
            self.touched.append((account, asset))

    def touch_hold(self, order: NaiveOrder) -> None:
        self.touch(order.account, self.pays_with(order))

    def touch_both(self, order: NaiveOrder) -> None:
        self.touch(order.account, self.pays_with(order))
        self.touch(order.account, self.gets(order))

    def tell_balances(self) -> None:
        for account, asset in self.touched:
            held = self.held(account, asset)
            self.tell(BalanceChanged(account, asset, self.owned.get((account, asset), 0) - held, held))

    # The life of an order

    def change(self, market: NaiveMarket) -> None:
        """Notes that something happened to the market's book."""
        if market not in self.changed:
            self.changed.append(market)

    def open(self, order: NaiveOrder) -> None:
        """It is open from now on and holds."""
        order.is_open = True
        order.market.orders.append(order)
        self.touch_hold(order)

    def put(self, order: NaiveOrder, price: int | None) -> None:
        """It goes to the end of the queue at the price; None: it leaves the book."""
        order.price = price
        order.place = self.next()
        order.shown = order.remaining if order.display is None else min(order.display, order.remaining)
        self.change(order.market)

    def rest(self, order: NaiveOrder) -> None:
        """It rests at its limit, or where it already has a price."""
        price = order.limit if order.price is None else order.price
        assert price is not None
        self.open(order)
        self.put(order, price)
        self.tell(OrderRested(order.number, order.account, order.market.name, order.side, price, order.remaining))

    def remove(self, order: NaiveOrder) -> None:
        """It is no longer open, nor in the book."""
        if order.price is not None:
            self.change(order.market)
        order.market.orders.remove(order)
        order.is_open = False

    def close(self, order: NaiveOrder, reason: Reason) -> None:
        """Cancels an open order, and the other of the two if it is one of a pair."""
        self.touch_hold(order)
        self.remove(order)
        self.tell_cancelled(order, order.price, reason)
        self.part(order)

    def tell_cancelled(self, order: NaiveOrder, price: int | None, reason: Reason) -> None:
        name = order.market.name
        self.tell(OrderCancelled(order.number, order.account, name, order.side, price, order.left, reason))
        self.bring(order)

    def tell_filled(self, order: NaiveOrder) -> None:
        self.tell(OrderFilled(order.number, order.account, order.market.name))
        self.bring(order)

    def bring(self, order: NaiveOrder) -> None:
        """It has ended: what it brings for what it has filled waits for its turn."""
        if order.on_fill and order.filled > 0:
            self.queue.append(Brought(order))

    def part(self, order: NaiveOrder) -> None:
        """Something happened to one of two legs: the other is cancelled."""
        other = order.partner
        if other is not None:
            order.partner = other.partner = None
            self.close(other, Reason.ONE_CANCELS_OTHER)

    def refresh(self, order: NaiveOrder) -> None:
        """The peak has traded and something remains: the next one shows at the end of the queue."""
        assert order.price is not None
        self.put(order, order.price)
        name = order.market.name
        self.tell(OrderRefreshed(order.number, order.account, name, order.side, order.price, order.shown))

    def decrement(self, order: NaiveOrder, lots: int) -> None:
        """Takes lots from an order that stays, from what is hidden first."""
        assert order.quantity is not None
        order.quantity -= lots
        order.remaining -= lots
        order.updated_at = self.now
        if order.is_open:
            order.shown = min(order.shown, order.remaining)
            self.change(order.market)
            self.touch_hold(order)
            self.part(order)

    def trade(
        self, taker: NaiveOrder, maker: NaiveOrder, price: int, lots: int, taker_ppm: int, maker_ppm: int
    ) -> None:
        """Moves the money of one trade and tells of it; what becomes of the two orders is the caller's."""
        market = taker.market
        base, quote = market.definition.base, market.definition.quote
        base_atoms, quote_atoms = lots * market.definition.lot_atoms, price * lots * market.unit
        taker_fee, taker_rounding = taker.charge(taker_ppm, quote_atoms)
        maker_fee, maker_rounding = maker.charge(maker_ppm, quote_atoms)
        for order, fee in ((taker, taker_fee), (maker, maker_fee)):
            sign = 1 if order.side == "buy" else -1
            self.move(order.account, base, sign * base_atoms)
            self.move(order.account, quote, -sign * quote_atoms - fee)
            order.filled += lots
            order.updated_at = self.now
            if order.quantity is not None:
                order.remaining -= lots
            order.shown -= lots
        self.move(HOUSE, quote, taker_fee + maker_fee)
        self.trades += 1
        market.last = price
        if market.reference is None:
            market.reference = price
        self.change(market)
        self.tell(
            Filled(
                trade=self.trades,
                market=market.name,
                price_ticks=price,
                quantity_lots=lots,
                base_atoms=base_atoms,
                quote_atoms=quote_atoms,
                taker_side=taker.side,
                taker_order=taker.number,
                taker_account=taker.account,
                taker_fee_atoms=taker_fee,
                maker_order=maker.number,
                maker_account=maker.account,
                maker_fee_atoms=maker_fee,
                maker_remaining_lots=maker.remaining,
                rounding_atoms=taker_rounding + maker_rounding,
            )
        )

    def trip(self, market: NaiveMarket) -> None:
        """The circuit breaker."""
        market.state = "cancel_only"
        self.change(market)
        self.tell(MarketStateChanged(market.name, "cancel_only", Reason.CIRCUIT_BREAKER))
