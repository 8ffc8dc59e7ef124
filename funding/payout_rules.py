"""How the hot wallet pays, and how much it keeps: PAYOUT_RULES, TREASURY_RULES and COLD_ADDRESSES of the settings."""

from dataclasses import dataclass

from django.conf import settings

from .models import DepositWallet


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutRules:
    """``final_confirmations``: a payout is final, and a coin may be spent, once it has as many. ``fee_sats_per_kvbyte``: the least
    rate, the one if the node cannot say, the most. ``maximum_fee_atoms``: of one transaction. ``dust_atoms``: what is not worth
    bringing home. ``gather_s``: how long an approved withdrawal waits for others, unless there are as many as a payout takes.
    ``bump_after_blocks``: an attempt that is in none of so many blocks is followed by one that pays more; None: by none."""

    final_confirmations: int
    target_blocks: int
    fee_sats_per_kvbyte: tuple[int, int, int]
    maximum_fee_atoms: int
    dust_atoms: int
    withdrawals_at_most: int
    gather_s: float
    coins_at_most: int
    bump_after_blocks: int | None

    def rate(self, estimate: int | None) -> int:
        """What to pay for a thousand virtual bytes, by the node's estimate, within our bounds."""
        least, unknown, most = self.fee_sats_per_kvbyte
        return min(max(unknown if estimate is None else estimate, least), most)


def payout_rules_of(asset: str) -> PayoutRules:
    """Raises KeyError for an asset that has none."""
    return PayoutRules(**settings.PAYOUT_RULES[asset])


@dataclass(frozen=True, slots=True, kw_only=True)
class TreasuryRules:
    """``hot_atoms``: what the hot wallet has at the least, what a sweep leaves in it, and at the most. ``consolidate_coins``: more
    than so many free ones become one while a thousand virtual bytes cost ``consolidate_at_most_sats_per_kvbyte`` at the most."""

    hot_atoms: tuple[int, int, int]
    consolidate_coins: int
    consolidate_at_most_sats_per_kvbyte: int


def assets_that_pay(chain: str) -> list[str]:
    """Those with a wallet on the chain and with rules. Others take deposits, and wait for rules to be written."""
    kept = DepositWallet.objects.filter(chain=chain).order_by("asset").values_list("asset", flat=True).distinct()
    return [asset for asset in kept if asset in settings.PAYOUT_RULES and asset in settings.TREASURY_RULES]


def treasury_rules_of(asset: str) -> TreasuryRules:
    """Raises KeyError for an asset that has none."""
    return TreasuryRules(**settings.TREASURY_RULES[asset])
