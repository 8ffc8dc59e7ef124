"""Matching: whom a taker meets, on paper (``plan``), and then for real (``take``)."""

from dataclasses import dataclass
from typing import NamedTuple

from trading.engine.outcomes import Reason, SelfTradePrevented

from . import waiting
from .world import NaiveOrder, World, ceil_ppm


class Step(NamedTuple):
    """The taker meets the maker for so many lots: they trade, or, both being of one owner, are prevented from it."""

    maker: NaiveOrder
    price: int
    lots: int
    is_prevented: bool


class Plan(NamedTuple):
    """``stop``: why it ends; None: nothing is wanted any more."""

    steps: list[Step]
    stop: Reason | None

    @property
    def trades(self) -> list[Step]:
        return [step for step in self.steps if not step.is_prevented]

    @property
    def lots(self) -> int:
        return sum(step.lots for step in self.trades)


@dataclass(slots=True)
class Line:
    """A maker as the plan has left it."""

    maker: NaiveOrder
    price: int
    remaining: int
    shown: int


def plan(world: World, order: NaiveOrder, mode: str) -> Plan:
    """What the order would meet now if it took, with this mode of self-trade prevention."""
    line = [Line(o, o.price or 0, o.remaining, o.shown) for o in order.market.queue(order.opposite)]
    steps: list[Step] = []
    wanted, bought = order.remaining, 0
    while line:
        first = line[0]
        if not order.meets(first.price):
            return Plan(steps, Reason.SLIPPAGE_CAP)
        if order.budget is not None:
            wanted = affordable(order, bought, first)
            if wanted == 0:
                return Plan(steps, Reason.BUDGET_SPENT)
        if world.is_own(order, first.maker):
            if mode == "cancel_newest":
                return Plan(steps, Reason.SELF_TRADE)
            lots = min(wanted, first.remaining)
            steps.append(Step(first.maker, first.price, lots, is_prevented=True))
            if mode == "cancel_both":
                return Plan(steps, Reason.SELF_TRADE)
            if mode == "decrement":
                first.remaining -= lots
                first.shown = min(first.shown, first.remaining)
                wanted -= lots
                if wanted == 0:
                    return Plan(steps, Reason.SELF_TRADE)
            if mode == "cancel_oldest" or first.remaining == 0:
                line.pop(0)
            continue
        lots = min(wanted, first.shown)
        steps.append(Step(first.maker, first.price, lots, is_prevented=False))
        bought += first.price * lots * order.market.unit
        wanted -= lots
        first.remaining -= lots
        first.shown -= lots
        if first.shown == 0:
            line.pop(0)
            if first.remaining > 0:
                show_next_peak(line, first)
        if wanted == 0:
            return Plan(steps, None if order.budget is None else Reason.BUDGET_SPENT)
    return Plan(steps, Reason.NO_LIQUIDITY)


def show_next_peak(line: list[Line], iceberg: Line) -> None:
    """It goes behind all others of its price."""
    assert iceberg.maker.display is not None
    iceberg.shown = min(iceberg.maker.display, iceberg.remaining)
    at_its_price = [place for place, other in enumerate(line) if other.price == iceberg.price]
    line.insert(at_its_price[-1] + 1 if at_its_price else 0, iceberg)


def affordable(order: NaiveOrder, bought: int, first: Line) -> int:
    """The largest number of lots that the rest of the budget still buys at this price; more than the maker has is one more."""
    assert order.budget is not None
    lot = first.price * order.market.unit
    few, many = 0, first.remaining + 1
    while few < many:
        middle = (few + many + 1) // 2
        value = bought + middle * lot
        if value + ceil_ppm(order.taker_ppm * value) <= order.budget:
            few = middle
        else:
            many = middle - 1
    return few


def trips_breaker(order: NaiveOrder, would: Plan) -> bool:
    """Whether the plan has a trade outside the circuit breaker's band."""
    ppm = order.market.definition.breaker_ppm
    return any(order.market.is_far(step.price, ppm) for step in would.trades)


def take(world: World, order: NaiveOrder) -> None:
    """Carries the plan out, then lets the rest of the order rest or end."""
    would = plan(world, order, order.mode)
    for step in would.steps:
        if step.is_prevented:
            prevent(world, order, step)
        else:
            fill(world, order, step)
    if would.trades:
        world.touch_both(order)
        for step in would.trades:
            world.touch_both(step.maker)
    if would.stop is None:
        world.tell_filled(order)
    elif order.time_in_force in ("GTC", "GTD") and would.stop != Reason.SELF_TRADE:
        world.rest(order)
    else:
        is_unfilled_limit = order.is_limit and would.stop != Reason.SELF_TRADE
        world.tell_cancelled(order, None, Reason.IMMEDIATE_OR_CANCEL if is_unfilled_limit else would.stop)
    if would.trades:
        waiting.look(world, order.market, would.trades[0].price)
        waiting.look(world, order.market, would.trades[-1].price)


def fill(world: World, order: NaiveOrder, step: Step) -> None:
    maker = step.maker
    world.trade(order, maker, step.price, step.lots, order.taker_ppm, maker.maker_ppm)
    if maker.remaining == 0:
        world.remove(maker)
        world.tell_filled(maker)
    elif maker.shown == 0:
        world.refresh(maker)
    world.part(maker)


def prevent(world: World, taker: NaiveOrder, step: Step) -> None:
    """Does to both orders what the taker's mode wants. A taker that is to be cancelled ends where its plan ends."""
    tell_prevented(world, taker, step.maker, step.price, step.lots)
    if taker.mode != "decrement" or step.lots == step.maker.remaining:
        world.close(step.maker, Reason.SELF_TRADE)
    else:
        world.decrement(step.maker, step.lots)
    if taker.mode == "decrement" and step.lots < taker.remaining:
        world.decrement(taker, step.lots)


def tell_prevented(world: World, taker: NaiveOrder, maker: NaiveOrder, price: int, lots: int) -> None:
    name = taker.market.name
    world.tell(SelfTradePrevented(name, price, taker.number, maker.number, maker.side, lots, taker.mode))
