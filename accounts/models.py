"""Users and what is theirs: trading accounts, sessions, keys, proofs sent by mail, mails, what happened to their security.

Each table is written by one module: users by ``users``, ``credentials``, ``email_change``, ``freeze``, ``suspensions`` and
``verification``, sessions by ``sessions``, API keys by ``api_keys``, their nonces by ``nonces``, further trading accounts by
``subaccounts``, proofs by ``proofs``, mails by ``mails`` and ``mail_delivery``, security events by ``security_log``, resets of lost
second factors by ``lost_factors``; notices are in ``notice_models``. ``resealing`` renews what is sealed. Second factors are rows
of allauth's ``Authenticator``, written by ``second_factors`` and ``passkeys``.
"""

import uuid
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower

from . import notice_models  # noqa: F401 (part of this app's models)


class UserManager(BaseUserManager["User"]):
    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=(username or "").lower())

    def create_superuser(self, email: str, password: str | None = None, **extra: Any) -> "User":
        from .users import create_operator

        return create_operator(email=email, password=password)


class User(AbstractBaseUser, PermissionsMixin):
    """A person. The id is random, so that it tells nothing about how many there are."""

    class Role(models.TextChoices):
        USER = "user"
        ADMIN = "admin"
        OPERATOR = "operator"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(max_length=254, unique=True)
    role = models.CharField(max_length=8, choices=Role.choices, default=Role.USER)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False, help_text="May open the admin.")
    created_at = models.DateTimeField(auto_now_add=True)
    email_verified_at = models.DateTimeField(null=True)
    identified_at = models.DateTimeField(null=True, help_text="When an admin set verification level 2.")
    withdrawals_frozen_until = models.DateTimeField(null=True)
    trading_suspended_at = models.DateTimeField(null=True, help_text="By the staff: null while the user may trade.")
    withdrawing_suspended_at = models.DateTimeField(
        null=True, help_text="By the staff: null while the user may withdraw."
    )

    USERNAME_FIELD = "email"
    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        constraints = [
            models.CheckConstraint(name="user_email_is_lower_case", condition=models.Q(email=Lower("email"))),
        ]

    def __str__(self) -> str:
        return self.email


class Account(models.Model):
    """A trading account: what the journal, the engine and the ledger know a user by."""

    id = models.BigAutoField(primary_key=True)
    owner = models.ForeignKey(User, on_delete=models.PROTECT, related_name="accounts")
    name = models.CharField(max_length=40, default="main")
    is_linked = models.BooleanField(
        default=True, db_default=True, help_text="The engine knows whose it is. Until then it cannot be used."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "name"], name="account_name_is_unique_per_owner")]

    def __str__(self) -> str:
        return f"{self.id} {self.name}"


class Session(models.Model):
    """One sign-in, by a program or a browser. The token itself is never stored, only its SHA-256."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="sessions")
    token_hash = models.BinaryField(max_length=32, unique=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True, help_text="To the minute.")
    factor_at = models.DateTimeField(null=True, help_text="When a second factor was last proven on this session.")
    ip = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=200, blank=True)

    class Meta:
        indexes = [models.Index(fields=["user", "-created_at"])]

    def __str__(self) -> str:
        return str(self.id)


class Proof(models.Model):
    """A code or a link sent to an address: who has it reads that address's mail. One at a time for each purpose.

    A row is made for an address that nobody has registered too (``user`` is null), so that asking costs the same.
    """

    class Purpose(models.TextChoices):
        SIGN_IN = "sign_in"
        VERIFY = "verify"
        STEP_UP = "step_up"
        RESET = "reset"
        EMAIL = "email"

    id = models.BigAutoField(primary_key=True)
    purpose = models.CharField(max_length=8, choices=Purpose.choices)
    email = models.EmailField(max_length=254)
    user = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    secret_hash = models.BinaryField(max_length=32)
    expires_at = models.DateTimeField(db_index=True)
    tries_left = models.SmallIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["purpose", "email"], name="proof_is_one_per_purpose_and_address"),
            models.CheckConstraint(name="proof_tries_are_not_negative", condition=models.Q(tries_left__gte=0)),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} {self.email}"


class Mail(models.Model):
    """A mail to send. ``sealed_text`` is encrypted, since codes stand in it; it is emptied when the mail is sent."""

    id = models.BigAutoField(primary_key=True)
    to = models.EmailField(max_length=254)
    user = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    subject = models.CharField(max_length=200)
    sealed_text = models.TextField()
    created_at = models.DateTimeField(db_index=True)
    sent_at = models.DateTimeField(null=True)
    tries = models.SmallIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True, help_text="Null once it is sent or given up.")

    class Meta:
        indexes = [
            models.Index(fields=["to", "-id"], name="mail_by_address"),
            models.Index(fields=["next_try_at"], name="mail_to_send", condition=models.Q(next_try_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.to}: {self.subject}"


class SecurityEvent(models.Model):
    """What happened to somebody's security. Append-only, enforced by the database. ``user`` is null for unknown addresses."""

    id = models.BigAutoField(primary_key=True)
    user = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    kind = models.CharField(max_length=32)
    detail = models.CharField(max_length=200, blank=True)
    session_id = models.UUIDField(null=True)
    ip = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=200, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["user", "-id"], name="security_event_by_user"),
            models.Index(
                fields=["user", "at"],
                name="security_event_factor_failed",
                condition=models.Q(kind="second_factor_failed"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.kind}"


class FactorReset(models.Model):
    """The staff let somebody back in who lost all second factors: one asks, another approves, and after a delay they are gone.

    The database holds that it takes two, neither of them the owner, and that what was said stays said.
    """

    class Ending(models.TextChoices):
        DONE = "done"
        CANCELLED = "cancelled"

    id = models.BigAutoField(primary_key=True)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    words = models.CharField(max_length=200, help_text="How the person has shown who it is.")
    approved_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    approved_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True, help_text="From then on the next sign-in takes effect.")
    ending = models.CharField(max_length=9, choices=Ending.choices, blank=True)
    ended_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user"], name="factor_reset_is_one_at_a_time", condition=models.Q(ended_at=None)
            ),
            models.CheckConstraint(
                name="factor_reset_is_asked_for_by_another", condition=~models.Q(asked_by=models.F("user"))
            ),
            models.CheckConstraint(
                name="factor_reset_takes_a_second_person",
                condition=models.Q(approved_by=None)
                | (~models.Q(approved_by=models.F("asked_by")) & ~models.Q(approved_by=models.F("user"))),
            ),
            models.CheckConstraint(
                name="factor_reset_is_approved_whole",
                condition=models.Q(approved_by=None, approved_at=None, due_at=None)
                | models.Q(approved_by__isnull=False, approved_at__isnull=False, due_at__gt=models.F("approved_at")),
            ),
            models.CheckConstraint(
                name="factor_reset_ends_whole_and_is_done_when_due",
                condition=models.Q(ending="", ended_by=None, ended_at=None)
                | models.Q(ending="cancelled", ended_by__isnull=False, ended_at__isnull=False)
                | models.Q(
                    ending="done", ended_by__isnull=False, due_at__isnull=False, ended_at__gte=models.F("due_at")
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.user.email}"


class ApiKey(models.Model):
    """A key for programs, bound to one trading account. Of an Ed25519 pair the public half; a shared secret sealed."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="api_keys")
    name = models.CharField(max_length=64)
    sealed_secret = models.BinaryField(null=True)
    public_key = models.BinaryField(max_length=32, null=True)
    scopes = ArrayField(models.CharField(max_length=8))
    addresses = ArrayField(models.CharField(max_length=43), help_text="Networks it may be used from; none: any.")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    last_used_ip = models.GenericIPAddressField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="api_key_is_hmac_or_ed25519",
                condition=models.Q(sealed_secret=None) ^ models.Q(public_key=None),
            ),
            models.CheckConstraint(
                name="api_key_scopes_are_known",
                condition=models.Q(scopes__contained_by=["read", "trade", "withdraw"]) & ~models.Q(scopes=[]),
            ),
        ]
        indexes = [models.Index(fields=["account", "-created_at"], name="api_key_by_account")]

    def __str__(self) -> str:
        return f"{self.id} {self.name}"


class UsedNonce(models.Model):
    """A signed request that was carried out, for the seconds in which it could come again."""

    proof = models.CharField(max_length=128, primary_key=True)
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["at"], name="used_nonce_by_time")]

    def __str__(self) -> str:
        return self.proof
