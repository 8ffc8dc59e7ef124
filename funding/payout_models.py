"""What the hot wallet has and what it pays. Part of ``models``; amounts are atomic units.

Coins and change addresses are written by ``coins``, payouts, attempts and steps by ``payouts``, stops and reconciliations by
``reconciliation``. The database holds the transitions of a payout, and that what was signed stays as it is
(migrations/funding/0006_payout_invariants.sql).
"""

from django.db import models

from .payout_states import ENDED_ON_CHAIN, AttemptKind, PayoutState, Purpose


class ChangeAddress(models.Model):
    """One index of a wallet's change branch: nobody's deposit. ``is_refill``: shown to whoever brings coins from cold storage."""

    id = models.BigAutoField(primary_key=True)
    wallet = models.ForeignKey("funding.DepositWallet", on_delete=models.PROTECT, related_name="change_addresses")
    index = models.BigIntegerField()
    address = models.CharField(max_length=100)
    script = models.CharField(max_length=100)
    is_refill = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "funding_change_address"
        constraints = [
            models.UniqueConstraint(fields=["wallet", "index"], name="change_address_has_one_index"),
            models.UniqueConstraint(fields=["script", "wallet"], name="change_address_script_is_one"),
        ]

    def __str__(self) -> str:
        return self.address


class Coin(models.Model):
    """An output that pays one of our addresses: somebody's deposit, our own change, or what came from cold storage.

    ``block_height``: null while it is in no block of the active chain. ``payout``: which it is set aside for. ``is_spent``: that
    payout has spent it for good. ``refill_seq``: the event that books what came from cold storage.
    """

    id = models.BigAutoField(primary_key=True)
    chain = models.CharField(max_length=32)
    txid = models.CharField(max_length=64)
    vout = models.BigIntegerField()
    amount_atoms = models.BigIntegerField()
    wallet = models.ForeignKey("funding.DepositWallet", on_delete=models.PROTECT, related_name="coins")
    index = models.BigIntegerField()
    deposit = models.OneToOneField("funding.Deposit", on_delete=models.PROTECT, null=True, related_name="coin")
    change_address = models.ForeignKey(ChangeAddress, on_delete=models.PROTECT, null=True, related_name="coins")
    block_hash = models.CharField(max_length=64, null=True)
    block_height = models.BigIntegerField(null=True)
    payout = models.ForeignKey("funding.Payout", on_delete=models.PROTECT, null=True, related_name="coins")
    is_spent = models.BooleanField(default=False)
    refill_seq = models.BigIntegerField(null=True)

    class Meta:
        db_table = "funding_coin"
        constraints = [
            models.UniqueConstraint(fields=["chain", "txid", "vout"], name="coin_is_one_output"),
            models.CheckConstraint(name="coin_amount_is_positive", condition=models.Q(amount_atoms__gt=0)),
            models.CheckConstraint(
                name="coin_is_a_deposit_or_change",
                condition=models.Q(deposit__isnull=False) ^ models.Q(change_address__isnull=False),
            ),
            models.CheckConstraint(
                name="coin_is_spent_by_a_payout",
                condition=models.Q(is_spent=False) | models.Q(payout__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["chain", "block_hash"], name="coin_by_block"),
            models.Index(fields=["chain", "is_spent", "-amount_atoms"], name="coin_by_amount"),
        ]

    def __str__(self) -> str:
        return f"{self.txid}:{self.vout}"


class Payout(models.Model):
    """One payment out of the hot wallet, in as many attempts as it takes: all of them spend ``anchor``, so one can be mined.

    ``target_script`` and ``target_atoms``: of a sweep. ``is_shown``: something of it was shown to the signer. ``is_cancelled``:
    it is to come home. ``ended_by``: the attempt that is final. ``fee_seq`` and ``move_seq``: the events that book the network's
    fee and a sweep.
    """

    id = models.BigAutoField(primary_key=True)
    chain = models.CharField(max_length=32)
    asset = models.CharField(max_length=12)
    purpose = models.CharField(max_length=14, choices=Purpose)
    state = models.CharField(max_length=10, choices=PayoutState)
    anchor = models.ForeignKey(Coin, on_delete=models.PROTECT, related_name="+")
    change_address = models.ForeignKey(ChangeAddress, on_delete=models.PROTECT, related_name="+")
    target_script = models.CharField(max_length=100, blank=True)
    target_atoms = models.BigIntegerField(default=0)
    is_shown = models.BooleanField(default=False)
    is_cancelled = models.BooleanField(default=False)
    ended_by = models.ForeignKey("funding.Attempt", on_delete=models.PROTECT, null=True, related_name="+")
    fee_seq = models.BigIntegerField(null=True)
    move_seq = models.BigIntegerField(null=True)
    is_booked = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    class Meta:
        db_table = "funding_payout"
        constraints = [
            models.CheckConstraint(name="payout_state_is_known", condition=models.Q(state__in=PayoutState.values)),
            models.CheckConstraint(name="payout_purpose_is_known", condition=models.Q(purpose__in=Purpose.values)),
            models.CheckConstraint(
                name="payout_is_booked_at_its_end",
                condition=models.Q(is_booked=False) | models.Q(state__in=ENDED_ON_CHAIN),
            ),
            models.CheckConstraint(
                name="payout_is_ended_by_an_attempt",
                condition=~models.Q(state__in=ENDED_ON_CHAIN) | models.Q(ended_by__isnull=False),
            ),
        ]
        indexes = [models.Index(fields=["chain", "is_booked", "state"], name="payout_by_state")]

    def __str__(self) -> str:
        return f"payout {self.id}"


class PayoutStep(models.Model):
    """What happened to a payout, in words. Append-only."""

    id = models.BigAutoField(primary_key=True)
    payout = models.ForeignKey(Payout, on_delete=models.PROTECT, related_name="steps")
    at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=PayoutState)
    words = models.TextField()

    class Meta:
        db_table = "funding_payout_step"

    def __str__(self) -> str:
        return self.words


class Attempt(models.Model):
    """One transaction of a payout. Its txid is known and committed before the signer sees it; signed bytes before they are sent.

    ``psbt`` in base64, ``transaction`` in hex, empty until it is signed. ``planned_height``: the cursor when it was made.
    """

    id = models.BigAutoField(primary_key=True)
    payout = models.ForeignKey(Payout, on_delete=models.PROTECT, related_name="attempts")
    number = models.IntegerField()
    kind = models.CharField(max_length=6, choices=AttemptKind)
    txid = models.CharField(max_length=64, unique=True)
    psbt = models.TextField()
    transaction = models.TextField(blank=True)
    fee_atoms = models.BigIntegerField()
    size_vbytes = models.IntegerField()
    planned_height = models.BigIntegerField()
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    block_hash = models.CharField(max_length=64, null=True)
    block_height = models.BigIntegerField(null=True)

    class Meta:
        db_table = "funding_attempt"
        constraints = [
            models.UniqueConstraint(fields=["payout", "number"], name="attempt_has_its_number"),
            models.CheckConstraint(name="attempt_kind_is_known", condition=models.Q(kind__in=AttemptKind.values)),
            models.CheckConstraint(
                name="attempt_is_signed_before_it_is_sent",
                condition=models.Q(sent_at__isnull=True) | ~models.Q(transaction=""),
            ),
            models.CheckConstraint(name="attempt_fee_is_positive", condition=models.Q(fee_atoms__gt=0)),
        ]

    def __str__(self) -> str:
        return self.txid


class WithdrawalStop(models.Model):
    """Withdrawals of an asset are stopped from ``stopped_at`` on, until an operator lifts it with a reason. One is open at most."""

    id = models.BigAutoField(primary_key=True)
    asset = models.CharField(max_length=12)
    words = models.TextField()
    stopped_at = models.DateTimeField()
    lifted_at = models.DateTimeField(null=True)
    lifted_because = models.TextField(blank=True)

    class Meta:
        db_table = "funding_withdrawal_stop"
        constraints = [
            models.UniqueConstraint(
                fields=["asset"], condition=models.Q(lifted_at__isnull=True), name="stop_is_open_once"
            ),
            models.CheckConstraint(
                name="stop_is_lifted_for_a_reason",
                condition=models.Q(lifted_at__isnull=True) ^ ~models.Q(lifted_because=""),
            ),
        ]

    def __str__(self) -> str:
        return self.words


class Reconciliation(models.Model):
    """How the books of an asset compared with its coins when they were last looked at. ``differences``: sentences, or nothing."""

    asset = models.CharField(max_length=12, primary_key=True)
    at = models.DateTimeField()
    seq = models.BigIntegerField(help_text="The books were written up to this event.")
    hot_books_atoms = models.BigIntegerField()
    hot_coins_atoms = models.BigIntegerField()
    cold_books_atoms = models.BigIntegerField()
    cold_coins_atoms = models.BigIntegerField()
    differences = models.TextField(blank=True)

    class Meta:
        db_table = "funding_reconciliation"

    def __str__(self) -> str:
        return f"{self.asset} at event {self.seq}"
