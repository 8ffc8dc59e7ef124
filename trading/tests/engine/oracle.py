"""The oracle: the exchange's rules once more, in lists and loops, written to be read.

It shares only the commands and outcomes with the engine. It keeps what each account owns in all; what is held is added
up anew from the open orders whenever somebody asks. Orders stand in one list, and every search goes through all of it.
A buy by budget is bought lot by lot. Fees are fractions, rounded up per order.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor

from trading.engine.commands import (
    CancelAll,
    CancelOrder,
    Credit,
    DefineAsset,
    DefineMarket,
    Event,
    PlaceOrder,
    ReverseCredit,
    SetFeeTier,
    SetMarketState,
    SetRules,
    Side,
)
from trading.engine.outcomes import (
    AssetDefined,
    BalanceChanged,
    CommandRejected,
    Credited,
    CreditReversed,
    FeeTierSet,
    Filled,
    MarketDefined,
    MarketStateChanged,
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    OrderRejected,
    OrderRested,
    Outcome,
    Reason,
    RulesSet,
)

HOUSE = 0
FORMS = [
    ("limit", "GTC", "none"),
    ("limit", "GTC", "reject"),
    ("limit", "IOC", "none"),
    ("limit", "FOK", "none"),
    ("market", "IOC", "none"),
    ("market", "FOK", "none"),
]


@dataclass
class NaiveOrder:
    number: int
    account: int
    market: str
    side: Side
    price: int | None
    lots: int | None
    budget: int | None
    maker_ppm: int
    taker_ppm: int
    remaining: int
    accepted_at: int
    updated_at: int
    traded: int = 0
    exact_fee: Fraction = field(default_factory=Fraction)

    def charge(self, ppm: int, quote: int) -> tuple[int, int]:
        """Adds a fill and its exact fee; returns what that adds to the fee in whole atoms, and to its rounding up."""
        self.traded += quote
        before = self.exact_fee
        self.exact_fee += Fraction(ppm * quote, 1_000_000)
        fee = ceil(self.exact_fee) - ceil(before)
        return fee, fee - (floor(self.exact_fee) - floor(before))


Plan = list[tuple[NaiveOrder, int]]


class Oracle:
    def __init__(self) -> None:
        self.assets: dict[str, DefineAsset] = {}
        self.markets: dict[str, DefineMarket] = {}
        self.states: dict[str, str] = {}
        self.tiers: dict[int, int] = {}
        self.owned: dict[tuple[int, str], int] = {}
        self.open: list[NaiveOrder] = []
        self.trades = 0
        self.rules = 1

    def apply(self, event: Event) -> list[Outcome]:
        match event.command:
            case DefineAsset() as command:
                if command.asset in self.assets:
                    return [CommandRejected(Reason.ALREADY_DEFINED)]
                self.assets[command.asset] = command
                return [AssetDefined(command.asset)]
            case DefineMarket() as command:
                if command.market in self.markets:
                    return [CommandRejected(Reason.ALREADY_DEFINED)]
                self.markets[command.market] = command
                self.states[command.market] = "open"
                return [MarketDefined(command.market)]
            case SetMarketState() as command:
                if command.market not in self.markets:
                    return [CommandRejected(Reason.UNKNOWN_MARKET)]
                self.states[command.market] = command.state
                return [MarketStateChanged(command.market, command.state, command.reason)]
            case SetRules() as command:
                if command.version <= self.rules:
                    return [CommandRejected(Reason.RULES_NOT_NEWER)]
                self.rules = command.version
                return [RulesSet(command.version)]
            case SetFeeTier() as command:
                if command.account <= 0:
                    return [CommandRejected(Reason.INVALID_AMOUNT)]
                if command.tier < 0 or command.tier >= 64:
                    return [CommandRejected(Reason.UNKNOWN_FEE_TIER)]
                self.tiers[command.account] = command.tier
                return [FeeTierSet(command.account, command.tier)]
            case Credit() as command:
                return self.credit(command)
            case ReverseCredit() as command:
                return self.reverse_credit(command)
            case CancelOrder() as command:
                mine = [o for o in self.open if o.number == command.order and o.account == command.account]
                return self.cancel(mine) if mine else [CommandRejected(Reason.UNKNOWN_ORDER)]
            case CancelAll() as command:
                return self.cancel_all(command)
            case PlaceOrder() as command:
                return self.place(event.seq, event.at_us, command)

    # Money

    def base(self, market: str) -> str:
        return self.markets[market].base

    def quote(self, market: str) -> str:
        return self.markets[market].quote

    def quote_atoms(self, market: str, price: int, lots: int) -> int:
        definition = self.markets[market]
        base_unit_atoms = 10 ** self.assets[definition.base].decimals
        exact = Fraction(price * definition.tick_atoms * lots * definition.lot_atoms, base_unit_atoms)
        assert exact.denominator == 1
        return exact.numerator

    def move(self, account: int, asset: str, amount: int) -> None:
        self.owned[account, asset] = self.owned.get((account, asset), 0) + amount

    def hold(self, order: NaiveOrder) -> tuple[str, int]:
        """(asset, amount) that an open order holds: all that it can still cost."""
        if order.side == "sell":
            return self.base(order.market), order.remaining * self.markets[order.market].lot_atoms
        assert order.price is not None
        value = self.quote_atoms(order.market, order.price, order.remaining)
        fee_at_the_end = ceil(order.exact_fee + Fraction(order.maker_ppm * value, 1_000_000))
        return self.quote(order.market), value + fee_at_the_end - ceil(order.exact_fee)

    def held(self, account: int, asset: str) -> int:
        holds = [self.hold(order) for order in self.open if order.account == account]
        return sum(amount for held_asset, amount in holds if held_asset == asset)

    def available(self, account: int, asset: str) -> int:
        return self.owned.get((account, asset), 0) - self.held(account, asset)

    def balances(self, touched: list[tuple[int, str]]) -> list[Outcome]:
        once = list(dict.fromkeys(touched))
        return [BalanceChanged(*key, self.available(*key), self.held(*key)) for key in once]

    def credit(self, command: Credit) -> list[Outcome]:
        if command.asset not in self.assets:
            return [CommandRejected(Reason.UNKNOWN_ASSET)]
        if command.account <= 0 or command.amount_atoms <= 0:
            return [CommandRejected(Reason.INVALID_AMOUNT)]
        if command.amount_atoms > 10**36:
            return [CommandRejected(Reason.ABOVE_MAXIMUM)]
        self.move(command.account, command.asset, command.amount_atoms)
        credited = Credited(command.account, command.asset, command.amount_atoms)
        return [credited, *self.balances([(command.account, command.asset)])]

    def reverse_credit(self, command: ReverseCredit) -> list[Outcome]:
        if command.asset not in self.assets:
            return [CommandRejected(Reason.UNKNOWN_ASSET)]
        if command.account <= 0 or command.amount_atoms <= 0:
            return [CommandRejected(Reason.INVALID_AMOUNT)]
        if command.amount_atoms > 10**36:
            return [CommandRejected(Reason.ABOVE_MAXIMUM)]
        if self.available(command.account, command.asset) < command.amount_atoms:
            return [CommandRejected(Reason.INSUFFICIENT_FUNDS)]
        self.move(command.account, command.asset, -command.amount_atoms)
        taken = CreditReversed(command.account, command.asset, command.amount_atoms)
        return [taken, *self.balances([(command.account, command.asset)])]

    # Cancelling

    def cancel_all(self, command: CancelAll) -> list[Outcome]:
        if command.account <= 0:
            return [CommandRejected(Reason.INVALID_ORDER)]
        if command.market is not None and command.market not in self.markets:
            return [CommandRejected(Reason.UNKNOWN_MARKET)]
        mine = [order for order in self.open if order.account == command.account]
        if command.market is not None:
            mine = [order for order in mine if order.market == command.market]
        if command.side is not None:
            mine = [order for order in mine if order.side == command.side]
        return self.cancel(mine)

    def cancel(self, orders: list[NaiveOrder]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        touched = []
        for o in sorted(orders, key=lambda o: o.number):
            touched.append((o.account, self.hold(o)[0]))
            self.open.remove(o)
            outcomes.append(
                OrderCancelled(o.number, o.account, o.market, o.side, o.price, o.remaining, Reason.USER_CANCELLED)
            )
        return outcomes + self.balances(touched)

    # Placing

    def place(self, number: int, now: int, command: PlaceOrder) -> list[Outcome]:
        account, market = command.account, command.market
        reason = self.refusal(command)
        if reason is not None:
            return [OrderRejected(number, account, market, reason)]
        order = self.order(number, now, command)
        plan, stop = self.plan(order)
        reason = self.refusal_by_book(command, order, plan, stop) or self.refusal_by_funds(command, order, plan)
        if reason is not None:
            return [OrderRejected(number, account, market, reason)]

        outcomes: list[Outcome] = [OrderAccepted(number, account, market)]
        touched = self.trade(order, plan, outcomes)
        if stop is None:
            outcomes.append(OrderFilled(number, account, market))
        elif command.time_in_force == "GTC" and stop != Reason.SELF_TRADE:
            assert order.price is not None
            self.open.append(order)
            touched.append((account, self.hold(order)[0]))
            outcomes.append(OrderRested(number, account, market, command.side, order.price, order.remaining))
        else:
            if command.type == "limit" and stop != Reason.SELF_TRADE:
                stop = Reason.IMMEDIATE_OR_CANCEL
            left = None if command.quantity_lots is None else order.remaining
            outcomes.append(OrderCancelled(number, account, market, command.side, None, left, stop))
        return outcomes + self.balances(touched)

    def refusal(self, command: PlaceOrder) -> Reason | None:
        """What can be said of an order without looking at the book or at balances."""
        price, lots, budget = command.price_ticks, command.quantity_lots, command.budget_atoms
        if command.market not in self.markets:
            return Reason.UNKNOWN_MARKET
        if command.account <= 0 or (command.type, command.time_in_force, command.post_only) not in FORMS:
            return Reason.INVALID_ORDER
        if any(number is not None and number < 1 for number in (price, lots, budget)):
            return Reason.INVALID_ORDER
        if command.type == "limit" and (price is None or lots is None or budget is not None):
            return Reason.INVALID_ORDER
        if command.type == "market" and (lots is None) == (budget is None):
            return Reason.INVALID_ORDER
        if budget is not None and (command.side == "sell" or command.time_in_force == "FOK"):
            return Reason.INVALID_ORDER
        notional = None if price is None or lots is None else self.quote_atoms(command.market, price, lots)
        if (price or 0) > 10**12 or (lots or 0) > 10**12 or (notional or 0) > 10**18 or (budget or 0) > 10**18:
            return Reason.ABOVE_MAXIMUM
        definition = self.markets[command.market]
        if self.states[command.market] != "open":
            return Reason.MARKET_CLOSED
        if lots is not None and lots < definition.minimum_lots:
            return Reason.BELOW_MINIMUM
        if command.type == "limit" and (notional or 0) < definition.minimum_notional_atoms:
            return Reason.BELOW_MINIMUM
        if budget is not None and budget < definition.minimum_notional_atoms:
            return Reason.BELOW_MINIMUM
        return None

    def order(self, number: int, now: int, command: PlaceOrder) -> NaiveOrder:
        tiers = self.markets[command.market].fee_tiers
        tier = self.tiers.get(command.account, 0)
        rates = tiers[tier] if tier < len(tiers) else tiers[-1]
        return NaiveOrder(
            number,
            command.account,
            command.market,
            command.side,
            command.price_ticks,
            command.quantity_lots,
            command.budget_atoms,
            rates.maker_ppm,
            rates.taker_ppm,
            remaining=command.quantity_lots or 0,
            accepted_at=now,
            updated_at=now,
        )

    def queue(self, order: NaiveOrder) -> list[NaiveOrder]:
        """The opposite orders as this one would meet them: best price first, then oldest first."""
        opposite = [o for o in self.open if o.market == order.market and o.side != order.side]
        worse_if_higher = 1 if order.side == "buy" else -1
        return sorted(opposite, key=lambda o: (worse_if_higher * (o.price or 0), o.number))

    def plan(self, order: NaiveOrder) -> tuple[Plan, Reason | None]:
        """Whom the order would trade with and for how many lots, and why that ends; None: it gets all it wants."""
        plan: Plan = []
        wanted = order.remaining
        for maker in self.queue(order):
            if order.price is not None and self.beyond(maker, order):
                return plan, Reason.SLIPPAGE_CAP
            if not self.within_budget(order, [*plan, (maker, 1)]):
                return plan, Reason.BUDGET_SPENT
            if maker.account == order.account:
                return plan, Reason.SELF_TRADE
            lots = 0
            while lots < maker.remaining and (order.lots is None or wanted > 0):
                if not self.within_budget(order, [*plan, (maker, lots + 1)]):
                    break
                lots += 1
                wanted -= 1
            plan.append((maker, lots))
            if order.lots is not None and wanted == 0:
                return plan, None
            if not self.within_budget(order, [*plan, (maker, 1)]):
                return plan, Reason.BUDGET_SPENT
        return plan, Reason.NO_LIQUIDITY

    @staticmethod
    def beyond(maker: NaiveOrder, order: NaiveOrder) -> bool:
        """Whether the maker's price is worse than the order takes."""
        assert maker.price is not None
        assert order.price is not None
        return maker.price > order.price if order.side == "buy" else maker.price < order.price

    def cost(self, order: NaiveOrder, plan: Plan) -> int:
        """Quote atoms that the plan costs a buyer, fee included."""
        value = sum(self.quote_atoms(order.market, maker.price or 0, lots) for maker, lots in plan)
        return value + ceil(Fraction(order.taker_ppm * value, 1_000_000))

    def within_budget(self, order: NaiveOrder, plan: Plan) -> bool:
        return order.budget is None or self.cost(order, plan) <= order.budget

    def refusal_by_book(self, command: PlaceOrder, order: NaiveOrder, plan: Plan, stop: Reason | None) -> Reason | None:
        if command.time_in_force == "GTC":
            resting = [o for o in self.open if o.market == order.market and o.account == order.account]
            if len(resting) >= self.markets[order.market].maximum_open_orders:
                return Reason.TOO_MANY_ORDERS
            queue = self.queue(order)
            if command.post_only == "reject" and queue and not self.beyond(queue[0], order):
                return Reason.WOULD_TAKE
        if command.time_in_force == "FOK" and stop is not None:
            return Reason.SELF_TRADE if stop == Reason.SELF_TRADE else Reason.NOT_FILLED_WHOLE
        return None

    def refusal_by_funds(self, command: PlaceOrder, order: NaiveOrder, plan: Plan) -> Reason | None:
        if order.side == "sell":
            needed = order.remaining * self.markets[order.market].lot_atoms
            asset = self.base(order.market)
        else:
            asset = self.quote(order.market)
            if order.budget is not None:
                needed = order.budget
            elif command.type == "market":
                needed = self.cost(order, plan)
            else:
                value = self.quote_atoms(order.market, order.price or 0, order.remaining)
                queue = self.queue(order)
                only_makes = self.rules >= 2 and (not queue or self.beyond(queue[0], order))
                rate_ppm = order.maker_ppm if only_makes else max(order.maker_ppm, order.taker_ppm)
                needed = value + ceil(Fraction(rate_ppm * value, 1_000_000))
        return None if needed <= self.available(order.account, asset) else Reason.INSUFFICIENT_FUNDS

    def trade(self, order: NaiveOrder, plan: Plan, outcomes: list[Outcome]) -> list[tuple[int, str]]:
        """Carries the plan out. Returns whose balances it touched: of each side first what it paid with."""
        base, quote = self.base(order.market), self.quote(order.market)
        taker_pays, maker_pays = (quote, base) if order.side == "buy" else (base, quote)
        touched = []
        for maker, lots in plan:
            assert maker.price is not None
            base_atoms = lots * self.markets[order.market].lot_atoms
            quote_atoms = self.quote_atoms(order.market, maker.price, lots)
            taker_fee, taker_rounding = order.charge(order.taker_ppm, quote_atoms)
            maker_fee, maker_rounding = maker.charge(maker.maker_ppm, quote_atoms)
            buyer, buyer_fee = (order, taker_fee) if order.side == "buy" else (maker, maker_fee)
            seller, seller_fee = (maker, maker_fee) if order.side == "buy" else (order, taker_fee)
            self.move(buyer.account, quote, -quote_atoms - buyer_fee)
            self.move(buyer.account, base, base_atoms)
            self.move(seller.account, base, -base_atoms)
            self.move(seller.account, quote, quote_atoms - seller_fee)
            self.move(HOUSE, quote, buyer_fee + seller_fee)
            maker.remaining -= lots
            maker.updated_at = order.accepted_at
            order.remaining -= lots
            self.trades += 1
            outcomes.append(
                Filled(
                    trade=self.trades,
                    market=order.market,
                    price_ticks=maker.price,
                    quantity_lots=lots,
                    base_atoms=base_atoms,
                    quote_atoms=quote_atoms,
                    taker_side=order.side,
                    taker_order=order.number,
                    taker_account=order.account,
                    taker_fee_atoms=taker_fee,
                    maker_order=maker.number,
                    maker_account=maker.account,
                    maker_fee_atoms=maker_fee,
                    maker_remaining_lots=maker.remaining,
                    rounding_atoms=taker_rounding + maker_rounding,
                )
            )
            if maker.remaining == 0:
                self.open.remove(maker)
                outcomes.append(OrderFilled(maker.number, maker.account, maker.market))
            touched += [(order.account, taker_pays), (order.account, base if taker_pays == quote else quote)]
            touched += [(maker.account, maker_pays), (maker.account, base if maker_pays == quote else quote)]
        return touched
