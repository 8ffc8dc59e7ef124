"""The books. Written by ``ledger.posting`` alone; the database's triggers hold the invariants (``migrations/ledger/*.sql``).

Signs: credits are positive. What the house owes to users is positive, the other side of it negative; an entry sums to
zero in every asset. Amounts are atomic units of the asset, ``numeric(78, 0)``.
"""

from django.db import models


class Kind(models.TextChoices):
    """The chart of accounts."""

    USER = "user", "What we owe a user"
    FEES = "fees", "Fees earned"
    FAUCET = "faucet", "Play money given out"
    ADJUSTMENT = "adjustment", "Credits by hand"


class LedgerAccount(models.Model):
    """One line of the chart: a kind and an asset, and for users whose it is (``owner``, the trading account's id).

    ``balance`` is the sum of the postings; the database keeps it, nobody writes it.
    """

    id = models.BigAutoField(primary_key=True)
    owner = models.BigIntegerField(null=True)
    asset = models.CharField(max_length=12)
    kind = models.CharField(max_length=12, choices=Kind)
    balance = models.DecimalField(max_digits=78, decimal_places=0, default=0)

    class Meta:
        db_table = "ledger_account"
        verbose_name = "account"
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "asset", "kind"], name="ledger_account_is_unique", nulls_distinct=False
            ),
            models.CheckConstraint(
                name="user_has_owner", condition=models.Q(kind="user") ^ models.Q(owner__isnull=True)
            ),
            models.CheckConstraint(
                name="user_balance_is_not_negative", condition=~models.Q(kind="user") | models.Q(balance__gte=0)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.owner or ''} {self.asset}"


class Entry(models.Model):
    """What one event of the journal did to the books. ``cause`` is the event's sequence number."""

    cause = models.BigIntegerField(primary_key=True)
    at_us = models.BigIntegerField()

    class Meta:
        db_table = "ledger_entry"
        verbose_name_plural = "entries"

    def __str__(self) -> str:
        return f"entry of event {self.cause}"


class Posting(models.Model):
    """One amount to one account. ``balance`` is the account's after it. ``kind`` says what for: trade, fee, credit."""

    id = models.BigAutoField(primary_key=True)
    # The trigger on this table checks both references for a whole statement; a foreign key would check row by row.
    entry = models.ForeignKey(
        Entry, on_delete=models.PROTECT, related_name="postings", db_column="cause", db_constraint=False
    )
    account = models.ForeignKey(
        LedgerAccount, on_delete=models.PROTECT, related_name="postings", db_index=False, db_constraint=False
    )
    kind = models.CharField(max_length=12)
    amount = models.DecimalField(max_digits=78, decimal_places=0)
    balance = models.DecimalField(max_digits=78, decimal_places=0)

    class Meta:
        db_table = "ledger_posting"
        indexes = [models.Index(fields=["account", "-id"], name="posting_by_account")]
        constraints = [models.CheckConstraint(name="posting_is_not_zero", condition=~models.Q(amount=0))]

    def __str__(self) -> str:
        return f"{self.amount} to {self.account_id}"
