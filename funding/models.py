"""What custody remembers. Money itself is in the journal: nothing here is a balance.

Each table is written by one module: wallets and addresses by ``addresses``, the cursor and scanned blocks by ``scanning``,
deposits and their steps by ``deposits``, alarms by ``alarms``. Amounts are atomic units of the asset. The database holds
the transitions of a deposit (migrations/funding/0002_invariants.sql).
"""

from django.db import models

from accounts.models import Account

from .states import DepositState


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
