"""The engine: a fold over events. The same events give the same outcomes and the same state, on any machine.

``apply`` is total: an expected refusal is an outcome with its reason, a broken invariant raises. Time is the event's.
The state is ``assets``, ``markets`` with their books and waiting orders, balances, what is held for withdrawals, fee tiers,
owners, open orders, timers, the queue of what was set off, the version of the rules and the numbers of the last event and
trade; everything in it is an integer or a name. One thread applies the events. docs/matching.md says what every event comes to.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from .accounts import Accounts
from .amending import Amending
from .auction import Auction
from .balances import Balances
from .commands import (
    AmendOrder,
    CancelAfter,
    CancelAll,
    CancelMarket,
    CancelOrder,
    CancelReplace,
    Command,
    Credit,
    DefineAsset,
    DefineMarket,
    Event,
    HoldWithdrawal,
    MoveCustody,
    PlaceOrder,
    ReleaseWithdrawal,
    ReverseCredit,
    SetFeeTier,
    SetMarketState,
    SetOwner,
    SetRules,
    SettleWithdrawal,
    Tick,
    TransferFunds,
)
from .consequences import Consequences
from .dry_run import DryRun, dry_run
from .errors import InvariantBroken, UnknownRules
from .market import MAXIMUM_FEE_TIERS, Market, is_valid_asset, is_valid_market
from .matching import Matcher
from .open_orders import OpenOrders
from .order_book import Order, age
from .order_checks import NO_OPTIONS
from .outcomes import (
    AssetDefined,
    CancelAfterSet,
    CommandRejected,
    Credited,
    CreditReversed,
    FeeTierSet,
    MarketDefined,
    MarketStateChanged,
    Outcome,
    OwnerSet,
    Reason,
    RulesSet,
    Transferred,
)
from .placing import Placing
from .plain import CANCEL, MARKET_SHIFT, PlainOrders, plain_header
from .plain_loop import PlainLoop
from .rules import FIRST, LATEST
from .unpacking import Unpacker
from .withdrawals import Withdrawals

__all__ = ["Engine", "InvariantBroken", "UnknownRules"]

MAXIMUM_CREDIT_ATOMS: Final = 10**36
MAXIMUM_CANCEL_AFTER_US: Final = 86_400_000_000


class Engine:
    """The state of the exchange at ``seq``, and how the next event changes it."""

    def __init__(self) -> None:
        self.assets: dict[str, DefineAsset] = {}
        self.markets: dict[str, Market] = {}
        self.listed_assets: list[str] = []
        self.listed_markets: list[Market] = []
        """By their numbers."""
        self.rules = FIRST
        self.balances = Balances()
        self.open_orders = OpenOrders()
        self.accounts = Accounts(self.balances)
        self.withdrawals = Withdrawals(self.assets, self.balances, self.open_orders)
        self.matcher = Matcher(self.balances, self.open_orders)
        self.placing = Placing(self.open_orders, self.matcher, self.accounts)
        self._consequences = Consequences(self.open_orders, self.placing, self.markets)
        self._plain = PlainOrders(
            self.open_orders,
            self.matcher,
            self.accounts,
            self.placing,
            self._consequences,
            self.listed_markets,
        )
        self._loop = PlainLoop(self.open_orders, self.matcher, self._plain, self._consequences)
        self._amending = Amending(self.open_orders, self.placing)
        self._auction = Auction(self.open_orders, self.matcher, self.placing)
        self._unpacker = Unpacker(self.listed_markets, self.listed_assets)

    @property
    def seq(self) -> int:
        return self.open_orders.seq

    @property
    def at_us(self) -> int:
        return self.open_orders.at_us

    @property
    def orders(self) -> dict[int, Order]:
        """The open orders by number, oldest first."""
        return self.open_orders.by_number

    @property
    def next_timer_us(self) -> int | None:
        """When a timer is next due, or something that was set off still waits for its turn (0); None: nothing will be."""
        return 0 if self.open_orders.queue else self.open_orders.timers.next_armed_us()

    def account_orders(self, account: int) -> Iterator[Order]:
        """The account's open orders, oldest first."""
        return iter(self._consequences.orders_of(account))

    def fee_tier(self, account: int) -> int:
        return self.accounts.fee_tiers.get(account, 0)

    def balance(self, account: int, asset: str) -> tuple[int, int]:
        """(available, held) in atomic units."""
        return self.balances.read(account, asset)

    def all_balances(self) -> Iterator[tuple[int, str, int, int]]:
        """(account, asset, available, held) of every balance that is not zero, by account and asset."""
        return self.balances.rows()

    def apply(self, event: Event) -> list[Outcome]:
        """Applies the next event.

        Raises InvariantBroken if it is not the next, or if the state breaks its rules; UnknownRules.
        """
        seq, at_us, command = event
        orders, record = self.open_orders, self.open_orders.record
        record.clear()
        if seq != orders.seq + 1:
            raise InvariantBroken(f"event {seq} cannot follow event {orders.seq}")
        if isinstance(command, CancelOrder):
            self._loop.run_one(CANCEL, at_us, command.account, command.order, 0)
        else:
            header = self._plain_header(command) if isinstance(command, PlaceOrder) else 0
            if isinstance(command, PlaceOrder) and header:
                size = command.budget_atoms or command.quantity_lots or 0
                self._loop.run_one(header, at_us, command.account, size, command.price_ticks or 0)
            else:
                self._apply_rare(command, at_us)
        return self._unpacker.event(record.words.reader(), record.others)

    def _plain_header(self, order: PlaceOrder) -> int:
        """The header of a plain order of a listed market, see ``plain``; 0: it is none."""
        market = self.markets.get(order.market)
        header = plain_header(order) if market is not None and order.account > 0 else 0
        return header | market.number << MARKET_SHIFT if market is not None and header else 0

    def dry_run(self, command: PlaceOrder, at_us: int) -> DryRun:
        """What an order would come to if it were the next event, at that time. Changes nothing."""
        return dry_run(self.markets, self.accounts, command, at_us)

    def apply_many(self, events: Iterable[Event]) -> list[list[Outcome]]:
        """The outcomes of each of these events, which follow each other."""
        return [self.apply(event) for event in events]

    def apply_packed(self, commands: bytes) -> bytes:
        """Applies commands as ``packed.pack`` makes them, the next events; returns their outcomes packed.

        Raises what ``apply`` does; what came before that command is then applied, its outcomes are lost.
        """
        record = self.open_orders.record
        record.clear()
        self._loop.run(commands)
        return record.joined()

    def _apply_rare(self, command: Command, at_us: int) -> None:
        self._consequences.begin(at_us)
        self._do(command)
        self._consequences.finish()

    def _do(self, command: Command) -> None:
        match command:
            case PlaceOrder():
                self._place(command)
            case AmendOrder():
                self._amending.amend(command)
            case CancelReplace():
                self._cancel_replace(command)
            case CancelAll():
                self._cancel_all(command)
            case CancelMarket():
                self._cancel_market(command)
            case CancelAfter():
                self._cancel_after(command)
            case Tick():
                pass
            case Credit():
                self._credit(command)
            case ReverseCredit():
                self._reverse_credit(command)
            case TransferFunds():
                self._transfer(command)
            case HoldWithdrawal():
                self.withdrawals.hold(command)
            case ReleaseWithdrawal():
                self.withdrawals.release(command)
            case SettleWithdrawal():
                self.withdrawals.settle(command)
            case MoveCustody():
                self.withdrawals.move_custody(command)
            case SetFeeTier():
                self._tell(self._set_fee_tier(command))
            case SetOwner():
                self._tell(self._set_owner(command))
            case SetMarketState():
                self._set_market_state(command)
            case SetRules():
                self._tell(self._set_rules(command))
            case DefineMarket():
                self._tell(self._define_market(command))
            case DefineAsset():
                self._tell(self._define_asset(command))
            case _:
                raise InvariantBroken(f"event {self.seq} is no command: {type(command).__name__}")

    def _tell(self, outcome: Outcome) -> None:
        self.open_orders.record.add(outcome)

    def _place(self, command: PlaceOrder) -> None:
        """Places the order of a command; its number is the event's."""
        orders, account = self.open_orders, command.account
        market = self.markets.get(command.market)
        if market is None:
            orders.record.rejected(orders.seq, account, command.market, Reason.UNKNOWN_MARKET)
        elif account <= 0 or (command.side != "buy" and command.side != "sell"):
            orders.record.rejected(orders.seq, account, market.name, Reason.INVALID_ORDER)
        elif header := self._plain_header(command):
            size = command.budget_atoms or command.quantity_lots or 0
            self._plain.place_in_event(header, account, size, command.price_ticks or 0)
        else:
            self.placing.place(command, command.options or NO_OPTIONS, market)

    # Rules, definitions, states

    def _set_rules(self, command: SetRules) -> Outcome:
        if command.version > LATEST:
            raise UnknownRules(f"event {self.seq} sets rules {command.version}, this version of Kontor knows {LATEST}")
        if command.version <= self.rules:
            return CommandRejected(Reason.RULES_NOT_NEWER)
        self.rules = command.version
        for market in self.markets.values():
            market.set_rules(command.version)
        return RulesSet(command.version)

    def list_asset(self, definition: DefineAsset) -> None:
        self.assets[definition.asset] = definition
        self.listed_assets.append(definition.asset)
        self.balances.list_asset(definition.asset)

    def list_market(self, definition: DefineMarket, base: DefineAsset) -> Market:
        market = self.markets[definition.market] = Market(len(self.markets), definition, base, self.rules)
        if not (self.balances.is_narrow(definition.base) and self.balances.is_narrow(definition.quote)):
            market.is_narrow = False
        self.listed_markets.append(market)
        self._plain.list_market()
        return market

    def _define_asset(self, command: DefineAsset) -> Outcome:
        if command.asset in self.assets:
            return CommandRejected(Reason.ALREADY_DEFINED)
        if not is_valid_asset(command):
            return CommandRejected(Reason.INVALID_DEFINITION)
        self.list_asset(command)
        return AssetDefined(command.asset)

    def _define_market(self, command: DefineMarket) -> Outcome:
        if command.market in self.markets:
            return CommandRejected(Reason.ALREADY_DEFINED)
        base = self.assets.get(command.base)
        if base is None or command.quote not in self.assets:
            return CommandRejected(Reason.UNKNOWN_ASSET)
        if not is_valid_market(command, base):
            return CommandRejected(Reason.INVALID_DEFINITION)
        self.list_market(command, base)
        return MarketDefined(command.market)

    def _set_market_state(self, command: SetMarketState) -> None:
        market = self.markets.get(command.market)
        if market is None:
            self._tell(CommandRejected(Reason.UNKNOWN_MARKET))
            return
        market.set_state(command.state)
        market.changed_seq = self.seq
        self._tell(MarketStateChanged(command.market, command.state, command.reason))
        if market.is_open:
            market.restart_reference(self.at_us)
        if command.state in ("open", "post_only"):
            self._auction.uncross(market)

    def _set_fee_tier(self, command: SetFeeTier) -> Outcome:
        if command.account <= 0:
            return CommandRejected(Reason.INVALID_AMOUNT)
        if not 0 <= command.tier < MAXIMUM_FEE_TIERS:
            return CommandRejected(Reason.UNKNOWN_FEE_TIER)
        self.accounts.fee_tiers[command.account] = command.tier
        for market in self.markets.values():
            market.set_tier(command.account, command.tier)
        return FeeTierSet(command.account, command.tier)

    def _set_owner(self, command: SetOwner) -> Outcome:
        if command.account <= 0 or command.owner <= 0:
            return CommandRejected(Reason.INVALID_ACCOUNT)
        self.accounts.owners[command.account] = command.owner
        for market in self.markets.values():
            participant = market.participants.get(command.account)
            if participant is not None:
                participant.owner = command.owner
        return OwnerSet(command.account, command.owner)

    # Credits

    def _credit(self, command: Credit) -> None:
        reason = self._credit_refusal(command)
        if reason is not None:
            self._tell(CommandRejected(reason))
            return
        balance = self.balances.of(command.account, command.asset)
        balance.receive(command.amount_atoms)
        self._issue(command.asset, command.amount_atoms)
        self._tell(Credited(command.account, command.asset, command.amount_atoms))
        self.open_orders.touch(balance)

    def _issue(self, asset: str, amount_atoms: int) -> None:
        self.balances.issue(asset, amount_atoms)
        if not self.balances.is_narrow(asset):
            for market in self.markets.values():
                if asset in (market.definition.base, market.definition.quote):
                    market.is_narrow = False

    def _reverse_credit(self, command: ReverseCredit) -> None:
        """That ``credit`` is such a credit, and not yet reversed, is for who appends the command and the ledger to hold."""
        reason = self._credit_refusal(command)
        if reason is None and self.balance(command.account, command.asset)[0] < command.amount_atoms:
            reason = Reason.INSUFFICIENT_FUNDS
        if reason is not None:
            self._tell(CommandRejected(reason))
            return
        balance = self.balances.of(command.account, command.asset)
        balance.pay(command.amount_atoms)
        self._tell(CreditReversed(command.account, command.asset, command.amount_atoms))
        self.open_orders.touch(balance)

    def _transfer(self, command: TransferFunds) -> None:
        reason = self._transfer_refusal(command)
        if reason is not None:
            self._tell(CommandRejected(reason))
            return
        sender = self.balances.of(command.account, command.asset)
        receiver = self.balances.of(command.to_account, command.asset)
        sender.pay(command.amount_atoms)
        receiver.receive(command.amount_atoms)
        self._tell(Transferred(command.account, command.to_account, command.asset, command.amount_atoms))
        self.open_orders.touch(sender)
        self.open_orders.touch(receiver)

    def _transfer_refusal(self, command: TransferFunds) -> Reason | None:
        if command.asset not in self.assets:
            return Reason.UNKNOWN_ASSET
        if command.account <= 0 or command.to_account <= 0 or command.to_account == command.account:
            return Reason.INVALID_ACCOUNT
        if command.amount_atoms < 1:
            return Reason.INVALID_AMOUNT
        if self.balance(command.account, command.asset)[0] < command.amount_atoms:
            return Reason.INSUFFICIENT_FUNDS
        return None

    def _credit_refusal(self, command: Credit | ReverseCredit) -> Reason | None:
        if command.asset not in self.assets:
            return Reason.UNKNOWN_ASSET
        if command.account <= 0 or command.amount_atoms < 1:
            return Reason.INVALID_AMOUNT
        return Reason.ABOVE_MAXIMUM if command.amount_atoms > MAXIMUM_CREDIT_ATOMS else None

    # Cancelling

    def _cancel_replace(self, command: CancelReplace) -> None:
        place = command.place
        orders = self.open_orders
        if place.account != command.account:
            self._tell(CommandRejected(Reason.INVALID_ORDER))
            return
        was_open = orders.find(command.account, command.order) is not None
        self._plain.cancel_in_event(command.account, command.order)
        if was_open or not command.stop_on_failure:
            self._place(place)
        else:
            orders.record.rejected(self.seq, place.account, place.market, Reason.CANCEL_FAILED)

    def _cancel_all(self, command: CancelAll) -> None:
        if command.account <= 0:
            self._tell(CommandRejected(Reason.INVALID_ORDER))
            return
        if command.market is not None and command.market not in self.markets:
            self._tell(CommandRejected(Reason.UNKNOWN_MARKET))
            return
        disconnected = command.cause == "disconnect"
        chosen = [
            order
            for order in self.account_orders(command.account)
            if command.market in (None, order.market)
            and command.side in (None, order.side)
            and not (disconnected and order.special is not None and order.special.keep_on_disconnect)
        ]
        self._consequences.close_all(chosen, Reason.DISCONNECTED if disconnected else Reason.USER_CANCELLED)

    def _cancel_market(self, command: CancelMarket) -> None:
        market = self.markets.get(command.market)
        if market is None:
            self._tell(CommandRejected(Reason.UNKNOWN_MARKET))
            return
        chosen = [
            order
            for participant in market.participants.values()
            for order in participant.open_orders()
            if command.side in (None, order.side)
        ]
        chosen.sort(key=age)
        self._consequences.close_all(chosen, Reason.OPERATOR_CANCELLED)

    def _cancel_after(self, command: CancelAfter) -> None:
        if command.account <= 0:
            self._tell(CommandRejected(Reason.INVALID_ACCOUNT))
        elif not 0 <= command.timeout_us <= MAXIMUM_CANCEL_AFTER_US:
            self._tell(CommandRejected(Reason.INVALID_ORDER))
        elif command.timeout_us == 0:
            self.open_orders.timers.clear_switch(command.account)
            self._tell(CancelAfterSet(command.account, None))
        else:
            due_us = self.at_us + command.timeout_us
            self.open_orders.timers.set_switch(command.account, due_us, self.seq)
            self._tell(CancelAfterSet(command.account, due_us))
