"""Deposits and withdrawals in the Kraken dialect: the domain calls of /deposit and /withdrawal, in Kraken's shapes.

An asset comes and goes on one chain here, so it has one method, which is called as the asset is: ``Bitcoin``. A registered
withdrawal address is named by its label (``key``). Amounts are texts. The handlers run on the event loop, what asks the
database in a worker thread.
"""

import datetime as dt
import hashlib
from collections.abc import Callable
from typing import Any, TypeVar

from accounts.database import in_database
from accounts.models import Account
from accounts.problems import Problem
from accounts.security_log import Caller
from trading.api.authentication import caller_of
from trading.custody_terms import NO_CUSTODY
from trading.instruments import Asset
from trading.kraken.calls import Asked, Call
from trading.kraken.errors import Refused, invalid
from trading.kraken.fields import Fields
from trading.kraken.pairs import asset
from trading.order_requests import parse_atoms
from trading.runtime import Runtime

from .addresses import addresses_of, new_address
from .destinations import withdrawal_addresses_of
from .models import DepositAddress, Withdrawal, WithdrawalAddress
from .queries import DepositView, deposits_of
from .states import DepositState, WithdrawalState
from .withdrawal_queries import WithdrawalView, withdrawals_of
from .withdrawing import Wish, asked_before, cancel_withdrawal, request_withdrawal

T = TypeVar("T")
NO_METHOD = "EFunding:No funding method"
UNKNOWN_KEY = "EFunding:Unknown withdraw key"
UNKNOWN_REFERENCE = "EFunding:Unknown reference id"
LIST_LIMIT = 100
"""Of the newest; older ones are in the lists of /deposit and /withdrawal."""

_WORDS = {
    "no_deposits": NO_METHOD,
    "no_withdrawals": NO_METHOD,
    "too_many_addresses": "EFunding:Too many addresses",
    "unknown_withdrawal_address": UNKNOWN_KEY,
    "address_not_valid": UNKNOWN_KEY,
    "address_cooling": UNKNOWN_KEY,
    "unknown_withdrawal": UNKNOWN_REFERENCE,
    "withdrawal_not_cancellable": UNKNOWN_REFERENCE,
    "insufficient_funds": "EFunding:Invalid amount",
    "below_minimum_withdrawal": "EFunding:Invalid amount",
    "too_precise": "EFunding:Invalid amount",
    "withdrawal_limit": "EFunding:Max withdrawal limit exceeded",
    "too_many_withdrawals": "EGeneral:Too many requests",
    "email_unverified": "EGeneral:Permission denied",
    "withdrawals_frozen": "ETrade:User Locked",
    "withdrawals_stopped": "EService:Unavailable",
}
"""Kraken's words, or words like those, by our codes."""
D, W = DepositState, WithdrawalState
DEPOSITED: dict[str, str] = {
    D.SEEN: "Pending",
    D.CONFIRMING: "Pending",
    D.CREDITING: "Settled",
    D.REVERSING: "Pending",
    D.CREDITED: "Success",
}
"""Kraken's words for states; all others are Failure."""
WITHDRAWN: dict[str, str] = {
    W.REQUESTED: "Initial",
    W.HELD: "Initial",
    W.REVIEWING: "Initial",
    W.APPROVED: "Pending",
    W.BATCHED: "Pending",
    W.SIGNED: "Pending",
    W.BROADCAST: "Pending",
    W.MINED: "Pending",
    W.SETTLING: "Settled",
    W.SETTLED: "Success",
}


async def get_deposit_methods(runtime: Runtime, asked: Asked) -> Any:
    wanted = asset(runtime.live, asked.fields.required("asset"))
    terms = runtime.custody_terms.get(wanted.definition.asset, NO_CUSTODY)
    if not terms.is_deposited:
        return []
    method = {"method": wanted.definition.name, "limit": False, "fee": wanted.text(0), "gen-address": True}
    if terms.minimum_deposit_atoms is not None:
        method["minimum"] = wanted.text(terms.minimum_deposit_atoms)
    return [method]


async def get_deposit_addresses(runtime: Runtime, asked: Asked) -> Any:
    wanted = asset(runtime.live, asked.fields.required("asset"))
    _check_method(asked.fields, wanted)
    addresses = await _funding(
        _addresses, account_id=asked.account, name=wanted.definition.asset, is_new=asked.fields.flag("new"), now=_now()
    )
    return [{"address": one.address, "expiretm": "0"} for one in addresses]


async def get_deposit_status(runtime: Runtime, asked: Asked) -> Any:
    found = await in_database(deposits_of, account_id=asked.account, before_id=None, limit=LIST_LIMIT)
    chosen = _Chosen(runtime, asked.fields)
    return [
        _deposit(view, runtime.live.assets[view.deposit.asset])
        for view in found
        if chosen.has(view.deposit.asset, view.deposit.seen_at)
    ]


async def get_withdraw_addresses(runtime: Runtime, asked: Asked) -> Any:
    fields = asked.fields
    name = None if not fields.has("asset") else asset(runtime.live, fields.required("asset")).definition.asset
    found: list[WithdrawalAddress] = await in_database(
        withdrawal_addresses_of, account_id=asked.account, asset=name, before_id=None, limit=LIST_LIMIT
    )
    now, key = _now(), fields.text("key")
    return [
        {
            "address": one.address,
            "asset": one.asset,
            "method": runtime.live.assets[one.asset].definition.name,
            "key": one.label,
            "verified": one.usable_from <= now,
        }
        for one in found
        if key in (None, one.label)
    ]


async def withdraw(runtime: Runtime, asked: Asked) -> Any:
    """To the registered address of this label. ``amount`` is what leaves the account, our fee included."""
    fields = asked.fields
    wanted = asset(runtime.live, fields.required("asset"))
    key, amount, given = fields.required("key"), fields.decimal("amount"), fields.text("address")
    if amount is None or asked.request.proof is None:
        raise invalid("amount")
    made: Withdrawal = await _funding(
        _withdraw,
        account_id=asked.account,
        name=wanted.definition.asset,
        atoms=parse_atoms(wanted.parse, amount, "amount"),
        label=key,
        address=given,
        idempotency_key=hashlib.sha256(asked.request.proof.encode()).hexdigest(),
        caller=caller_of(asked.request),
        now=_now(),
    )
    return {"refid": str(made.pk)}


async def get_withdraw_status(runtime: Runtime, asked: Asked) -> Any:
    found = await in_database(withdrawals_of, account_id=asked.account, before_id=None, limit=LIST_LIMIT, now=_now())
    chosen = _Chosen(runtime, asked.fields)
    return [
        _withdrawal(view, runtime.live.assets[view.withdrawal.asset])
        for view in found
        if chosen.has(view.withdrawal.asset, view.withdrawal.requested_at)
    ]


async def withdraw_cancel(runtime: Runtime, asked: Asked) -> Any:
    number = asked.fields.required("refid")
    if not (number.isascii() and number.isdigit() and len(number) <= 18):
        raise Refused(UNKNOWN_REFERENCE)
    await _funding(
        _cancel, account_id=asked.account, withdrawal_id=int(number), caller=caller_of(asked.request), now=_now()
    )
    return True


class _Chosen:
    """What the fields ``asset``, ``start`` and ``end`` choose. Raises Refused."""

    def __init__(self, runtime: Runtime, fields: Fields) -> None:
        name = fields.text("asset")
        self._asset = None if name is None else asset(runtime.live, name).definition.asset
        self._after_us = fields.time_us("start") or 0
        self._until_us = fields.time_us("end")

    def has(self, name: str, at: dt.datetime) -> bool:
        at_us = int(at.timestamp() * 1_000_000)
        is_early = self._until_us is None or at_us <= self._until_us
        return self._asset in (None, name) and at_us > self._after_us and is_early


def _deposit(view: DepositView, known: Asset) -> dict[str, Any]:
    deposit = view.deposit
    return {
        "method": known.definition.name,
        "aclass": "currency",
        "asset": deposit.asset,
        "refid": str(deposit.pk),
        "txid": deposit.txid,
        "info": deposit.address.address,
        "amount": view.amount,
        "fee": known.text(0),
        "time": int(deposit.seen_at.timestamp()),
        "status": DEPOSITED.get(deposit.state, "Failure"),
    }


def _withdrawal(view: WithdrawalView, known: Asset) -> dict[str, Any]:
    withdrawal = view.withdrawal
    return {
        "method": known.definition.name,
        "network": known.definition.name,
        "aclass": "currency",
        "asset": withdrawal.asset,
        "refid": str(withdrawal.pk),
        "txid": withdrawal.txid,
        "info": withdrawal.address,
        "amount": view.amount,
        "fee": view.fee,
        "time": int(withdrawal.requested_at.timestamp()),
        "status": WITHDRAWN.get(withdrawal.state, "Failure"),
    }


def _check_method(fields: Fields, known: Asset) -> None:
    """Refuses what is meant for another chain. Raises Refused."""
    if fields.text("method") not in (None, known.definition.name):
        raise Refused(NO_METHOD)


async def _funding(act: Callable[..., T], **arguments: Any) -> T:
    """A domain call in a worker thread. Raises Refused for what Kraken has words for, else Problem."""
    try:
        return await in_database(act, **arguments)
    except Problem as problem:
        known = _WORDS.get(problem.kind.code)
        if known is None:
            raise
        raise Refused(known) from problem


def _addresses(*, account_id: int, name: str, is_new: bool, now: dt.datetime) -> list[DepositAddress]:
    if is_new:
        new_address(account=Account.objects.get(id=account_id), asset=name, now=now)
    return addresses_of(account_id, asset=name, before_id=None, limit=LIST_LIMIT)


def _withdraw(
    *,
    account_id: int,
    name: str,
    atoms: int,
    label: str,
    address: str | None,
    idempotency_key: str,
    caller: Caller,
    now: dt.datetime,
) -> Withdrawal:
    """Raises Problem, Refused."""
    account = Account.objects.get(id=account_id)
    found = WithdrawalAddress.objects.filter(account=account, asset=name, label=label, removed_at=None).first()
    if found is None or address not in (None, found.address):
        raise Refused(UNKNOWN_KEY)
    wish = Wish(asset=name, quantity_atoms=atoms, address=None, address_id=found.pk)
    before = asked_before(account=account, wish=wish, idempotency_key=idempotency_key)
    if before is not None:
        return before
    made, _ = request_withdrawal(account=account, wish=wish, idempotency_key=idempotency_key, caller=caller, now=now)
    return made


def _cancel(*, account_id: int, withdrawal_id: int, caller: Caller, now: dt.datetime) -> None:
    cancel_withdrawal(account=Account.objects.get(id=account_id), withdrawal_id=withdrawal_id, caller=caller, now=now)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


CALLS = [
    Call(name="private/DepositMethods", needs="read", handler=get_deposit_methods),
    Call(name="private/DepositAddresses", needs="read", handler=get_deposit_addresses, guarded_by="database"),
    Call(name="private/DepositStatus", needs="read", handler=get_deposit_status),
    Call(name="private/WithdrawAddresses", needs="withdraw", handler=get_withdraw_addresses),
    Call(name="private/WithdrawStatus", needs="withdraw", handler=get_withdraw_status),
    Call(name="private/Withdraw", needs="withdraw", handler=withdraw, guarded_by="database"),
    Call(name="private/WithdrawCancel", needs="withdraw", handler=withdraw_cancel, guarded_by="database"),
]
