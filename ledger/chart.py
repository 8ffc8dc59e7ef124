"""The chart of accounts: kinds of accounts, the class of each, and what both are called."""

from enum import StrEnum
from typing import Self


class _Named(StrEnum):
    """Members are texts, each with a ``label`` for people."""

    label: str

    def __new__(cls, value: str, label: str = "") -> Self:
        one = str.__new__(cls, value)
        one._value_ = value
        one.label = label
        return one


class AccountClass(_Named):
    """What an account stands for in a balance sheet or an income statement.

    Credits being positive, a liability, revenue or equity is usually above zero, an asset or an expense below. Reports
    turn the sign of assets and expenses; nothing else does.
    """

    ASSET = "asset", "Assets"
    LIABILITY = "liability", "Liabilities"
    REVENUE = "revenue", "Revenue"
    EXPENSE = "expense", "Expenses"
    EQUITY = "equity", "Equity"


class Kind(_Named):
    """The chart of accounts."""

    USER = "user", "What we owe a user"
    WITHDRAWALS_PENDING = "withdrawals_pending", "Withdrawals on their way"
    FEES = "fees", "Fees earned"
    ROUNDING = "rounding", "Residue of rounding fees up"
    CUSTODY_HOT = "custody_hot", "Assets in hot wallets"
    CUSTODY_COLD = "custody_cold", "Assets in cold storage"
    CUSTODY_TRANSIT = "custody_transit", "Assets between wallets"
    NETWORK_FEES = "network_fees", "Network fees paid"
    EQUITY = "equity", "The owners' stake"
    FAUCET = "faucet", "Play money given out"
    ADJUSTMENT = "adjustment", "Credits by hand"


CLASSES: dict[Kind, AccountClass] = {
    Kind.USER: AccountClass.LIABILITY,
    Kind.WITHDRAWALS_PENDING: AccountClass.LIABILITY,
    Kind.FEES: AccountClass.REVENUE,
    Kind.ROUNDING: AccountClass.REVENUE,
    Kind.CUSTODY_HOT: AccountClass.ASSET,
    Kind.CUSTODY_COLD: AccountClass.ASSET,
    Kind.CUSTODY_TRANSIT: AccountClass.ASSET,
    Kind.NETWORK_FEES: AccountClass.EXPENSE,
    Kind.EQUITY: AccountClass.EQUITY,
    Kind.FAUCET: AccountClass.EXPENSE,
    Kind.ADJUSTMENT: AccountClass.EXPENSE,
}
"""Every kind's class."""
