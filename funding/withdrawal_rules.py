"""What may be withdrawn, what it costs, and who has to look at it: WITHDRAWAL_RULES of the settings. Atomic units."""

from dataclasses import dataclass

from django.conf import settings


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawalRules:
    """``minimum_atoms``: the least, our fee included. ``approvals``: (up to so many atoms within a day, so many people),
    ascending; the last has no bound. ``usd_per_unit``: what a whole unit counts for where the market has no price."""

    minimum_atoms: int
    fee_atoms: int
    approvals: tuple[tuple[int | None, int], ...]
    usd_per_unit: int

    def approvals_needed(self, atoms: int) -> int:
        """For all that a user withdraws of the asset within a day."""
        for bound, needed in self.approvals:
            if bound is None or atoms <= bound:
                return needed
        raise ValueError("the last of the approvals has a bound")


def withdrawal_rules_of(asset: str) -> WithdrawalRules | None:
    """None: the asset is not withdrawn here."""
    rules = settings.WITHDRAWAL_RULES.get(asset)
    return None if rules is None else WithdrawalRules(**rules)
