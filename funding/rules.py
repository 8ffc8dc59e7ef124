"""How many confirmations an amount takes, and what is too little to be credited: DEPOSIT_RULES of the settings."""

from dataclasses import dataclass

from django.conf import settings

COINBASE_CONFIRMATIONS = 101
"""New coins may be spent in the hundredth block after their own (COINBASE_MATURITY); before, they are worth nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DepositRules:
    """``confirmations``: (up to so many atoms, so many), ascending; the last has no bound. ``deepest_reorganisation``: a
    deeper one is not believed; reading stops until a person has looked."""

    minimum_atoms: int
    confirmations: tuple[tuple[int | None, int], ...]
    deepest_reorganisation: int

    def needed(self, total_atoms: int, *, is_coinbase: bool) -> int:
        """For what one transaction pays us in all: many small outputs are as worth a double spend as a large one."""
        for bound, needed in self.confirmations:
            if bound is None or total_atoms <= bound:
                return max(needed, COINBASE_CONFIRMATIONS) if is_coinbase else needed
        raise ValueError("the last of the confirmations has a bound")


def rules_of(asset: str) -> DepositRules:
    """Raises KeyError for an asset that has none."""
    return DepositRules(**settings.DEPOSIT_RULES[asset])
