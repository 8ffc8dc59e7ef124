"""One event, from its time to its balances: timers, the command, what was set off, pegged orders, balances."""

from trading.engine.commands import (
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
from trading.engine.outcomes import (
    AssetDefined,
    CancelAfterSet,
    CommandRejected,
    Credited,
    CreditReversed,
    CustodyMoved,
    FeeTierSet,
    MarketDefined,
    MarketStateChanged,
    OrderRejected,
    Outcome,
    OwnerSet,
    Reason,
    RulesSet,
    Transferred,
    WithdrawalHeld,
    WithdrawalReleased,
    WithdrawalSettled,
)

from . import amending, auction, cascade, definitions, pegs, placing
from .world import HOUSE, REFERENCE_WINDOW_US, NaiveMarket, NaiveOrder, World

LONGEST_TIMEOUT_US = 86_400_000_000
MOST_CREDIT = 10**36
HOUSE_PLACES = ("custody_hot", "custody_cold", "custody_transit", "network_fees")


class Oracle:
    def __init__(self) -> None:
        self.world = World()

    def apply(self, event: Event) -> list[Outcome]:
        world = self.world
        world.now = event.at_us
        world.outcomes, world.touched, world.changed = [], [], []
        self.begin_windows()
        self.fire_timers()
        self.do(event.seq, event.command)
        cascade.take_turns(world)
        pegs.move(world)
        world.tell_balances()
        return world.outcomes

    def begin_windows(self) -> None:
        """Where a new five minutes have begun since the market was last looked at, the last price is the reference."""
        for market in self.world.markets.values():
            window = self.world.now // REFERENCE_WINDOW_US
            if window != market.window and market.last is not None:
                market.reference = market.last
            market.window = window

    # Timers

    def fire_timers(self) -> None:
        """Whatever is due fires, one at a time: the first may take away what the next would have done."""
        world = self.world
        while True:
            orders = [order for market in world.markets.values() for order in market.orders]
            timers = [(order.expires_at, order.number) for order in orders if order.expires_at is not None]
            timers += world.switches.values()
            due = [timer for timer in timers if timer[0] <= world.now]
            if not due:
                return
            self.fire(min(due))

    def fire(self, timer: tuple[int, int]) -> None:
        """The timer of an order, or of the event that set a switch."""
        world = self.world
        for order in world.open_orders():
            if (order.expires_at, order.number) == timer:
                world.close(order, Reason.EXPIRED)
                return
        for account in [account for account, switch in world.switches.items() if switch == timer]:
            del world.switches[account]
            self.cancel(world.open_orders(account), Reason.DEAD_MANS_SWITCH)

    # Commands

    def do(self, seq: int, command: Command) -> None:
        match command:
            case PlaceOrder():
                placing.place(self.world, seq, command)
            case CancelOrder():
                self.cancel_one(command.account, command.order)
            case AmendOrder():
                amending.amend(self.world, command)
            case CancelReplace():
                self.cancel_replace(seq, command)
            case CancelAll():
                self.cancel_all(command)
            case CancelMarket():
                self.cancel_market(command)
            case CancelAfter():
                self.cancel_after(seq, command)
            case Tick():
                pass
            case SetMarketState():
                self.set_state(command)
            case Credit() | ReverseCredit():
                self.credit(command)
            case TransferFunds():
                self.transfer(command)
            case HoldWithdrawal():
                self.hold_withdrawal(command)
            case ReleaseWithdrawal() | SettleWithdrawal():
                self.end_withdrawal(command)
            case MoveCustody():
                self.world.tell(self.move_custody(command))
            case _:
                self.world.tell(self.setting(command))

    def setting(self, command: Command) -> Outcome:
        world = self.world
        match command:
            case DefineAsset():
                if command.asset in world.assets:
                    return CommandRejected(Reason.ALREADY_DEFINED)
                if not definitions.is_asset(command):
                    return CommandRejected(Reason.INVALID_DEFINITION)
                world.assets[command.asset] = command
                return AssetDefined(command.asset)
            case DefineMarket():
                if command.market in world.markets:
                    return CommandRejected(Reason.ALREADY_DEFINED)
                if command.base not in world.assets or command.quote not in world.assets:
                    return CommandRejected(Reason.UNKNOWN_ASSET)
                if not definitions.is_market(command, world.assets[command.base]):
                    return CommandRejected(Reason.INVALID_DEFINITION)
                world.markets[command.market] = self.market(command)
                return MarketDefined(command.market)
            case SetRules():
                if command.version <= world.rules:
                    return CommandRejected(Reason.RULES_NOT_NEWER)
                world.rules = command.version
                return RulesSet(command.version)
            case SetFeeTier():
                if command.account < 1:
                    return CommandRejected(Reason.INVALID_AMOUNT)
                if not 0 <= command.tier < 64:
                    return CommandRejected(Reason.UNKNOWN_FEE_TIER)
                world.tiers[command.account] = command.tier
                return FeeTierSet(command.account, command.tier)
            case SetOwner():
                if command.account < 1 or command.owner < 1:
                    return CommandRejected(Reason.INVALID_ACCOUNT)
                world.owners[command.account] = command.owner
                return OwnerSet(command.account, command.owner)
        raise AssertionError(command)

    def market(self, definition: DefineMarket) -> NaiveMarket:
        base_unit_atoms = 10 ** self.world.assets[definition.base].decimals
        unit = definition.tick_atoms * definition.lot_atoms // base_unit_atoms
        return NaiveMarket(definition, unit, window=self.world.now // REFERENCE_WINDOW_US)

    def credit(self, command: Credit | ReverseCredit) -> None:
        world, account, asset, amount = self.world, command.account, command.asset, command.amount_atoms
        if asset not in world.assets:
            world.tell(CommandRejected(Reason.UNKNOWN_ASSET))
        elif account < 1 or amount < 1:
            world.tell(CommandRejected(Reason.INVALID_AMOUNT))
        elif amount > MOST_CREDIT:
            world.tell(CommandRejected(Reason.ABOVE_MAXIMUM))
        elif isinstance(command, Credit):
            world.move(account, asset, amount)
            world.touch(account, asset)
            world.tell(Credited(account, asset, amount))
        elif world.available(account, asset) < amount:
            world.tell(CommandRejected(Reason.INSUFFICIENT_FUNDS))
        else:
            world.move(account, asset, -amount)
            world.touch(account, asset)
            world.tell(CreditReversed(account, asset, amount))

    def transfer(self, command: TransferFunds) -> None:
        world, asset, amount = self.world, command.asset, command.amount_atoms
        giver, taker = command.account, command.to_account
        if asset not in world.assets:
            world.tell(CommandRejected(Reason.UNKNOWN_ASSET))
        elif giver < 1 or taker < 1 or giver == taker:
            world.tell(CommandRejected(Reason.INVALID_ACCOUNT))
        elif amount < 1:
            world.tell(CommandRejected(Reason.INVALID_AMOUNT))
        elif world.available(giver, asset) < amount:
            world.tell(CommandRejected(Reason.INSUFFICIENT_FUNDS))
        else:
            for account, change in ((giver, -amount), (taker, amount)):
                world.move(account, asset, change)
                world.touch(account, asset)
            world.tell(Transferred(giver, taker, asset, amount))

    def hold_withdrawal(self, command: HoldWithdrawal) -> None:
        world, account, asset, amount = self.world, command.account, command.asset, command.amount_atoms
        if asset not in world.assets:
            world.tell(CommandRejected(Reason.UNKNOWN_ASSET))
        elif account < 1:
            world.tell(CommandRejected(Reason.INVALID_ACCOUNT))
        elif amount < 1:
            world.tell(CommandRejected(Reason.INVALID_AMOUNT))
        elif any(held.reference == command.reference for held in world.withdrawals):
            world.tell(CommandRejected(Reason.REFERENCE_IN_USE))
        elif world.available(account, asset) < amount:
            world.tell(CommandRejected(Reason.INSUFFICIENT_FUNDS))
        else:
            world.withdrawals.append(WithdrawalHeld(account, asset, amount, command.reference))
            world.touch(account, asset)
            world.tell(world.withdrawals[-1])

    def end_withdrawal(self, command: ReleaseWithdrawal | SettleWithdrawal) -> None:
        world = self.world
        found = [held for held in world.withdrawals if held.reference == command.reference]
        if not found:
            world.tell(CommandRejected(Reason.UNKNOWN_HOLD))
            return
        account, asset, amount, reference = found[0]
        if isinstance(command, ReleaseWithdrawal):
            world.tell(WithdrawalReleased(account, asset, amount, reference))
        elif command.fee_atoms < 0 or command.fee_atoms > amount:
            world.tell(CommandRejected(Reason.INVALID_AMOUNT))
            return
        else:
            world.move(account, asset, -amount)
            world.move(HOUSE, asset, command.fee_atoms)
            world.tell(WithdrawalSettled(account, asset, amount, command.fee_atoms, reference))
        world.withdrawals.remove(found[0])
        world.touch(account, asset)

    def move_custody(self, command: MoveCustody) -> Outcome:
        if command.asset not in self.world.assets:
            return CommandRejected(Reason.UNKNOWN_ASSET)
        if len({command.source, command.target} & set(HOUSE_PLACES)) < 2:
            return CommandRejected(Reason.INVALID_ACCOUNT)
        if not 0 < command.amount_atoms <= MOST_CREDIT:
            return CommandRejected(Reason.INVALID_AMOUNT)
        return CustodyMoved(command.asset, command.amount_atoms, command.source, command.target, command.reference)

    def set_state(self, command: SetMarketState) -> None:
        market = self.world.markets.get(command.market)
        if market is None:
            self.world.tell(CommandRejected(Reason.UNKNOWN_MARKET))
            return
        market.state = command.state
        self.world.change(market)
        self.world.tell(MarketStateChanged(market.name, command.state, command.reason))
        if market.state == "open":
            market.reference = market.last
        if market.state in ("open", "post_only"):
            auction.uncross(self.world, market)

    # Cancelling

    def cancel(self, orders: list[NaiveOrder], reason: Reason) -> None:
        """Cancels these, in their order; one that another's cancellation has cancelled is no longer open."""
        for order in orders:
            if order.is_open:
                self.world.close(order, reason)

    def cancel_one(self, account: int, number: int) -> bool:
        mine = [order for order in self.world.open_orders(account) if order.number == number]
        if not mine:
            self.world.tell(CommandRejected(Reason.UNKNOWN_ORDER))
            return False
        self.cancel(mine, Reason.USER_CANCELLED)
        return True

    def cancel_replace(self, seq: int, command: CancelReplace) -> None:
        place = command.place
        if place.account != command.account:
            self.world.tell(CommandRejected(Reason.INVALID_ORDER))
        elif self.cancel_one(command.account, command.order) or not command.stop_on_failure:
            placing.place(self.world, seq, place)
        else:
            self.world.tell(OrderRejected(seq, place.account, place.market, Reason.CANCEL_FAILED))

    def cancel_all(self, command: CancelAll) -> None:
        if command.account < 1:
            self.world.tell(CommandRejected(Reason.INVALID_ORDER))
            return
        if command.market is not None and command.market not in self.world.markets:
            self.world.tell(CommandRejected(Reason.UNKNOWN_MARKET))
            return
        by_disconnect = command.cause == "disconnect"
        chosen = [
            order
            for order in self.world.open_orders(command.account)
            if command.market in (None, order.market.name)
            and command.side in (None, order.side)
            and not (by_disconnect and order.keep_on_disconnect)
        ]
        self.cancel(chosen, Reason.DISCONNECTED if by_disconnect else Reason.USER_CANCELLED)

    def cancel_market(self, command: CancelMarket) -> None:
        if command.market not in self.world.markets:
            self.world.tell(CommandRejected(Reason.UNKNOWN_MARKET))
            return
        orders = [o for o in self.world.open_orders() if o.market.name == command.market]
        self.cancel([o for o in orders if command.side in (None, o.side)], Reason.OPERATOR_CANCELLED)

    def cancel_after(self, seq: int, command: CancelAfter) -> None:
        world, account = self.world, command.account
        if account < 1:
            world.tell(CommandRejected(Reason.INVALID_ACCOUNT))
        elif not 0 <= command.timeout_us <= LONGEST_TIMEOUT_US:
            world.tell(CommandRejected(Reason.INVALID_ORDER))
        elif command.timeout_us == 0:
            world.switches.pop(account, None)
            world.tell(CancelAfterSet(account, None))
        else:
            world.switches[account] = (world.now + command.timeout_us, seq)
            world.tell(CancelAfterSet(account, world.now + command.timeout_us))
