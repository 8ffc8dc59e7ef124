"""Withdrawals in the engine: holds by reference until they are released or settled, and moves of custody. Atomic units.

Invariant: every hold here is part of what its account's balance holds, and ends once.
"""

from typing import Final

from .balances import HOUSE, Balances
from .commands import DefineAsset, HoldWithdrawal, MoveCustody, ReleaseWithdrawal, SettleWithdrawal
from .open_orders import OpenOrders
from .outcomes import (
    CommandRejected,
    CustodyMoved,
    Outcome,
    Reason,
    WithdrawalHeld,
    WithdrawalReleased,
    WithdrawalSettled,
)

MAXIMUM_MOVE_ATOMS: Final = 10**36
PLACES: Final = ("custody_hot", "custody_cold", "custody_transit", "network_fees")


class Withdrawals:
    """``holds``: those that have not ended, by reference, the oldest first."""

    __slots__ = ("_assets", "_balances", "_open_orders", "holds")

    def __init__(self, assets: dict[str, DefineAsset], balances: Balances, open_orders: OpenOrders) -> None:
        self._assets = assets
        self._balances = balances
        self._open_orders = open_orders
        self.holds: dict[str, WithdrawalHeld] = {}

    def hold(self, command: HoldWithdrawal) -> None:
        reason = self._hold_refusal(command)
        if reason is not None:
            self._tell(CommandRejected(reason))
            return
        account, asset, amount_atoms, reference = (
            command.account,
            command.asset,
            command.amount_atoms,
            command.reference,
        )
        balance = self._balances.of(account, asset)
        balance.hold(amount_atoms)
        held = self.holds[reference] = WithdrawalHeld(account, asset, amount_atoms, reference)
        self._tell(held)
        self._open_orders.touch(balance)

    def release(self, command: ReleaseWithdrawal) -> None:
        held = self.holds.pop(command.reference, None)
        if held is None:
            self._tell(CommandRejected(Reason.UNKNOWN_HOLD))
            return
        balance = self._balances.of(held.account, held.asset)
        balance.release(held.amount_atoms)
        self._tell(WithdrawalReleased(held.account, held.asset, held.amount_atoms, held.reference))
        self._open_orders.touch(balance)

    def settle(self, command: SettleWithdrawal) -> None:
        held = self.holds.get(command.reference)
        if held is None:
            self._tell(CommandRejected(Reason.UNKNOWN_HOLD))
            return
        fee_atoms = command.fee_atoms
        if not 0 <= fee_atoms <= held.amount_atoms:
            self._tell(CommandRejected(Reason.INVALID_AMOUNT))
            return
        del self.holds[command.reference]
        balance = self._balances.of(held.account, held.asset)
        balance.pay_held(held.amount_atoms)
        self._balances.of(HOUSE, held.asset).receive(fee_atoms)
        self._tell(WithdrawalSettled(held.account, held.asset, held.amount_atoms, fee_atoms, held.reference))
        self._open_orders.touch(balance)

    def move_custody(self, command: MoveCustody) -> None:
        """Between the house's own places: nobody's balance changes, the books alone keep what is where."""
        reason = self._move_refusal(command)
        if reason is not None:
            self._tell(CommandRejected(reason))
            return
        asset, amount_atoms, source, target = command.asset, command.amount_atoms, command.source, command.target
        self._tell(CustodyMoved(asset, amount_atoms, source, target, command.reference))

    def _tell(self, outcome: Outcome) -> None:
        self._open_orders.record.add(outcome)

    def _hold_refusal(self, command: HoldWithdrawal) -> Reason | None:
        if command.asset not in self._assets:
            return Reason.UNKNOWN_ASSET
        if command.account <= 0:
            return Reason.INVALID_ACCOUNT
        if command.amount_atoms < 1:
            return Reason.INVALID_AMOUNT
        if command.reference in self.holds:
            return Reason.REFERENCE_IN_USE
        if self._balances.read(command.account, command.asset)[0] < command.amount_atoms:
            return Reason.INSUFFICIENT_FUNDS
        return None

    def _move_refusal(self, command: MoveCustody) -> Reason | None:
        if command.asset not in self._assets:
            return Reason.UNKNOWN_ASSET
        if command.source not in PLACES or command.target not in PLACES or command.source == command.target:
            return Reason.INVALID_ACCOUNT
        return None if 1 <= command.amount_atoms <= MAXIMUM_MOVE_ATOMS else Reason.INVALID_AMOUNT
