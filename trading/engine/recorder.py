"""Recorders take down what happens, in the order in which it happens. This one makes outcomes; see ``packed`` for bytes."""

from abc import ABC, abstractmethod
from typing import Final

from .balances import Balance
from .order_book import Order
from .outcomes import (
    BalanceChanged,
    Filled,
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    OrderRejected,
    OrderRested,
    Outcome,
    Reason,
)
from .participant import Participant

USER_CANCELLED: Final = Reason.USER_CANCELLED
new = tuple.__new__  # all that the constructor of a NamedTuple does, at half its cost: for the outcomes of every order


class Recorder(ABC):
    """What a recorder is told. 0 as a price, -1 as a remainder: there is none."""

    @abstractmethod
    def accepted(self, number: int, participant: Participant) -> None: ...

    @abstractmethod
    def rejected(self, number: int, account: int, market: str, reason: Reason) -> None: ...

    @abstractmethod
    def rested(self, order: Order) -> None: ...

    @abstractmethod
    def placed(self, order: Order, balance: Balance) -> None:
        """All of an event: a plain order was accepted and rests, which changed one balance."""

    @abstractmethod
    def withdrawn(self, order: Order, balance: Balance) -> None:
        """All of an event: a resting order was cancelled for its owner, which changed one balance."""

    @abstractmethod
    def filled(
        self,
        trade: int,
        price_ticks: int,
        lots: int,
        quote_atoms: int,
        taker_number: int,
        taker: Participant,
        taker_fee_atoms: int,
        maker: Order,
        maker_fee_atoms: int,
        rounding: int,
    ) -> None:
        """A trade, and the maker's end if that was all of it."""

    @abstractmethod
    def order_filled(self, number: int, participant: Participant) -> None: ...

    @abstractmethod
    def cancelled(
        self,
        number: int,
        participant: Participant,
        is_buy: bool,
        price_ticks: int,
        remaining_lots: int,
        reason: Reason,
    ) -> None: ...

    @abstractmethod
    def ended(self, touched: list[Balance]) -> None:
        """The event is over, which has touched these balances. Not told of one that was ``placed`` or ``withdrawn``."""

    @abstractmethod
    def add(self, outcome: Outcome) -> None:
        """Anything else."""


class Outcomes(Recorder):
    """Makes outcome objects."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []

    def accepted(self, number: int, participant: Participant) -> None:
        self.outcomes.append(new(OrderAccepted, (number, participant.account, participant.market.name)))

    def rejected(self, number: int, account: int, market: str, reason: Reason) -> None:
        self.outcomes.append(OrderRejected(number, account, market, reason))

    def rested(self, order: Order) -> None:
        participant = order.participant
        self.outcomes.append(
            new(
                OrderRested,
                (
                    order.number,
                    participant.account,
                    participant.market.name,
                    "buy" if order.is_buy else "sell",
                    order.price_ticks,
                    order.remaining_lots,
                ),
            )
        )

    def placed(self, order: Order, balance: Balance) -> None:
        participant = order.participant
        number, account, market = order.number, participant.account, participant.market.name
        side = "buy" if order.is_buy else "sell"
        add = self.outcomes.append
        add(new(OrderAccepted, (number, account, market)))
        add(new(OrderRested, (number, account, market, side, order.price_ticks, order.remaining_lots)))
        add(new(BalanceChanged, (account, balance.asset, balance.available_atoms, balance.held_atoms)))

    def withdrawn(self, order: Order, balance: Balance) -> None:
        participant = order.participant
        account, side = participant.account, "buy" if order.is_buy else "sell"
        price_ticks, lots = order.price_ticks, order.remaining_lots
        fields = (order.number, account, participant.market.name, side, price_ticks, lots, USER_CANCELLED)
        add = self.outcomes.append
        add(new(OrderCancelled, fields))
        add(new(BalanceChanged, (account, balance.asset, balance.available_atoms, balance.held_atoms)))

    def filled(
        self,
        trade: int,
        price_ticks: int,
        lots: int,
        quote_atoms: int,
        taker_number: int,
        taker: Participant,
        taker_fee_atoms: int,
        maker: Order,
        maker_fee_atoms: int,
        rounding: int,
    ) -> None:
        market, remaining_lots = taker.market, maker.remaining_lots
        add = self.outcomes.append
        add(
            new(
                Filled,
                (
                    trade,
                    market.name,
                    price_ticks,
                    lots,
                    lots * market.lot_atoms,
                    quote_atoms,
                    "sell" if maker.is_buy else "buy",
                    taker_number,
                    taker.account,
                    taker_fee_atoms,
                    maker.number,
                    maker.participant.account,
                    maker_fee_atoms,
                    remaining_lots,
                    rounding,
                ),
            )
        )
        if remaining_lots == 0:
            add(new(OrderFilled, (maker.number, maker.participant.account, market.name)))

    def order_filled(self, number: int, participant: Participant) -> None:
        self.outcomes.append(new(OrderFilled, (number, participant.account, participant.market.name)))

    def cancelled(
        self,
        number: int,
        participant: Participant,
        is_buy: bool,
        price_ticks: int,
        remaining_lots: int,
        reason: Reason,
    ) -> None:
        self.outcomes.append(
            new(
                OrderCancelled,
                (
                    number,
                    participant.account,
                    participant.market.name,
                    "buy" if is_buy else "sell",
                    price_ticks or None,
                    remaining_lots if remaining_lots >= 0 else None,
                    reason,
                ),
            )
        )

    def ended(self, touched: list[Balance]) -> None:
        add = self.outcomes.append
        for balance in touched:
            add(new(BalanceChanged, (balance.account, balance.asset, balance.available_atoms, balance.held_atoms)))

    def add(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
