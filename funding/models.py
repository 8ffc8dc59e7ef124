"""What custody remembers. Money itself is in the journal: nothing here is a balance.

Each table is written by one module: wallets and addresses by ``addresses``, the cursor and scanned blocks by ``scanning``,
deposits and their steps by ``deposits``, withdrawals and their steps by ``withdrawals``, the addresses they go to by
``destinations``, approvals by ``approvals``, alarms by ``alarms``; payouts are in ``payout_models``. Amounts are atomic units of
the asset. The database holds the transitions of deposits and withdrawals (migrations/funding/0002_invariants.sql,
0004_withdrawal_invariants.sql).
"""

from django.db import models

from accounts.models import Account, User

from . import payout_models  # noqa: F401 (part of this app's models)
from .states import RELEASED, DepositState, WithdrawalState


class DepositWallet(models.Model):
    """Where addresses of an asset come from: a descriptor that holds public keys alone, and the next index of it."""

    id = models.BigAutoField(primary_key=True)
    asset = models.CharField(max_length=12)
    chain = models.CharField(max_length=32)
    descriptor = models.TextField()
    next_index = models.BigIntegerField(default=0)
    is_active = models.BooleanField(
        default=True, help_text="New addresses come from here; old ones are watched for ever."
    )
    created_at = models.DateTimeField()

    class Meta:
        db_table = "funding_wallet"
        constraints = [
            models.UniqueConstraint(fields=["chain", "descriptor"], name="wallet_is_known_once"),
            models.UniqueConstraint(
                fields=["asset"], condition=models.Q(is_active=True), name="wallet_is_one_per_asset"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.asset} on {self.chain}"


class DepositAddress(models.Model):
    """One index of a wallet, given to one account for ever. ``script``: what its outputs carry, in hex."""

    id = models.BigAutoField(primary_key=True)
    wallet = models.ForeignKey(DepositWallet, on_delete=models.PROTECT, related_name="addresses")
    index = models.BigIntegerField()
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    address = models.CharField(max_length=100)
    script = models.CharField(max_length=100)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "funding_address"
        constraints = [
            models.UniqueConstraint(fields=["wallet", "index"], name="address_has_one_index"),
            models.UniqueConstraint(fields=["script", "wallet"], name="address_script_is_one_account_s"),
        ]
        indexes = [models.Index(fields=["account", "-id"], name="address_by_account")]

    def __str__(self) -> str:
        return self.address


class ChainCursor(models.Model):
    """The last block that was read of a chain. Moved by compare-and-swap, in the transaction that writes what was read."""

    chain = models.CharField(max_length=32, primary_key=True)
    height = models.BigIntegerField()
    block_hash = models.CharField(max_length=64)
    believed_depth = models.IntegerField(
        default=0, help_text="A person has looked: so deep a reorganisation is believed once."
    )
    stopped_because = models.TextField(blank=True, help_text="Why reading has stopped until a person looks.")
    at_tip_at = models.DateTimeField(null=True, help_text="When all was last read that a synchronised node has.")

    class Meta:
        db_table = "funding_cursor"

    def __str__(self) -> str:
        return f"{self.chain} {self.height}"


class ScannedBlock(models.Model):
    """A block that was read and is believed to be in the active chain: the way back when it is not."""

    id = models.BigAutoField(primary_key=True)
    chain = models.CharField(max_length=32)
    height = models.BigIntegerField()
    block_hash = models.CharField(max_length=64)

    class Meta:
        db_table = "funding_scanned_block"
        constraints = [models.UniqueConstraint(fields=["chain", "height"], name="scanned_block_is_one_per_height")]

    def __str__(self) -> str:
        return f"{self.chain} {self.height}"


class Deposit(models.Model):
    """One output that pays one of our addresses: (chain, txid, vout) is its name, whatever block it is in.

    ``block_hash`` and ``block_height``: null while it is in no block of the active chain. ``needed``: the confirmations that it
    takes. ``round``: how often its credit was taken back. ``credit_seq`` and ``reversal_seq``: the last such events.
    """

    id = models.BigAutoField(primary_key=True)
    chain = models.CharField(max_length=32)
    txid = models.CharField(max_length=64)
    vout = models.BigIntegerField()
    address = models.ForeignKey(DepositAddress, on_delete=models.PROTECT, related_name="deposits")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    asset = models.CharField(max_length=12)
    amount_atoms = models.DecimalField(max_digits=78, decimal_places=0)
    is_coinbase = models.BooleanField(default=False)
    state = models.CharField(max_length=12, choices=DepositState)
    needed = models.IntegerField()
    block_hash = models.CharField(max_length=64, null=True)
    block_height = models.BigIntegerField(null=True)
    round = models.IntegerField(default=0)
    credit_seq = models.BigIntegerField(null=True)
    reversal_seq = models.BigIntegerField(null=True)
    seen_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    class Meta:
        db_table = "funding_deposit"
        constraints = [
            models.UniqueConstraint(fields=["chain", "txid", "vout"], name="deposit_is_one_output"),
            models.CheckConstraint(name="deposit_state_is_known", condition=models.Q(state__in=DepositState.values)),
            models.CheckConstraint(name="deposit_amount_is_positive", condition=models.Q(amount_atoms__gt=0)),
            models.CheckConstraint(name="deposit_needs_a_block", condition=models.Q(needed__gte=1)),
            models.CheckConstraint(
                name="deposit_block_is_whole",
                condition=models.Q(block_hash__isnull=True, block_height__isnull=True)
                | models.Q(block_hash__isnull=False, block_height__isnull=False),
            ),
            models.CheckConstraint(
                name="deposit_in_mempool_has_no_block",
                condition=~models.Q(state__in=("seen", "gone")) | models.Q(block_hash__isnull=True),
            ),
            models.CheckConstraint(
                name="deposit_credited_by_an_event",
                condition=~models.Q(state__in=("credited", "reversing", "reversed", "deficit"))
                | models.Q(credit_seq__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["account", "-id"], name="deposit_by_account"),
            models.Index(fields=["chain", "block_hash"], name="deposit_by_block"),
            models.Index(fields=["chain", "state"], name="deposit_by_state"),
        ]

    def __str__(self) -> str:
        return f"{self.txid}:{self.vout}"


class DepositStep(models.Model):
    """What happened to a deposit, in words. Append-only."""

    id = models.BigAutoField(primary_key=True)
    deposit = models.ForeignKey(Deposit, on_delete=models.PROTECT, related_name="steps")
    at = models.DateTimeField()
    state = models.CharField(max_length=12, choices=DepositState)
    words = models.TextField()

    class Meta:
        db_table = "funding_deposit_step"

    def __str__(self) -> str:
        return self.words


class WithdrawalAddress(models.Model):
    """Where an account may withdraw to, registered before. ``script``: what an output to it carries, in hex.

    ``usable_from``: the end of its cooling period. It stays when it is removed, for the withdrawals that went to it.
    """

    id = models.BigAutoField(primary_key=True)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    asset = models.CharField(max_length=12)
    chain = models.CharField(max_length=32)
    address = models.CharField(max_length=100)
    script = models.CharField(max_length=100)
    label = models.CharField(max_length=64)
    created_at = models.DateTimeField()
    usable_from = models.DateTimeField()
    removed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "funding_withdrawal_address"
        constraints = [
            models.UniqueConstraint(
                fields=["account", "chain", "script"],
                condition=models.Q(removed_at=None),
                name="withdrawal_address_is_registered_once",
            ),
            models.UniqueConstraint(
                fields=["account", "asset", "label"],
                condition=models.Q(removed_at=None),
                name="withdrawal_address_has_its_label",
            ),
        ]
        indexes = [models.Index(fields=["account", "-id"], name="withdrawal_address_by_account")]

    def __str__(self) -> str:
        return self.address


class AddressLock(models.Model):
    """An account that takes no new withdrawal addresses, until ``opens_at``; null: until its owner asks for an end."""

    account = models.OneToOneField(Account, on_delete=models.PROTECT, primary_key=True, related_name="+")
    locked_at = models.DateTimeField()
    opens_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "funding_address_lock"

    def __str__(self) -> str:
        return f"{self.account_id}"


class Withdrawal(models.Model):
    """What an account wants paid to an address: ``amount_atoms`` arrive, ``fee_atoms`` are ours, both are held until it ends.

    ``ends_as``: what it becomes once its hold was given back. ``value_cents``: its worth in US cents when it was asked for, for
    the limits. ``hold_seq``, ``release_seq``, ``settle_seq``: the events of the journal. ``payout_id``, ``txid`` and
    ``block_height`` are of the payout that it is part of.
    """

    id = models.BigAutoField(primary_key=True)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    idempotency_key = models.CharField(max_length=64)
    destination = models.ForeignKey(WithdrawalAddress, on_delete=models.PROTECT, related_name="+")
    asset = models.CharField(max_length=12)
    chain = models.CharField(max_length=32)
    address = models.CharField(max_length=100)
    script = models.CharField(max_length=100)
    amount_atoms = models.DecimalField(max_digits=78, decimal_places=0)
    fee_atoms = models.DecimalField(max_digits=78, decimal_places=0)
    value_cents = models.BigIntegerField()
    approvals_needed = models.SmallIntegerField()
    state = models.CharField(max_length=12, choices=WithdrawalState)
    ends_as = models.CharField(max_length=12, null=True, choices=[(state.value, state.label) for state in RELEASED])
    hold_seq = models.BigIntegerField(null=True)
    release_seq = models.BigIntegerField(null=True)
    settle_seq = models.BigIntegerField(null=True)
    payout_id = models.BigIntegerField(null=True)
    txid = models.CharField(max_length=64, null=True)
    block_height = models.BigIntegerField(null=True)
    requested_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    class Meta:
        db_table = "funding_withdrawal"
        constraints = [
            models.UniqueConstraint(fields=["account", "idempotency_key"], name="withdrawal_is_asked_once"),
            models.CheckConstraint(
                name="withdrawal_state_is_known", condition=models.Q(state__in=WithdrawalState.values)
            ),
            models.CheckConstraint(name="withdrawal_amount_is_positive", condition=models.Q(amount_atoms__gt=0)),
            models.CheckConstraint(name="withdrawal_fee_is_not_negative", condition=models.Q(fee_atoms__gte=0)),
            models.CheckConstraint(
                name="withdrawal_approvals_are_two_at_most", condition=models.Q(approvals_needed__range=(0, 2))
            ),
            models.CheckConstraint(
                name="withdrawal_is_held_by_an_event",
                condition=models.Q(state__in=("requested", "refused")) | models.Q(hold_seq__isnull=False),
            ),
            models.CheckConstraint(
                name="withdrawal_ends_by_an_event",
                condition=(~models.Q(state="settled") | models.Q(settle_seq__isnull=False))
                & (~models.Q(state__in=RELEASED) | models.Q(release_seq__isnull=False, ends_as=models.F("state"))),
            ),
            models.CheckConstraint(
                name="withdrawal_is_settled_or_released",
                condition=models.Q(settle_seq__isnull=True) | models.Q(release_seq__isnull=True),
            ),
            models.CheckConstraint(
                name="withdrawal_releases_to_an_end",
                condition=~models.Q(state="releasing") | models.Q(ends_as__isnull=False),
            ),
            models.CheckConstraint(
                name="withdrawal_in_a_payout_names_it",
                condition=~models.Q(state__in=("batched", "signed", "broadcast", "mined", "settling", "settled"))
                | models.Q(payout_id__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["account", "-id"], name="withdrawal_by_account"),
            models.Index(fields=["state", "id"], name="withdrawal_by_state"),
            models.Index(fields=["payout_id"], name="withdrawal_by_payout"),
        ]

    def __str__(self) -> str:
        return f"withdrawal {self.id}"


class WithdrawalStep(models.Model):
    """What happened to a withdrawal, in words. Append-only."""

    id = models.BigAutoField(primary_key=True)
    withdrawal = models.ForeignKey(Withdrawal, on_delete=models.PROTECT, related_name="steps")
    at = models.DateTimeField()
    state = models.CharField(max_length=12, choices=WithdrawalState)
    words = models.TextField()

    class Meta:
        db_table = "funding_withdrawal_step"

    def __str__(self) -> str:
        return self.words


class Approval(models.Model):
    """What one of the staff said to a withdrawal, once. Append-only; the database refuses one's own."""

    id = models.BigAutoField(primary_key=True)
    withdrawal = models.ForeignKey(Withdrawal, on_delete=models.PROTECT, related_name="approvals")
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    approves = models.BooleanField()
    words = models.TextField()
    at = models.DateTimeField()

    class Meta:
        db_table = "funding_approval"
        constraints = [models.UniqueConstraint(fields=["withdrawal", "by"], name="approval_is_one_per_person")]

    def __str__(self) -> str:
        return f"{self.withdrawal_id} by {self.by_id}"


class Alarm(models.Model):
    """Something that a person has to look at. One open alarm for each ``subject``."""

    id = models.BigAutoField(primary_key=True)
    subject = models.CharField(max_length=120)
    words = models.TextField()
    raised_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "funding_alarm"
        constraints = [
            models.UniqueConstraint(
                fields=["subject"], condition=models.Q(settled_at__isnull=True), name="alarm_is_raised_once"
            )
        ]

    def __str__(self) -> str:
        return self.words
