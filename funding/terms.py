"""The terms on which assets are deposited and withdrawn now, from the rules of the settings and the wallets that there are."""

from django.conf import settings
from django.db import close_old_connections

from trading.custody_terms import CustodyTerms

from .models import DepositWallet
from .rules import rules_of
from .stops import open_stop
from .withdrawal_rules import withdrawal_rules_of


def load_terms() -> dict[str, CustodyTerms]:
    """By asset. On a connection that may have died since it was last used. Raises what a database raises."""
    close_old_connections()
    deposited = set(DepositWallet.objects.filter(is_active=True).values_list("asset", flat=True))
    terms = {asset: _terms(asset) for asset in deposited & set(settings.DEPOSIT_RULES)}
    close_old_connections()
    return terms


def _terms(asset: str) -> CustodyTerms:
    rules, withdrawals = rules_of(asset), withdrawal_rules_of(asset)
    return CustodyTerms(
        is_deposited=True,
        minimum_deposit_atoms=rules.minimum_atoms,
        confirmations=tuple(rules.confirmations),
        is_withdrawn=withdrawals is not None and open_stop(asset) is None,
        minimum_withdrawal_atoms=None if withdrawals is None else withdrawals.minimum_atoms,
        withdrawal_fee_atoms=None if withdrawals is None else withdrawals.fee_atoms,
    )
