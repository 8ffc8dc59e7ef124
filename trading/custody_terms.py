"""Whether an asset comes in and goes out, and on what terms: what the public list of assets tells of custody.

Trading knows nothing of custody: whoever composes the process puts the terms here, by asset. Amounts in atomic units.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CustodyTerms:
    """``confirmations``: (up to so many atoms, so many), ascending; the last has no bound."""

    is_deposited: bool = False
    minimum_deposit_atoms: int | None = None
    confirmations: tuple[tuple[int | None, int], ...] = ()
    is_withdrawn: bool = False
    minimum_withdrawal_atoms: int | None = None
    withdrawal_fee_atoms: int | None = None


NO_CUSTODY = CustodyTerms()
