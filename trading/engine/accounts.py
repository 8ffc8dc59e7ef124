"""What is known of accounts beyond their balances and orders: fee tiers and owners. It makes their participants."""

from .balances import Balances
from .market import Market
from .participant import Participant


class Accounts:
    """``fee_tiers`` and ``owners`` by account; one without a tier has 0, one without an owner is its own."""

    __slots__ = ("_balances", "fee_tiers", "owners")

    def __init__(self, balances: Balances) -> None:
        self._balances = balances
        self.fee_tiers: dict[int, int] = {}
        self.owners: dict[int, int] = {}

    def participant(self, account: int, market: Market) -> Participant:
        """The account's participant in a market, made if this is its first order there."""
        participant = market.participants.get(account)
        if participant is not None:
            return participant
        owner, tier = self.owners.get(account, account), self.fee_tiers.get(account, 0)
        return market.join(account, owner, self._balances, tier)
