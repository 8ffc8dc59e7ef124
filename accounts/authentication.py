"""Who is asking: one place for the raw realms, DRF and the stream.

Every sign-in, by API or browser, is a ``Session`` row, every program's key an ``ApiKey`` row; a Principal is what such a
row proves. Principals are kept in memory for PRINCIPAL_TTL_S, so that an ended session or a revoked key is refused by
other processes within that time and by this one at once. Those in use are renewed before they are too old, all together
(``renewal``), so that no request waits for it. Called from the event loop (look-ups) and from worker threads (loads, each
on a connection that may have died since it was last used); a dict operation is atomic under the GIL.
"""

import datetime as dt
import ipaddress
import logging
import time
import uuid
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user
from django.core import signing
from django.db import close_old_connections
from django.http import HttpRequest

from .models import Account, ApiKey, Session
from .problems import (
    ADDRESS_NOT_ALLOWED,
    FORBIDDEN,
    INVALID_PARAMETER,
    KEY_EXPIRED,
    SCOPE_MISSING,
    UNKNOWN_ACCOUNT,
    Problem,
)
from .scopes import SCOPES, has_role
from .sealing import NotOpened, unseal
from .sessions import hash_token, note_use
from .signatures import Ed25519Verifier, HmacVerifier, Verifier

log = logging.getLogger(__name__)
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

PRINCIPAL_TTL_S = 2.0
RENEWED_AFTER_S = 1.0
PRINCIPALS_LIMIT = 100_000
MAIN = "main"
"""The name of the trading account that everybody has, and that acts if none is chosen."""
ACCOUNT_DIGITS = 18
STREAM_TOKEN_TTL_S = 900
BROWSER_SESSION_KEY = "kontor_session"
COOKIE = b"cookie:"
"""How the keys of principals begin that were proven by a browser's session."""
_STREAM_SALT = "accounts.stream-token"


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What an API key's row says of it. ``networks``: where it may be used from; none: anywhere."""

    id: uuid.UUID
    scopes: frozenset[str]
    networks: tuple[Network, ...]
    verifier: Verifier

    def check_address(self, address: str) -> None:
        """Raises Problem address_not_allowed, and logs it."""
        if not self.networks:
            return
        try:
            host = ipaddress.ip_address(address)
        except ValueError:
            host = None
        mapped = getattr(host, "ipv4_mapped", None) or host
        if mapped is None or not any(mapped in network for network in self.networks):
            log.warning("API key %s: refused from %s, which it is not allowed from", self.id, address)
            raise Problem(ADDRESS_NOT_ALLOWED, f"This key may not be used from {address}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who acts, signed in by a session or proven by a key, and the trading account that acts.

    ``accounts``: the trading accounts it may choose from; a key has one only. Either session_id or key is there.
    """

    user_id: uuid.UUID
    account_id: int
    accounts: frozenset[int]
    role: str
    expires_at: dt.datetime | None
    session_id: uuid.UUID | None = None
    key: Key | None = None

    @property
    def proven_by(self) -> uuid.UUID | None:
        """The id of its session or key."""
        return self.session_id if self.key is None else self.key.id

    def check(self, needs: str) -> None:
        """Raises Problem if this one may not make a call that ``needs`` this (``scopes.Needs``)."""
        if self.key is None:
            if not has_role(self.role, needs):
                raise Problem(FORBIDDEN, f"This is for the role {needs}.")
        elif needs not in SCOPES and needs != "any_key":
            raise Problem(SCOPE_MISSING, "API keys cannot do this. Sign in.")
        elif needs in SCOPES - self.key.scopes:
            raise Problem(SCOPE_MISSING, f"This needs a key with the scope {needs}.")

    def check_expiry(self, now_ms: int) -> None:
        """Raises Problem key_expired: while in memory a key may come to its end."""
        if self.key is not None and self.expires_at is not None and self.expires_at.timestamp() * 1000 <= now_ms:
            raise Problem(KEY_EXPIRED, f"The key expired at {self.expires_at.isoformat()}.")

    def acting_for(self, account_id: int) -> "Principal":
        """The same one, acting for another of its trading accounts. Raises Problem unknown_account."""
        if account_id == self.account_id:
            return self
        if account_id not in self.accounts:
            raise Problem(UNKNOWN_ACCOUNT, f"You cannot act for the trading account {account_id}.")
        return replace(self, account_id=account_id)


def account_named(text: str) -> int:
    """The trading account that the header X-Account names. Raises Problem invalid_parameter."""
    if not (text.isascii() and text.isdigit() and len(text) <= ACCOUNT_DIGITS):
        raise Problem(INVALID_PARAMETER, "X-Account must be the id of a trading account, a number.")
    return int(text)


class PrincipalCache:
    """Recently proven principals by the hash of what proved them; the least recently loaded are dropped.

    ``generation`` changes whenever one is forgotten: what was read before that may be what was to be forgotten, and is not
    kept. ``due``: those in use that are to be renewed.
    """

    def __init__(self) -> None:
        self._entries: OrderedDict[bytes, tuple[float, Principal]] = OrderedDict()
        self.generation = 0
        self.due: dict[bytes, Principal] = {}

    def get(self, key: bytes) -> Principal | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        loaded_at, principal = entry
        age_s = time.monotonic() - loaded_at
        if age_s > PRINCIPAL_TTL_S:
            return None
        if age_s > RENEWED_AFTER_S and len(self.due) < PRINCIPALS_LIMIT:
            self.due[key] = principal
        return principal

    def put(self, key: bytes, principal: Principal, generation: int) -> None:
        """Keeps what was read when the generation was this one."""
        if generation != self.generation:
            return
        self._entries[key] = (time.monotonic(), principal)
        self._entries.move_to_end(key)
        while len(self._entries) > PRINCIPALS_LIMIT:
            self._entries.popitem(last=False)

    def forget(self, key: bytes) -> None:
        self.generation += 1
        self._entries.pop(key, None)

    def forget_session(self, session_id: uuid.UUID) -> None:
        self._forget(lambda principal: principal.session_id == session_id)

    def forget_user(self, user_id: uuid.UUID) -> None:
        """Of all that the user is signed in by: what is known of it has changed."""
        self._forget(lambda principal: principal.user_id == user_id)

    def forget_key(self, key_id: uuid.UUID) -> None:
        self.forget(api_key_key(key_id))

    def _forget(self, is_meant: Callable[[Principal], bool]) -> None:
        self.generation += 1
        for key, (_, principal) in list(self._entries.items()):
            if is_meant(principal):
                self._entries.pop(key, None)


principals = PrincipalCache()


def token_key(token: str) -> bytes:
    return b"token:" + hash_token(token)


def cookie_key(session_key: str) -> bytes:
    return COOKIE + hash_token(session_key)


def api_key_key(key_id: uuid.UUID) -> bytes:
    return b"key:" + key_id.bytes


def load_token(token: str) -> Principal | None:
    """Reads the principal of a bearer token from the database, and remembers it."""
    close_old_connections()
    generation = principals.generation
    session = Session.objects.select_related("user").filter(token_hash=hash_token(token)).first()
    return _remember(token_key(token), session, generation)


def load_cookie(session_key: str) -> Principal | None:
    """Reads the principal of a browser's cookie session from the database, and remembers it."""
    close_old_connections()
    generation = principals.generation
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    user = get_user(request)
    session_id = request.session.get(BROWSER_SESSION_KEY)
    if not user.is_authenticated or session_id is None:
        return None
    session = Session.objects.select_related("user").filter(id=session_id, user=user.pk).first()
    return _remember(cookie_key(session_key), session, generation)


def load_session(session_id: uuid.UUID) -> Principal | None:
    """The principal of an open session by its id, from the database."""
    close_old_connections()
    session = Session.objects.select_related("user").filter(id=session_id).first()
    return None if session is None else session_principals([session]).get(session.id)


def load_key(key_id: uuid.UUID) -> Principal | None:
    """Reads what an API key proves from the database, and remembers it; an expired one too, so that it can be said."""
    close_old_connections()
    generation = principals.generation
    principal = key_principals([key_id]).get(key_id)
    if principal is not None:
        principals.put(api_key_key(key_id), principal, generation)
    return principal


def session_principals(sessions: Iterable[Session]) -> dict[uuid.UUID, Principal]:
    """What sessions prove, by their ids; their users must be loaded. Those that have ended prove nothing."""
    now = dt.datetime.now(dt.UTC)
    good = [one for one in sessions if one.ended_at is None and one.user.is_active and one.expires_at > now]
    accounts: defaultdict[uuid.UUID, dict[str, int]] = defaultdict(dict)
    owned = Account.objects.filter(owner__in={one.user_id for one in good}, is_linked=True)
    for owner, name, account_id in owned.values_list("owner_id", "name", "id"):
        accounts[owner][name] = account_id
    return {
        session.id: Principal(
            user_id=session.user_id,
            account_id=accounts[session.user_id][MAIN],
            accounts=frozenset(accounts[session.user_id].values()),
            session_id=session.id,
            role=session.user.role,
            expires_at=session.expires_at,
        )
        for session in good
    }


def key_principals(key_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, Principal]:
    """What keys prove, by their ids, from the database. Those that were revoked prove nothing."""
    rows = ApiKey.objects.select_related("account__owner").filter(id__in=key_ids, revoked_at=None)
    proven = {}
    for row in rows.filter(account__owner__is_active=True):
        try:
            proven[row.id] = _key_principal(row)
        except NotOpened as error:
            log.error("API key %s: %s", row.id, error)
    return proven


def _key_principal(row: ApiKey) -> Principal:
    """Raises NotOpened."""
    return Principal(
        user_id=row.account.owner_id,
        account_id=row.account_id,
        accounts=frozenset((row.account_id,)),
        role=row.account.owner.role,
        expires_at=row.expires_at,
        key=Key(
            id=row.id,
            scopes=frozenset(row.scopes),
            networks=tuple(ipaddress.ip_network(address) for address in row.addresses),
            verifier=_verifier(row),
        ),
    )


def make_stream_token(principal: Principal) -> str:
    """A token for ``/stream``, good for STREAM_TOKEN_TTL_S; it dies with its session or key, and has a key's scopes."""
    proof: dict[str, Any] = {"account": principal.account_id}
    if principal.key is None:
        proof["session"] = str(principal.session_id)
    else:
        proof["key"] = str(principal.key.id)
    return signing.dumps(proof, salt=_STREAM_SALT)


def load_stream_token(token: str) -> Principal | None:
    """Who a stream's token is good for, from the database. Raises Problem key_expired, unknown_account."""
    try:
        proof = signing.loads(token, salt=_STREAM_SALT, max_age=STREAM_TOKEN_TTL_S)
    except signing.BadSignature:
        return None
    if "key" in proof:
        by_key = load_key(uuid.UUID(proof["key"]))
        if by_key is not None:
            by_key.check_expiry(time.time_ns() // 1_000_000)
        return by_key
    principal = load_session(uuid.UUID(proof["session"]))
    return None if principal is None else principal.acting_for(proof["account"])


def still_good(session_ids: set[uuid.UUID], key_ids: set[uuid.UUID]) -> set[uuid.UUID]:
    """Those of these sessions and keys that still prove somebody. In a worker thread."""
    close_old_connections()
    now = dt.datetime.now(dt.UTC)
    good: set[uuid.UUID] = set()
    if session_ids:
        sessions = Session.objects.filter(id__in=session_ids, ended_at=None, expires_at__gt=now, user__is_active=True)
        good.update(sessions.values_list("id", flat=True))
    if key_ids:
        keys = ApiKey.objects.filter(id__in=key_ids, revoked_at=None, account__owner__is_active=True)
        good.update(keys.exclude(expires_at__lte=now).values_list("id", flat=True))
    return good


def _remember(key: bytes, session: Session | None, generation: int) -> Principal | None:
    if session is None or (principal := session_principals([session]).get(session.id)) is None:
        return None
    principals.put(key, principal, generation)
    note_use(session, now=dt.datetime.now(dt.UTC))
    return principal


def _verifier(row: ApiKey) -> Verifier:
    if row.public_key is not None:
        return Ed25519Verifier(bytes(row.public_key))
    return HmacVerifier(unseal(bytes(row.sealed_secret or b"")))
