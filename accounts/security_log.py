"""The security log: sign-ins, failures, changes and ends, append-only, all of it shown to whom it is about.

``record`` is the only writer, and writes in its caller's transaction. Some events are told by mail as well: those that a person
would want to hear of if it was not him. Failures at unknown addresses are rows without a user, so that failing costs the same.
"""

import datetime as dt
import uuid
from dataclasses import dataclass
from enum import StrEnum

from django.conf import settings
from django.db.models import QuerySet

from .mails import write_mail
from .models import SecurityEvent, User
from .networks import from_same_network

USER_AGENT_LENGTH = 200
DETAIL_LENGTH = 200


class Event(StrEnum):
    """What can happen. The values are on the wire."""

    SIGNED_UP = "signed_up"
    SIGNED_IN = "signed_in"
    SIGN_IN_FAILED = "sign_in_failed"
    CODE_FAILED = "code_failed"
    SECOND_FACTOR_FAILED = "second_factor_failed"
    SECOND_FACTOR_PROVEN = "second_factor_proven"
    SESSION_ENDED = "session_ended"
    EMAIL_VERIFIED = "email_verified"
    EMAIL_CHANGE_ASKED = "email_change_asked"
    EMAIL_CHANGED = "email_changed"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105
    PASSWORD_RESET_ASKED = "password_reset_asked"  # noqa: S105
    PASSWORD_RESET = "password_reset"  # noqa: S105
    SECOND_FACTOR_ADDED = "second_factor_added"
    SECOND_FACTOR_REMOVED = "second_factor_removed"
    RECOVERY_CODES_MADE = "recovery_codes_made"
    RECOVERY_CODE_USED = "recovery_code_used"
    FACTOR_RESET_ASKED = "factor_reset_asked"
    FACTOR_RESET_APPROVED = "factor_reset_approved"
    FACTOR_RESET_CANCELLED = "factor_reset_cancelled"
    LEVEL_CHANGED = "level_changed"
    API_KEY_MADE = "api_key_made"
    API_KEY_CHANGED = "api_key_changed"
    API_KEY_ENDED = "api_key_ended"
    WITHDRAWAL_ADDRESS_ADDED = "withdrawal_address_added"
    WITHDRAWAL_ADDRESS_REMOVED = "withdrawal_address_removed"
    WITHDRAWAL_ADDRESSES_LOCKED = "withdrawal_addresses_locked"
    WITHDRAWAL_ADDRESSES_UNLOCKED = "withdrawal_addresses_unlocked"
    WITHDRAWAL_REQUESTED = "withdrawal_requested"
    WITHDRAWAL_CANCELLED = "withdrawal_cancelled"
    WITHDRAWAL_PAID = "withdrawal_paid"
    WITHDRAWAL_ENDED = "withdrawal_ended"
    TRADING_SUSPENDED = "trading_suspended"
    TRADING_RESUMED = "trading_resumed"
    WITHDRAWING_SUSPENDED = "withdrawing_suspended"
    WITHDRAWING_RESUMED = "withdrawing_resumed"
    ORDERS_CANCELLED = "orders_cancelled"
    ACTED = "acted"


IN_WORDS = {
    Event.SIGNED_UP: "The account was opened",
    Event.SIGNED_IN: "Signed in",
    Event.SIGN_IN_FAILED: "A sign-in failed",
    Event.CODE_FAILED: "A code from a mail was wrong",
    Event.SECOND_FACTOR_FAILED: "A second factor was wrong",
    Event.SECOND_FACTOR_PROVEN: "A second factor was proven",
    Event.SESSION_ENDED: "A session was ended",
    Event.EMAIL_VERIFIED: "The e-mail address was verified",
    Event.EMAIL_CHANGE_ASKED: "Another e-mail address was asked for",
    Event.EMAIL_CHANGED: "The e-mail address was changed",
    Event.PASSWORD_CHANGED: "The password was changed",
    Event.PASSWORD_RESET_ASKED: "A new password was asked for",
    Event.PASSWORD_RESET: "The password was reset by mail",
    Event.SECOND_FACTOR_ADDED: "A second factor was added",
    Event.SECOND_FACTOR_REMOVED: "A second factor was removed",
    Event.RECOVERY_CODES_MADE: "New recovery codes were made",
    Event.RECOVERY_CODE_USED: "A recovery code was used",
    Event.FACTOR_RESET_ASKED: "The removal of your lost second factors was asked for",
    Event.FACTOR_RESET_APPROVED: "The removal of your lost second factors was approved",
    Event.FACTOR_RESET_CANCELLED: "The removal of your lost second factors was cancelled",
    Event.LEVEL_CHANGED: "The verification level was changed",
    Event.API_KEY_MADE: "An API key was made",
    Event.API_KEY_CHANGED: "The addresses of an API key were changed",
    Event.API_KEY_ENDED: "An API key was ended",
    Event.WITHDRAWAL_ADDRESS_ADDED: "A withdrawal address was added",
    Event.WITHDRAWAL_ADDRESS_REMOVED: "A withdrawal address was removed",
    Event.WITHDRAWAL_ADDRESSES_LOCKED: "The withdrawal addresses were locked",
    Event.WITHDRAWAL_ADDRESSES_UNLOCKED: "The end of the lock of withdrawal addresses was asked for",
    Event.WITHDRAWAL_REQUESTED: "A withdrawal was requested",
    Event.WITHDRAWAL_CANCELLED: "A withdrawal was cancelled",
    Event.WITHDRAWAL_PAID: "A withdrawal was paid",
    Event.WITHDRAWAL_ENDED: "A withdrawal ended without being paid",
    Event.TRADING_SUSPENDED: "Trading was suspended by the exchange",
    Event.TRADING_RESUMED: "Trading was resumed by the exchange",
    Event.WITHDRAWING_SUSPENDED: "Withdrawing was suspended by the exchange",
    Event.WITHDRAWING_RESUMED: "Withdrawing was resumed by the exchange",
    Event.ORDERS_CANCELLED: "Orders were cancelled by the exchange",
    Event.ACTED: "Acted for the exchange",
}
ALERTS = frozenset(
    {
        Event.SECOND_FACTOR_FAILED,
        Event.EMAIL_CHANGE_ASKED,
        Event.EMAIL_CHANGED,
        Event.PASSWORD_CHANGED,
        Event.PASSWORD_RESET,
        Event.SECOND_FACTOR_ADDED,
        Event.SECOND_FACTOR_REMOVED,
        Event.RECOVERY_CODES_MADE,
        Event.RECOVERY_CODE_USED,
        Event.FACTOR_RESET_ASKED,
        Event.FACTOR_RESET_APPROVED,
        Event.FACTOR_RESET_CANCELLED,
        Event.LEVEL_CHANGED,
        Event.API_KEY_MADE,
        Event.API_KEY_CHANGED,
        Event.WITHDRAWAL_ADDRESS_ADDED,
        Event.WITHDRAWAL_ADDRESSES_UNLOCKED,
        Event.WITHDRAWAL_REQUESTED,
        Event.WITHDRAWAL_CANCELLED,
        Event.WITHDRAWAL_PAID,
        Event.WITHDRAWAL_ENDED,
        Event.TRADING_SUSPENDED,
        Event.TRADING_RESUMED,
        Event.WITHDRAWING_SUSPENDED,
        Event.WITHDRAWING_RESUMED,
        Event.ORDERS_CANCELLED,
    }
)
"""Told by mail, besides a sign-in from an address that the account was never used from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Where a request comes from."""

    ip: str | None = None
    user_agent: str = ""
    session_id: uuid.UUID | None = None


def record(
    *, user: User | None, event: Event, caller: Caller, now: dt.datetime, detail: str = "", told: bool = True
) -> None:
    """Writes the event, and a mail if it is one of ALERTS; ``told`` False: the person is known to know."""
    is_alert = user is not None and told and (event in ALERTS or _is_from_new_place(user, event, caller))
    SecurityEvent.objects.create(
        user=user,
        at=now,
        kind=event.value,
        detail=detail[:DETAIL_LENGTH],
        session_id=caller.session_id,
        ip=caller.ip,
        user_agent=caller.user_agent[:USER_AGENT_LENGTH],
    )
    if is_alert and user is not None:
        _write_alert(user, event, caller, detail, now)


def record_act(*, user_id: uuid.UUID, caller: Caller, now: dt.datetime, detail: str) -> None:
    """What one of the staff or an operator did, or looked at, for the exchange: in his own log."""
    record(user=User.objects.get(id=user_id), event=Event.ACTED, caller=caller, now=now, detail=detail)


def events_of(*, user_id: uuid.UUID, before_id: int | None, limit: int) -> list[SecurityEvent]:
    """The user's events, newest first."""
    events: QuerySet[SecurityEvent] = SecurityEvent.objects.filter(user_id=user_id).order_by("-id")
    if before_id is not None:
        events = events.filter(id__lt=before_id)
    return list(events[:limit])


def count_since(*, user_id: uuid.UUID, event: Event, since: dt.datetime) -> int:
    return SecurityEvent.objects.filter(user_id=user_id, kind=event.value, at__gt=since).count()


def _is_from_new_place(user: User, event: Event, caller: Caller) -> bool:
    """Whether somebody signs in from an address that nobody of this account ever signed in from."""
    if event is not Event.SIGNED_IN:
        return False
    earlier = SecurityEvent.objects.filter(user=user, kind__in=[Event.SIGNED_IN.value, Event.SIGNED_UP.value])
    return earlier.exists() and not earlier.filter(from_same_network(caller.ip)).exists()


def _write_alert(user: User, event: Event, caller: Caller, detail: str, now: dt.datetime) -> None:
    happened = IN_WORDS[event] + (" from a new address" if event is Event.SIGNED_IN else "")
    lines = [
        f"{happened}{f': {detail}' if detail else ''}.",
        f"When: {now:%Y-%m-%d %H:%M:%S} UTC",
        f"From: {caller.ip or 'inside the exchange'}{f', {caller.user_agent[:80]}' if caller.user_agent else ''}",
        "",
        "If it was not you, choose a new password at once (it ends all sessions and freezes withdrawals):",
        f"{settings.SITE_ADDRESS}/password-reset",
    ]
    write_mail(to=user.email, user=user, subject=happened, text="\n".join(lines), now=now)
