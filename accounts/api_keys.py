"""API keys: made, listed, changed, revoked. A secret is shown once; the server keeps it sealed, or only a public key.

Called in worker threads: every function reads or writes the database. What a key may do is fixed when it is made; its
name and the addresses that it may be used from can be changed.
"""

import base64
import datetime as dt
import ipaddress
import logging
import secrets
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from django.db import DatabaseError, close_old_connections, transaction
from django.db.models import QuerySet

from .models import Account, ApiKey, User
from .problems import INVALID_FIELD, TOO_MANY, UNKNOWN_API_KEY, Problem
from .scopes import SCOPES
from .sealing import seal
from .security_log import Caller, Event, record

log = logging.getLogger(__name__)

SECRET_BYTES = 64
LIMIT_PER_ACCOUNT = 50
"""Keys of one account that are neither revoked nor expired."""
ADDRESSES_LIMIT = 20
NAME_LIMIT = 64
USE_NOTED_EVERY_S = 60.0
"""How exact the time of a key's last use is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A new key. ``secret`` is base64 of SECRET_BYTES random bytes, shown this once; None for an Ed25519 key."""

    key: ApiKey
    secret: str | None = field(repr=False)


def create_key(
    *,
    account_id: int,
    name: str,
    scopes: Iterable[str],
    addresses: Iterable[str],
    expires_at: dt.datetime | None,
    public_key: str | None,
    caller: Caller,
    now: dt.datetime,
) -> Made:
    """Makes a key: with the Ed25519 public key if one is given, else with a new shared secret. Raises Problem."""
    wanted = sorted(set(scopes))
    if not wanted or not SCOPES.issuperset(wanted):
        raise _refused("scopes", "Give at least one of read, trade, withdraw.")
    if expires_at is not None and (expires_at.tzinfo is None or expires_at <= now):
        raise _refused("expires_at", "Give a time to come, with its zone.")
    secret = None if public_key is not None else secrets.token_bytes(SECRET_BYTES)
    key = ApiKey(
        account_id=account_id,
        name=_name(name),
        sealed_secret=None if secret is None else seal(secret),
        public_key=None if public_key is None else _public_key(public_key),
        scopes=wanted,
        addresses=_networks(addresses),
        created_at=now,
        expires_at=expires_at,
    )
    with transaction.atomic():
        account = Account.objects.select_for_update().get(id=account_id)  # one at a time, for the limit's sake
        if _usable(account_id, now) >= LIMIT_PER_ACCOUNT:
            raise Problem(TOO_MANY, f"At most {LIMIT_PER_ACCOUNT} keys for one account. Revoke one first.")
        key.save(force_insert=True)
        what = f"{key.name} ({', '.join(wanted)})"
        record(user=account.owner, event=Event.API_KEY_MADE, caller=caller, now=now, detail=what)
    return Made(key=key, secret=None if secret is None else base64.b64encode(secret).decode())


def list_keys(*, account_id: int) -> list[ApiKey]:
    """The account's keys that are not revoked, newest first."""
    keys = ApiKey.objects.filter(account_id=account_id, revoked_at=None).order_by("-created_at")
    return list(keys.defer("sealed_secret"))


def change_key(
    *,
    account_id: int,
    key_id: uuid.UUID,
    name: str | None,
    addresses: Iterable[str] | None,
    caller: Caller,
    now: dt.datetime,
) -> ApiKey:
    """Sets what is given. Raises Problem."""
    changes: dict[str, object] = {}
    if name is not None:
        changes["name"] = _name(name)
    if addresses is not None:
        changes["addresses"] = _networks(addresses)
    with transaction.atomic():
        key = ApiKey.objects.select_for_update().filter(id=key_id, account_id=account_id, revoked_at=None).first()
        if key is None:
            raise unknown()
        for field, value in changes.items():
            setattr(key, field, value)
        if changes:
            key.save(update_fields=list(changes))
        if addresses is not None:
            what = f"{key.name} ({', '.join(key.addresses) or 'any'})"
            record(user=key.account.owner, event=Event.API_KEY_CHANGED, caller=caller, now=now, detail=what)
    return key


def revoke_key(*, account_id: int, key_id: uuid.UUID, caller: Caller, now: dt.datetime) -> None:
    """Ends a key for ever. Raises Problem unknown_api_key."""
    with transaction.atomic():
        keys = ApiKey.objects.select_for_update().filter(id=key_id, account_id=account_id, revoked_at=None)
        if not _revoke(keys, caller=caller, now=now, why="by its owner"):
            raise unknown()


def revoke_all_keys(*, user: User, caller: Caller, now: dt.datetime, why: str) -> list[uuid.UUID]:
    """Ends every key of a user; in the caller's transaction. Returns their ids."""
    keys = ApiKey.objects.select_for_update(of=("self",)).filter(account__owner=user, revoked_at=None)
    return _revoke(keys, caller=caller, now=now, why=why)


def _revoke(keys: QuerySet[ApiKey], *, caller: Caller, now: dt.datetime, why: str) -> list[uuid.UUID]:
    revoked = []
    for key in keys.defer("sealed_secret"):
        key.revoked_at = now
        key.save(update_fields=["revoked_at"])
        record(user=key.account.owner, event=Event.API_KEY_ENDED, caller=caller, now=now, detail=f"{key.name}, {why}")
        revoked.append(key.id)
    return revoked


def note_use(key_id: uuid.UUID, at: dt.datetime, address: str) -> None:
    """Writes down when and from where a key was last used; a later use is never overwritten by an earlier one."""
    close_old_connections()
    try:
        ip: str | None = str(ipaddress.ip_address(address))
    except ValueError:
        ip = None  # a local socket has none
    try:
        ApiKey.objects.filter(id=key_id).exclude(last_used_at__gt=at).update(last_used_at=at, last_used_ip=ip)
    except DatabaseError as error:
        log.warning("the use of API key %s is not noted: %s", key_id, error)


def unknown() -> Problem:
    return Problem(UNKNOWN_API_KEY, "You have no API key of this id.")


def _usable(account_id: int, now: dt.datetime) -> int:
    return ApiKey.objects.filter(account_id=account_id, revoked_at=None).exclude(expires_at__lte=now).count()


def _name(name: str) -> str:
    name = name.strip()
    if not 1 <= len(name) <= NAME_LIMIT or not name.isprintable():
        raise _refused("name", f"A name has 1 to {NAME_LIMIT} characters that can be seen.")
    return name


def _networks(addresses: Iterable[str]) -> list[str]:
    """Addresses and networks in their canonical form. Raises Problem."""
    try:
        networks = [str(ipaddress.ip_network(address)) for address in addresses]
    except ValueError as error:
        raise _refused("addresses", f"Not an address or a network: {error}.") from error
    if len(networks) > ADDRESSES_LIMIT:
        raise _refused("addresses", f"At most {ADDRESSES_LIMIT} addresses or networks.")
    return list(dict.fromkeys(networks))


def _public_key(text: str) -> bytes:
    """The 32 bytes of an Ed25519 public key, from base64 of them or from PEM. Raises Problem."""
    try:
        if text.lstrip().startswith("-----BEGIN"):
            key = load_pem_public_key(text.encode())
        else:
            key = Ed25519PublicKey.from_public_bytes(base64.b64decode(text, validate=True))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _refused("public_key", "Not base64 of 32 bytes, and not PEM.") from error
    if not isinstance(key, Ed25519PublicKey):
        raise _refused("public_key", "The key is not of the kind Ed25519.")
    return key.public_bytes_raw()


def _refused(field: str, detail: str) -> Problem:
    return Problem(INVALID_FIELD, detail, {"errors": {field: [detail]}})
