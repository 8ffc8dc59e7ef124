"""What is held for withdrawals, as rows: from which event on, until which, and how much of it became the house's."""

from collections.abc import Iterable

from trading.applied import Applied
from trading.bulk import literal
from trading.engine.commands import HoldWithdrawal, ReleaseWithdrawal, SettleWithdrawal
from trading.engine.outcomes import WithdrawalHeld, WithdrawalReleased, WithdrawalSettled

COMMANDS = (HoldWithdrawal, ReleaseWithdrawal, SettleWithdrawal)
"""In no other event does a hold begin or end."""


def statements(batch: Iterable[Applied]) -> list[str]:
    found: list[str] = []
    for event in batch:
        if type(event.command) in COMMANDS:
            found += [
                _statement(event.seq, outcome)
                for outcome in event.outcomes
                if isinstance(outcome, WithdrawalHeld | WithdrawalReleased | WithdrawalSettled)
            ]
    return found


def _statement(seq: int, outcome: WithdrawalHeld | WithdrawalReleased | WithdrawalSettled) -> str:
    if isinstance(outcome, WithdrawalHeld):
        account, asset, amount_atoms, reference = outcome
        return (
            "INSERT INTO withdrawal_hold (held_seq, reference, account_id, asset, amount_atoms)"
            f" VALUES ({seq}, {literal(reference)}, {account}, {literal(asset)}, {amount_atoms})"
        )
    fee = "NULL" if isinstance(outcome, WithdrawalReleased) else outcome.fee_atoms
    return (
        f"UPDATE withdrawal_hold SET ended_seq = {seq}, fee_atoms = {fee}"
        f" WHERE reference = {literal(outcome.reference)} AND ended_seq IS NULL"
    )
