"""The books. Written by ``ledger.posting`` alone; the database's triggers hold the invariants (``migrations/ledger/*.sql``).

Signs: credits are positive, debits negative, in every account of every kind; an entry sums to zero in every asset.
Amounts are atomic units of the asset, ``numeric(78, 0)``.
"""

from django.db import models

from .chart import Kind


class LedgerAccount(models.Model):
    """One line of the chart: a kind and an asset, and for users whose it is (``owner``, the trading account's id).

    ``balance`` is the sum of the postings. ``held`` is the part of it that open orders hold, and what remains is
    available; only users have any. NULL: nothing was posted here since ``held`` is recorded. The database keeps both.
    """

    id = models.BigAutoField(primary_key=True)
    owner = models.BigIntegerField(null=True)
    asset = models.CharField(max_length=12)
    kind = models.CharField(max_length=20, choices=[(kind.value, kind.label) for kind in Kind])
    balance = models.DecimalField(max_digits=78, decimal_places=0, default=0)
    held = models.DecimalField(max_digits=78, decimal_places=0, null=True, db_default=0)

    class Meta:
        db_table = "ledger_account"
        verbose_name = "account"
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "asset", "kind"], name="ledger_account_is_unique", nulls_distinct=False
            ),
            models.CheckConstraint(
                name="account_is_of_the_chart", condition=models.Q(kind__in=[kind.value for kind in Kind])
            ),
            models.CheckConstraint(
                name="user_has_owner", condition=models.Q(kind="user") ^ models.Q(owner__isnull=True)
            ),
            models.CheckConstraint(
                name="user_balance_is_not_negative", condition=~models.Q(kind="user") | models.Q(balance__gte=0)
            ),
            models.CheckConstraint(
                name="held_is_within_the_balance",
                condition=models.Q(held__isnull=True)
                | models.Q(held=0)
                | models.Q(kind="user", held__gt=0, held__lte=models.F("balance")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.owner or ''} {self.asset}"


class Entry(models.Model):
    """What one event of the journal did to the books. ``cause`` is the event's sequence number.

    ``reverses`` is the entry that this one takes back: a mistake is never changed, its mirror is posted.
    """

    cause = models.BigIntegerField(primary_key=True)
    at_us = models.BigIntegerField()
    reverses = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        related_name="reversals",
        null=True,
        db_column="reverses",
        db_index=False,
        db_constraint=False,
    )

    class Meta:
        db_table = "ledger_entry"
        verbose_name_plural = "entries"
        constraints = [
            models.UniqueConstraint(
                fields=["reverses"], name="entry_is_reversed_once", condition=models.Q(reverses__isnull=False)
            )
        ]

    def __str__(self) -> str:
        return f"entry of event {self.cause}"


class Posting(models.Model):
    """One amount to one account. ``balance`` and ``held`` are the account's after it. ``kind`` says what for.

    ``hold`` moves nothing: it only says what is held now. All other kinds have an amount.
    """

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
    held = models.DecimalField(max_digits=78, decimal_places=0, null=True)

    class Meta:
        db_table = "ledger_posting"
        indexes = [
            # What a user's statement shows: postings that move something.
            models.Index(fields=["account", "id"], name="posting_by_account", condition=~models.Q(kind="hold"))
        ]
        constraints = [
            models.CheckConstraint(
                name="posting_moves_or_holds", condition=models.Q(kind="hold") ^ ~models.Q(amount=0)
            ),
            models.CheckConstraint(name="posting_held_is_not_negative", condition=models.Q(held__gte=0)),
        ]

    def __str__(self) -> str:
        return f"{self.amount} to {self.account_id}"


class Day(models.Model):
    """What one day (UTC) did to the accounts of a kind in an asset, for reports. Kept by the trigger on postings.

    ``credits`` and ``debits`` are the sums of the amounts above and below zero; ``held`` is by how much the held part grew.
    """

    day = models.DateField()
    kind = models.CharField(max_length=20)
    asset = models.CharField(max_length=12)
    credits = models.DecimalField(max_digits=78, decimal_places=0)
    debits = models.DecimalField(max_digits=78, decimal_places=0)
    held = models.DecimalField(max_digits=78, decimal_places=0)
    pk = models.CompositePrimaryKey("day", "kind", "asset")

    class Meta:
        db_table = "ledger_day"

    def __str__(self) -> str:
        return f"{self.day} {self.kind} {self.asset}"
