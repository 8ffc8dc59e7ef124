"""The tables of trading, each with one writer: the journal ``trading.journal.append``, snapshots ``trading.snapshots``,
the faucet's grants ``trading.faucet``, those of transfers ``trading.transfers``, adjustments ``trading.adjustment_rows``, all
others ``trading.projections``.

Units: ``*_ticks`` of the market's tick, ``*_lots`` of its lot, ``*_atoms`` atomic units of the asset, ``*_us`` microseconds.
"""

from typing import Any

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F

from .engine.numbers import LEG_BIT, PARENT_MASK
from .order_facts import LEG_BITS


class VerbatimJSON(models.TextField):  # type: ignore[type-arg]
    """PostgreSQL's ``json``, read as the text that was hashed; ``jsonb`` would rewrite it."""

    def db_type(self, connection: Any) -> str:
        return "json"

    def select_format(self, compiler: Any, sql: str, params: Any) -> tuple[str, Any]:
        return f"{sql}::text", params


class Atoms(models.DecimalField):  # type: ignore[type-arg]
    """A whole number of atomic units, as wide as wei need it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "max_digits": 78, "decimal_places": 0})

    def deconstruct(self) -> Any:
        name, path, args, options = super().deconstruct()
        del options["max_digits"], options["decimal_places"]
        return name, path, args, options


class OrderEvent(models.Model):
    """The journal: one command a row, gapless, hash-chained, append-only. Everything else is a view of it."""

    seq = models.BigIntegerField(primary_key=True)
    at_us = models.BigIntegerField()
    command_id = models.UUIDField(unique=True)
    account_id = models.BigIntegerField(null=True)
    market = models.TextField(null=True)
    kind = models.TextField()
    body = VerbatimJSON()
    request_id = models.TextField()
    format = models.SmallIntegerField(db_default=1)
    hash = models.BinaryField(max_length=32)

    class Meta:
        db_table = "order_event"
        verbose_name = "event"

    def __str__(self) -> str:
        return f"{self.seq} {self.kind}"


class JournalHead(models.Model):
    """The last event's number, time and hash: one row. Whoever holds its lock appends."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    seq = models.BigIntegerField()
    at_us = models.BigIntegerField()
    hash = models.BinaryField(max_length=32)

    class Meta:
        db_table = "journal_head"
        constraints = [models.CheckConstraint(name="journal_head_is_one_row", condition=models.Q(id=1))]

    def __str__(self) -> str:
        return str(self.seq)


class EngineSnapshot(models.Model):
    """The engine's whole state after an event, as its canonical dump. Any may be deleted: they only shorten a start."""

    seq = models.BigIntegerField(primary_key=True)
    rules = models.IntegerField()
    state_hash = models.TextField()
    journal_hash = models.BinaryField(max_length=32)
    outcome_chain = models.BinaryField(max_length=32)
    body = models.BinaryField()
    created_at_us = models.BigIntegerField()

    class Meta:
        db_table = "engine_snapshot"

    def __str__(self) -> str:
        return str(self.seq)


class OutcomeCheckpoint(models.Model):
    """The chain of outcomes after every thousandth event, as the projector had it. Append-only; all replicas compare."""

    seq = models.BigIntegerField(primary_key=True)
    chain = models.BinaryField(max_length=32)

    class Meta:
        db_table = "outcome_checkpoint"

    def __str__(self) -> str:
        return str(self.seq)


class ProjectionCheckpoint(models.Model):
    """Up to which event the read models and the books are written. Moved by compare-and-swap in their transaction."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    seq = models.BigIntegerField()

    class Meta:
        db_table = "projection_checkpoint"
        constraints = [models.CheckConstraint(name="projection_checkpoint_is_one_row", condition=models.Q(id=1))]

    def __str__(self) -> str:
        return str(self.seq)


class Asset(models.Model):
    asset = models.CharField(max_length=12, primary_key=True)
    name = models.CharField(max_length=40)
    kind = models.CharField(max_length=8)
    decimals = models.SmallIntegerField()
    trading_decimals = models.SmallIntegerField()

    class Meta:
        db_table = "asset"

    def __str__(self) -> str:
        return self.asset


class Market(models.Model):
    market = models.CharField(max_length=25, primary_key=True)
    base = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+", db_column="base")
    quote = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+", db_column="quote")
    state = models.CharField(max_length=12)
    state_reason = models.TextField(blank=True)
    tick_atoms = Atoms()
    lot_atoms = Atoms()
    minimum_lots = models.BigIntegerField()
    minimum_notional_atoms = Atoms()
    maximum_open_orders = models.IntegerField()
    fee_tiers = models.JSONField()

    class Meta:
        db_table = "market"

    def __str__(self) -> str:
        return self.market


class Order(models.Model):
    """An order as it stands. ``seq`` is its number: that of the event that placed it, ``id`` that event's command id; a leg
    has those of ``trading.order_facts``. ``options``: those that are not at their default, as in the journal; NULL for none.
    """

    class Status(models.TextChoices):
        WAITING = "waiting"
        OPEN = "open"
        FILLED = "filled"
        CANCELLED = "cancelled"
        EXPIRED = "expired"
        REJECTED = "rejected"

    seq = models.BigIntegerField(primary_key=True)
    id = models.UUIDField(unique=True)
    account_id = models.BigIntegerField()
    client_order_id = models.TextField(null=True)
    market = models.CharField(max_length=25)
    side = models.CharField(max_length=4)
    type = models.CharField(max_length=20)
    time_in_force = models.CharField(max_length=3)
    post_only = models.CharField(max_length=7)
    price_ticks = models.BigIntegerField(null=True)
    quantity_lots = models.BigIntegerField(null=True)
    budget_atoms = Atoms(null=True)
    filled_lots = models.BigIntegerField(default=0)
    filled_quote_atoms = Atoms(default=0)
    fee_atoms = Atoms(default=0)
    status = models.CharField(max_length=9, choices=Status)
    reason = models.TextField(null=True)
    created_at_us = models.BigIntegerField()
    updated_at_us = models.BigIntegerField()
    updated_seq = models.BigIntegerField()
    options = models.JSONField(null=True)

    class Meta:
        db_table = "trading_order"
        indexes = [
            # By age, see trading.order_facts: a leg stands next to the order that brought it.
            models.Index(
                "account_id",
                F("seq").bitand(PARENT_MASK).bitleftshift(LEG_BITS).bitor(F("seq").bitrightshift(LEG_BIT)),  # type: ignore[arg-type]
                name="order_by_account",
            ),
            # What changed lately, for who resumes a stream: a few blocks, and an update stays as cheap as without.
            BrinIndex(fields=["updated_seq"], name="order_by_change", pages_per_range=16, autosummarize=True),
        ]
        constraints = [
            models.CheckConstraint(
                name="order_is_not_overfilled",
                condition=models.Q(quantity_lots=None) | models.Q(filled_lots__lte=models.F("quantity_lots")),
            )
        ]

    def __str__(self) -> str:
        return str(self.id)


class Trade(models.Model):
    """One match. Kept for ever."""

    id = models.BigIntegerField(primary_key=True)
    seq = models.BigIntegerField()
    market = models.CharField(max_length=25)
    at_us = models.BigIntegerField()
    price_ticks = models.BigIntegerField()
    quantity_lots = models.BigIntegerField()
    quote_atoms = Atoms()
    taker_side = models.CharField(max_length=4)

    class Meta:
        db_table = "trade"
        indexes = [models.Index(fields=["market", "id"], name="trade_by_market")]
        constraints = [
            models.CheckConstraint(name="trade_is_positive", condition=models.Q(price_ticks__gt=0, quantity_lots__gt=0))
        ]

    def __str__(self) -> str:
        return str(self.id)


class Fill(models.Model):
    """One side of a trade, as the order's owner sees it. ``id``: twice the trade's, less one for the taker."""

    id = models.BigIntegerField(primary_key=True)
    # A read model with one writer, made anew from the journal at any time: no foreign key is checked row by row.
    trade = models.ForeignKey(
        Trade, on_delete=models.PROTECT, related_name="fills", db_index=False, db_constraint=False
    )
    order = models.ForeignKey(
        Order, on_delete=models.PROTECT, related_name="fills", db_column="order_seq", db_constraint=False
    )
    account_id = models.BigIntegerField()
    side = models.CharField(max_length=4)
    liquidity = models.CharField(max_length=5)
    fee_atoms = Atoms()

    class Meta:
        db_table = "fill"
        indexes = [models.Index(fields=["account_id", "id"], name="fill_by_account")]
        constraints = [
            models.CheckConstraint(
                name="fill_number_follows_from_trade",
                condition=models.Q(liquidity="taker", id=models.F("trade") * 2 - 1)
                | models.Q(liquidity="maker", id=models.F("trade") * 2),
            )
        ]

    def __str__(self) -> str:
        return str(self.id)


class OrderStep(models.Model):
    """A rare step in an order's life; of placement, fills and end other tables tell. Only ever added to.

    ``place``: where in its event's outcomes it stands; ``after_trade``: the last trade of the event before it, 0 for none.
    ``details``: the numbers that its outcome carries.
    """

    class Kind(models.TextChoices):
        WAITING = "waiting"
        TRIGGERED = "triggered"
        AMENDED = "amended"
        REPRICED = "repriced"
        REFRESHED = "refreshed"
        PREVENTED = "prevented"
        LEG = "leg"

    order_seq = models.BigIntegerField()
    seq = models.BigIntegerField()
    place = models.IntegerField()
    at_us = models.BigIntegerField()
    after_trade = models.BigIntegerField()
    kind = models.CharField(max_length=9, choices=Kind)
    details = models.JSONField()
    pk = models.CompositePrimaryKey("order_seq", "seq", "place")

    class Meta:
        db_table = "order_step"

    def __str__(self) -> str:
        return f"{self.kind} of order {self.order_seq} in event {self.seq}"


class Candle(models.Model):
    """Open, high, low, close and volume of one interval in which something traded. Coarser intervals are summed."""

    market = models.CharField(max_length=25)
    interval_s = models.IntegerField()
    start_us = models.BigIntegerField()
    open_ticks = models.BigIntegerField()
    high_ticks = models.BigIntegerField()
    low_ticks = models.BigIntegerField()
    close_ticks = models.BigIntegerField()
    volume_lots = models.DecimalField(max_digits=40, decimal_places=0)
    quote_atoms = Atoms()
    trades = models.BigIntegerField()
    pk = models.CompositePrimaryKey("market", "interval_s", "start_us")

    class Meta:
        db_table = "candle"

    def __str__(self) -> str:
        return f"{self.market} {self.interval_s} {self.start_us}"


class WithdrawalHold(models.Model):
    """What is or was held for a withdrawal: ``held_seq`` held it, ``ended_seq`` released or settled it; null while it lasts.

    ``fee_atoms``: the house's part of what was settled; null for one that was released.
    """

    held_seq = models.BigIntegerField(primary_key=True)
    reference = models.TextField()
    account_id = models.BigIntegerField()
    asset = models.CharField(max_length=12)
    amount_atoms = Atoms()
    ended_seq = models.BigIntegerField(null=True, unique=True)
    fee_atoms = Atoms(null=True)

    class Meta:
        db_table = "withdrawal_hold"
        constraints = [
            models.UniqueConstraint(
                fields=["reference"], condition=models.Q(ended_seq=None), name="withdrawal_hold_is_one_per_reference"
            )
        ]

    def __str__(self) -> str:
        return self.reference


class FaucetGrant(models.Model):
    """What the faucet gave, to hold the limit per account and day. One row a credit, named by its command id."""

    command_id = models.UUIDField(primary_key=True)
    account_id = models.BigIntegerField()
    asset = models.CharField(max_length=12)
    day = models.DateField()
    amount_atoms = Atoms()

    class Meta:
        db_table = "faucet_grant"
        indexes = [models.Index(fields=["account_id", "asset", "day"], name="faucet_grant_by_day")]

    def __str__(self) -> str:
        return str(self.command_id)


class TransferGrant(models.Model):
    """What an account was let transfer to another person, to hold the limit per account and day. Named by its command id."""

    command_id = models.UUIDField(primary_key=True)
    account_id = models.BigIntegerField()
    to_account_id = models.BigIntegerField()
    asset = models.CharField(max_length=12)
    day = models.DateField()
    amount_atoms = Atoms()

    class Meta:
        db_table = "transfer_grant"
        indexes = [models.Index(fields=["account_id", "asset", "day"], name="transfer_grant_by_day")]

    def __str__(self) -> str:
        return str(self.command_id)


class Adjustment(models.Model):
    """A credit by hand, or one taken back, as one of the staff asks for it; beyond a limit another decides. Never deleted.

    ``credit_seq``: of a debit, the event of the credit that it takes back. ``event_seq``: what carried it out.
    """

    class Kind(models.TextChoices):
        CREDIT = "credit"
        DEBIT = "debit"

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=6, choices=Kind)
    account = models.ForeignKey("accounts.Account", on_delete=models.PROTECT, related_name="+")
    asset = models.CharField(max_length=12)
    amount_atoms = Atoms()
    credit_seq = models.BigIntegerField(null=True)
    reason = models.CharField(max_length=200)
    idempotency_key = models.UUIDField()
    takes_two = models.BooleanField()
    asked_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    decided_by = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)
    approved = models.BooleanField(null=True)
    event_seq = models.BigIntegerField(null=True, unique=True)

    class Meta:
        db_table = "adjustment"
        indexes = [models.Index(fields=["asked_by", "asset", "asked_at"], name="adjustment_by_who_asked")]
        constraints = [
            models.UniqueConstraint(fields=["asked_by", "idempotency_key"], name="adjustment_is_asked_for_once"),
            models.UniqueConstraint(
                fields=["credit_seq"],
                condition=models.Q(approved=None) | models.Q(approved=True),
                name="adjustment_takes_a_credit_back_once",
            ),
            models.CheckConstraint(name="adjustment_is_of_something", condition=models.Q(amount_atoms__gt=0)),
            models.CheckConstraint(
                name="adjustment_takes_back_a_credit_or_is_one",
                condition=models.Q(kind="credit", credit_seq=None) | models.Q(kind="debit", credit_seq__isnull=False),
            ),
            models.CheckConstraint(
                name="adjustment_is_decided_by_another",
                condition=models.Q(decided_by=None, decided_at=None, approved=None)
                | models.Q(takes_two=True, decided_by__isnull=False, decided_at__isnull=False, approved__isnull=False)
                & ~models.Q(decided_by=models.F("asked_by")),
            ),
            models.CheckConstraint(
                name="adjustment_is_carried_out_when_it_may_be",
                condition=models.Q(event_seq=None)
                | models.Q(takes_two=False)
                | models.Q(approved__isnull=False, approved=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.kind} {self.asset}"

    @property
    def state(self) -> str:
        """ "waiting" for somebody else, "rejected", "approved" while it is being carried out, "done"."""
        if self.event_seq is not None:
            return "done"
        if self.approved is None:
            return "waiting" if self.takes_two else "approved"
        return "approved" if self.approved else "rejected"
