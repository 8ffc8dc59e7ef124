"""Codes and links sent by mail: kept as keyed hashes, good for minutes, tried five times, used once.

One proof per purpose and address; a newer one replaces it. Checking and spending are apart, so that a sign-in that fails for
another reason does not cost the code; of two that spend the same proof only one succeeds. A row is written for addresses
that nobody has registered too, so that asking for a code costs the same and tells nothing.
"""

import datetime as dt
import hmac
import secrets
import uuid
from dataclasses import dataclass

from django.db import transaction
from django.db.models import F
from django.utils.crypto import salted_hmac

from .models import Proof, User

CODE_DIGITS = 6
TRIES = 5
CODE_LIFETIME = dt.timedelta(minutes=10)
LINK_LIFETIME = dt.timedelta(hours=1)
KEEP_EXPIRED = dt.timedelta(days=1)
_LINK_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """A proof that fits. ``proof_id`` and ``secret_hash`` are what spending it takes."""

    proof_id: int
    secret_hash: bytes
    email: str
    user_id: uuid.UUID | None


def new_code(*, purpose: Proof.Purpose, email: str, user: User | None, now: dt.datetime) -> str:
    """Six digits. They are told by mail alone."""
    code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"
    _write(purpose, email, user, _hash(purpose, email, code), now + CODE_LIFETIME)
    return code


def new_link_token(*, purpose: Proof.Purpose, email: str, user: User | None, now: dt.datetime) -> str:
    """The secret part of a link."""
    token = secrets.token_urlsafe(_LINK_BYTES)
    _write(purpose, email, user, _hash(purpose, "", token), now + LINK_LIFETIME)
    return token


def check_code(*, purpose: Proof.Purpose, email: str, code: str, now: dt.datetime) -> Proven | None:
    """Counts a try, then compares. None if the code is wrong, expired, spent, or was tried too often."""
    with transaction.atomic():
        proof = (
            Proof.objects.select_for_update()
            .filter(purpose=purpose, email=email, expires_at__gt=now, tries_left__gt=0)
            .first()
        )
        if proof is None:
            return None
        Proof.objects.filter(id=proof.id).update(tries_left=F("tries_left") - 1)
    given = _hash(purpose, email, code.strip())
    if not hmac.compare_digest(bytes(proof.secret_hash), given):
        return None
    return Proven(proof_id=proof.id, secret_hash=given, email=email, user_id=proof.user_id)


def check_link_token(*, purpose: Proof.Purpose, token: str, now: dt.datetime) -> Proven | None:
    """None if the link was never sent, is expired or spent."""
    given = _hash(purpose, "", token)
    proof = Proof.objects.filter(purpose=purpose, secret_hash=given, expires_at__gt=now).first()
    if proof is None:
        return None
    return Proven(proof_id=proof.id, secret_hash=given, email=proof.email, user_id=proof.user_id)


def spend(proven: Proven) -> bool:
    """False if somebody else has spent it, or a newer one has replaced it."""
    deleted, _ = Proof.objects.filter(id=proven.proof_id, secret_hash=proven.secret_hash).delete()
    return deleted == 1


def void_of(user: User) -> None:
    """Nothing that was sent to the user's mail counts any more."""
    Proof.objects.filter(user=user).delete()


def forget_expired(*, now: dt.datetime) -> None:
    Proof.objects.filter(expires_at__lt=now - KEEP_EXPIRED).delete()


def _write(purpose: Proof.Purpose, email: str, user: User | None, secret_hash: bytes, expires_at: dt.datetime) -> None:
    Proof.objects.update_or_create(
        purpose=purpose,
        email=email,
        defaults={"user": user, "secret_hash": secret_hash, "expires_at": expires_at, "tries_left": TRIES},
    )


def _hash(purpose: Proof.Purpose, email: str, secret: str) -> bytes:
    """Keyed, because six digits without a key are found in a moment by who reads the table."""
    return salted_hmac("accounts.proofs", f"{purpose}\n{email}\n{secret}", algorithm="sha256").digest()
