"""The one writer of withdrawal addresses: where an account may withdraw to, registered before it does, and cooling down first.

An address is checked against the network of the asset's chain when it is added and again when it is used. A list that is locked
takes no new ones; its lock ends only ADDRESS_UNLOCK_S after its owner asked for that, and got a mail.
"""

import datetime as dt
import uuid

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q

from accounts.models import Account, User
from accounts.problems import INVALID_FIELD, TOO_MANY, Problem
from accounts.security_log import Caller, Event, record
from accounts.throttling import WITHDRAWAL_ADDRESS

from .addresses import by_script
from .models import AddressLock, DepositWallet, WithdrawalAddress
from .payout_models import ChangeAddress
from .problems import (
    ADDRESS_COOLING,
    ADDRESS_IS_OURS,
    ADDRESS_NOT_VALID,
    ADDRESS_REGISTERED,
    ADDRESSES_LOCKED,
    NO_WITHDRAWALS,
    UNKNOWN_WITHDRAWAL_ADDRESS,
)
from .scripts import NotAnAddress, script_of
from .withdrawal_rules import withdrawal_rules_of


class DestinationBroken(RuntimeError):
    """A registered address does not come to its script: somebody changed it, so nothing is paid there."""


def chain_of(asset: str) -> str:
    """The chain that the asset is withdrawn on: that of its wallet. Raises Problem no_withdrawals."""
    wallet = DepositWallet.objects.filter(asset=asset, is_active=True).first()
    if wallet is None or withdrawal_rules_of(asset) is None:
        raise Problem(NO_WITHDRAWALS, f"{asset} cannot be withdrawn here.")
    return wallet.chain


@transaction.atomic
def add_address(
    *, account: Account, asset: str, address: str, label: str, caller: Caller, now: dt.datetime
) -> WithdrawalAddress:
    """Registers an address under a label; the owner gets a mail. Raises Problem."""
    chain = chain_of(asset)
    User.objects.select_for_update(no_key=True).get(id=account.owner_id)
    _require_unlocked(account.owner_id, now)
    try:
        script = script_of(address, chain)
    except NotAnAddress as error:
        raise Problem(ADDRESS_NOT_VALID, str(error), {"errors": {"address": [str(error)]}}) from error
    if not label.isprintable():
        raise Problem(INVALID_FIELD, "label: printable text.", {"errors": {"label": ["Not printable."]}})
    if by_script(chain, {script}) or ChangeAddress.objects.filter(wallet__chain=chain, script=script).exists():
        detail = (
            "Coins sent there come back to this exchange, at the network's cost. POST /account/transfers gives them to"
            " another account here, at once and for nothing."
        )
        raise Problem(ADDRESS_IS_OURS, detail)
    mine = WithdrawalAddress.objects.filter(account=account, removed_at=None)
    if mine.filter(chain=chain, script=script).exists() or mine.filter(asset=asset, label=label).exists():
        raise Problem(ADDRESS_REGISTERED, "You have registered this address, or another under this label.")
    if mine.count() >= settings.WITHDRAWAL_ADDRESSES_LIMIT:
        raise Problem(TOO_MANY, f"At most {settings.WITHDRAWAL_ADDRESSES_LIMIT} withdrawal addresses. Remove one.")
    WITHDRAWAL_ADDRESS.check(str(account.owner_id))
    added = WithdrawalAddress.objects.create(
        account=account,
        asset=asset,
        chain=chain,
        address=address,
        script=script,
        label=label,
        created_at=now,
        usable_from=now + dt.timedelta(seconds=settings.WITHDRAWAL_COOLING_S),
    )
    detail = f"{asset} {address} ({label}), usable from {added.usable_from:%Y-%m-%d %H:%M} UTC"
    record(user=account.owner, event=Event.WITHDRAWAL_ADDRESS_ADDED, caller=caller, now=now, detail=detail)
    return added


@transaction.atomic
def remove_address(*, account: Account, address_id: int, caller: Caller, now: dt.datetime) -> None:
    """What was asked for before goes there all the same. Raises Problem unknown_withdrawal_address."""
    found = (
        WithdrawalAddress.objects.select_for_update().filter(account=account, id=address_id, removed_at=None).first()
    )
    if found is None:
        raise Problem(UNKNOWN_WITHDRAWAL_ADDRESS, "You have no withdrawal address of this id.")
    found.removed_at = now
    found.save(update_fields=["removed_at"])
    detail = f"{found.asset} {found.address} ({found.label})"
    record(user=account.owner, event=Event.WITHDRAWAL_ADDRESS_REMOVED, caller=caller, now=now, detail=detail)


def withdrawal_addresses_of(
    account_id: int, *, asset: str | None, before_id: int | None, limit: int
) -> list[WithdrawalAddress]:
    """Those that were not removed, newest first, with an id below ``before_id``."""
    found = WithdrawalAddress.objects.filter(account_id=account_id, removed_at=None).order_by("-id")
    if asset is not None:
        found = found.filter(asset=asset)
    if before_id is not None:
        found = found.filter(id__lt=before_id)
    return list(found[:limit])


def usable(
    *, account: Account, asset: str, address: str | None, address_id: int | None, now: dt.datetime
) -> WithdrawalAddress:
    """The registered address that was named, if it may be paid to now. Raises Problem, DestinationBroken."""
    chain = chain_of(asset)
    mine = WithdrawalAddress.objects.filter(account=account, asset=asset, removed_at=None)
    mine = mine.filter(address=address) if address_id is None else mine.filter(id=address_id)
    found = mine.first()
    if found is None:
        raise Problem(UNKNOWN_WITHDRAWAL_ADDRESS, f"Register it first, as an address for {asset}.")
    if found.chain != chain:
        raise Problem(ADDRESS_NOT_VALID, f"The address is of {found.chain}; {asset} is on {chain} now.")
    if found.usable_from > now:
        at = found.usable_from.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        raise Problem(ADDRESS_COOLING, f"It may be used from {at} on.", {"usable_from": at})
    if script_of(found.address, found.chain) != found.script:
        raise DestinationBroken(f"withdrawal address {found.id} does not come to its script")
    return found


# The lock: of all trading accounts of a user, else whoever is kept out of one would open another


def lock_of(owner_id: uuid.UUID, *, now: dt.datetime) -> AddressLock | None:
    """The lock that is in force, or the one of several that ends last."""
    locks = AddressLock.objects.filter(account__owner_id=owner_id).filter(Q(opens_at=None) | Q(opens_at__gt=now))
    return locks.order_by(F("opens_at").desc(nulls_first=True)).first()


@transaction.atomic
def lock_addresses(*, account: Account, caller: Caller, now: dt.datetime) -> AddressLock:
    """No new addresses from now on; an end that was asked for is taken back."""
    lock, _ = AddressLock.objects.update_or_create(account=account, defaults={"locked_at": now, "opens_at": None})
    record(user=account.owner, event=Event.WITHDRAWAL_ADDRESSES_LOCKED, caller=caller, now=now)
    return lock


@transaction.atomic
def unlock_addresses(*, owner: User, caller: Caller, now: dt.datetime) -> None:
    """Asks for the lock's end, which comes later; asked again, it comes no later."""
    opens_at = now + dt.timedelta(seconds=settings.ADDRESS_UNLOCK_S)
    if AddressLock.objects.filter(account__owner=owner, opens_at=None).update(opens_at=opens_at):
        detail = f"open from {opens_at:%Y-%m-%d %H:%M} UTC"
        record(user=owner, event=Event.WITHDRAWAL_ADDRESSES_UNLOCKED, caller=caller, now=now, detail=detail)


def _require_unlocked(owner_id: uuid.UUID, now: dt.datetime) -> None:
    lock = lock_of(owner_id, now=now)
    if lock is None:
        return
    if lock.opens_at is None:
        raise Problem(ADDRESSES_LOCKED, "Ask for the end of the lock first: DELETE /withdrawal/addresses/lock.")
    at = lock.opens_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    raise Problem(ADDRESSES_LOCKED, f"They are open from {at} on.", {"opens_at": at})
