"""Users, their trading accounts, their API sessions and keys.

Each table has one module that writes it: ``accounts.users``, ``accounts.sessions``, ``accounts.api_keys``,
``accounts.nonces``; further trading accounts are opened by ``accounts.subaccounts``.
"""

import uuid
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower


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
    """One sign-in by the API. The token itself is never stored, only its SHA-256."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="sessions")
    token_hash = models.BinaryField(max_length=32, unique=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    ip = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=200, blank=True)

    class Meta:
        indexes = [models.Index(fields=["user", "-created_at"])]

    def __str__(self) -> str:
        return str(self.id)


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
