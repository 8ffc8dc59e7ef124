"""What owners ask of withdrawals: a new one, within all limits, and that one be cancelled.

``quantity`` is what leaves the account, our fee included; the address gets the rest. Limits count over all trading accounts of a
user, one request at a time under the lock of his row. Whether the account has as much is asked here only to answer at once: it is
the journal that decides (``holding``).
"""

import datetime as dt
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet, Sum

from accounts.freeze import require_withdrawals_open
from accounts.models import Account, User
from accounts.problems import CONFLICT, EMAIL_UNVERIFIED, Problem
from accounts.security_log import Caller, Event, record
from accounts.suspensions import require_withdrawing
from accounts.throttling import WITHDRAWAL
from accounts.verification import limits_of
from ledger.chart import Kind
from ledger.models import LedgerAccount
from trading.closures import closed, closure_of, mark_of
from trading.engine.outcomes import Reason
from trading.models import Market
from trading.problems import refused

from .books import await_books
from .destinations import usable
from .dissolving import take_out
from .models import Withdrawal, WithdrawalAddress
from .problems import (
    BELOW_MINIMUM_WITHDRAWAL,
    NO_WITHDRAWALS,
    NOT_CANCELLABLE,
    TOO_MANY_WITHDRAWALS,
    UNKNOWN_WITHDRAWAL,
    WITHDRAWAL_LIMIT,
    WITHDRAWALS_STOPPED,
)
from .states import RELEASED, WithdrawalState
from .stops import open_stop
from .valuation import worth_cents
from .withdrawal_rules import WithdrawalRules, withdrawal_rules_of
from .withdrawals import PENDING, in_words, note, quantity_in_words, release

DAY = dt.timedelta(days=1)
HOUR = dt.timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is asked for. One of ``address`` and ``address_id`` names the registered address."""

    asset: str
    quantity_atoms: int
    address: str | None
    address_id: int | None


def asked_before(*, account: Account, wish: Wish, idempotency_key: str) -> Withdrawal | None:
    """The withdrawal that this key made. Raises Problem idempotency_conflict if it was another."""
    found = Withdrawal.objects.filter(account=account, idempotency_key=idempotency_key).first()
    if found is None:
        return None
    is_there = wish.address == found.address if wish.address_id is None else wish.address_id == found.destination_id
    is_same = (found.asset, int(found.amount_atoms + found.fee_atoms)) == (wish.asset, wish.quantity_atoms)
    if not (is_there and is_same):
        raise Problem(CONFLICT, "This idempotency key was used for a different withdrawal.")
    return found


@transaction.atomic
def request_withdrawal(
    *, account: Account, wish: Wish, idempotency_key: str, caller: Caller, now: dt.datetime
) -> tuple[Withdrawal, bool]:
    """The withdrawal, and whether it is new. Raises Problem."""
    owner = User.objects.select_for_update(no_key=True).get(id=account.owner_id)
    if before := asked_before(account=account, wish=wish, idempotency_key=idempotency_key):
        return before, False
    if closure := closure_of(map(mark_of, Market.objects.values_list("state_reason", flat=True))):
        raise closed(closure)
    if owner.email_verified_at is None:
        raise Problem(EMAIL_UNVERIFIED, "Withdrawals take a verified e-mail address: POST /account/security/email.")
    require_withdrawing(owner)
    require_withdrawals_open(user_id=owner.id, now=now)
    rules = withdrawal_rules_of(wish.asset)
    if rules is None:
        raise Problem(NO_WITHDRAWALS, f"{wish.asset} cannot be withdrawn here.")
    if open_stop(wish.asset):
        raise Problem(WITHDRAWALS_STOPPED, f"Somebody looks into it. Nothing of your {wish.asset} is lost.")
    destination = usable(account=account, asset=wish.asset, address=wish.address, address_id=wish.address_id, now=now)
    if wish.quantity_atoms < rules.minimum_atoms:
        least, fee = (quantity_in_words(wish.asset, atoms) for atoms in (rules.minimum_atoms, rules.fee_atoms))
        raise Problem(BELOW_MINIMUM_WITHDRAWAL, f"The least is {least}, of which {fee} are the fee.")
    value_cents = worth_cents(wish.asset, wish.quantity_atoms, usd_per_unit=rules.usd_per_unit, now=now)
    _require_within_limits(owner, value_cents, now)
    _require_funds(account, wish)
    WITHDRAWAL.check(str(owner.id))
    return _create(account, owner, destination, rules, wish, value_cents, idempotency_key, caller, now), True


def _create(
    account: Account,
    owner: User,
    destination: WithdrawalAddress,
    rules: WithdrawalRules,
    wish: Wish,
    value_cents: int,
    idempotency_key: str,
    caller: Caller,
    now: dt.datetime,
) -> Withdrawal:
    withdrawal = Withdrawal(
        account=account,
        idempotency_key=idempotency_key,
        destination=destination,
        asset=wish.asset,
        chain=destination.chain,
        address=destination.address,
        script=destination.script,
        amount_atoms=wish.quantity_atoms - rules.fee_atoms,
        fee_atoms=rules.fee_atoms,
        value_cents=value_cents,
        approvals_needed=rules.approvals_needed(wish.quantity_atoms + _of_the_day(owner, wish.asset, now)),
        state=WithdrawalState.REQUESTED,
        requested_at=now,
    )
    note(withdrawal, "It was asked for; its hold is being taken.", now=now)
    record(user=owner, event=Event.WITHDRAWAL_REQUESTED, caller=caller, now=now, detail=in_words(withdrawal))
    return withdrawal


def _require_within_limits(owner: User, value_cents: int, now: dt.datetime) -> None:
    counted = _counted(owner)
    recent = counted.filter(requested_at__gt=now - HOUR)
    if recent.count() >= settings.WITHDRAWALS_AN_HOUR:
        again_at = (recent.order_by("requested_at")[:1].get().requested_at + HOUR).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        detail = f"At most {settings.WITHDRAWALS_AN_HOUR} within an hour. The next from {again_at} on."
        raise Problem(TOO_MANY_WITHDRAWALS, detail, {"again_at": again_at})
    limit = limits_of(owner).withdrawal_usd_per_day
    if limit is None:
        return
    used_cents = counted.filter(requested_at__gt=now - DAY).aggregate(sum=Sum("value_cents"))["sum"] or 0
    if used_cents + value_cents > limit * 100:
        left = max(0, limit * 100 - used_cents) // 100
        detail = f"Of {limit} US dollars within 24 hours {left} are left; this is worth {-(-value_cents // 100)}."
        raise Problem(WITHDRAWAL_LIMIT, detail, {"limit_usd": limit, "left_usd": left})


def _counted(owner: User) -> "QuerySet[Withdrawal]":
    """Those that count against the limits: not what was never paid."""
    unpaid = [*RELEASED, WithdrawalState.REFUSED]
    return Withdrawal.objects.filter(account__owner=owner, ends_as=None).exclude(state__in=unpaid)


def _of_the_day(owner: User, asset: str, now: dt.datetime) -> int:
    """What else of the asset leaves within a day: many small withdrawals take the same approval as a large one."""
    others = _counted(owner).filter(asset=asset, requested_at__gt=now - DAY)
    return int(others.aggregate(sum=Sum(F("amount_atoms") + F("fee_atoms")))["sum"] or 0)


def _require_funds(account: Account, wish: Wish) -> None:
    available = _available(account, wish.asset)
    if available < wish.quantity_atoms:
        await_books()
        available = _available(account, wish.asset)
    if available < wish.quantity_atoms:
        detail = f"{quantity_in_words(wish.asset, available)} are available."
        raise Problem(refused(Reason.INSUFFICIENT_FUNDS).kind, detail)


def _available(account: Account, asset: str) -> int:
    books = LedgerAccount.objects.filter(owner=account.id, asset=asset, kind=Kind.USER).first()
    return 0 if books is None else int(books.balance - (books.held or 0))


@transaction.atomic
def cancel_withdrawal(*, account: Account, withdrawal_id: int, caller: Caller, now: dt.datetime) -> Withdrawal:
    """Until it is signed; asked again, it is the same. Raises Problem."""
    if Withdrawal.objects.filter(account=account, id=withdrawal_id).exists():
        take_out(withdrawal_id, now=now)
    found = Withdrawal.objects.select_for_update().filter(account=account, id=withdrawal_id).first()
    if found is None:
        raise Problem(UNKNOWN_WITHDRAWAL, "You have no withdrawal of this id.")
    if found.ends_as == WithdrawalState.CANCELLED:
        return found
    if found.state not in PENDING:
        raise Problem(NOT_CANCELLABLE, f"It is {WithdrawalState(found.state).label}.", {"state": found.state})
    release(found, WithdrawalState.CANCELLED, "Its owner cancelled it; the hold is given back.", now=now)
    record(user=account.owner, event=Event.WITHDRAWAL_CANCELLED, caller=caller, now=now, detail=in_words(found))
    return found
