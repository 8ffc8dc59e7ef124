"""What the signer signs: rules of its own, read from a file, applied to the proposal, to what is shown of it and to its record.

It believes nothing that it cannot see: an output is a payment that was shown, or comes home, or goes to a cold address of the
policy. Amounts in atomic units; a day is 24 hours back from now by the signer's own clock.
"""

import tomllib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embit.script import address_to_scriptpubkey

from .proposal import Made, Proposal
from .record import Paid, Record, Signing

DAY_US = 24 * 3600 * 10**6
CHANGE_BRANCH = 1
CHANGE_GAP = 1_000
"""How far ahead of the highest change index so far another may be: further, and nobody would look for the coins."""
_INTEGERS = ("maximum_fee_sats", "maximum_fee_sats_per_kvbyte", "daily_sats", "daily_fee_sats")


class WrongPolicy(Exception):
    """The policy file makes no sense. The message says why."""


class Denied(Exception):
    """The policy does not allow it. The message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """``approvals``: (over so much, so many approvers), ascending. ``cold``: scripts that a sweep may pay.

    ``daily_sats``: withdrawals first signed for in a day; ``daily_fee_sats``: what all transactions of a day may burn.
    """

    maximum_fee_sats: int
    maximum_fee_sats_per_kvbyte: int
    daily_sats: int
    daily_fee_sats: int
    approvals: tuple[tuple[int, int], ...]
    cold: frozenset[bytes]

    def approvers_needed(self, amount_sats: int) -> int:
        return max((count for over, count in self.approvals if amount_sats > over), default=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownPayment:
    withdrawal_id: int
    script: bytes
    amount_sats: int
    requester: str
    approvers: tuple[str, ...]


def read_policy(path: Path) -> Policy:
    """Raises WrongPolicy."""
    try:
        fields = tomllib.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise WrongPolicy(f"{path}: {error}") from error
    wanted = {*_INTEGERS, "approvals", "cold"}
    if set(fields) != wanted:
        raise WrongPolicy(f"{path} has to set {', '.join(sorted(wanted))}, and nothing else")
    try:
        return Policy(
            **{name: _natural(fields[name]) for name in _INTEGERS},
            approvals=tuple((_natural(over), _natural(count)) for over, count in fields["approvals"]),
            cold=frozenset(_script(address) for address in fields["cold"]),
        )
    except (TypeError, ValueError) as error:
        raise WrongPolicy(f"{path}: {error}") from error


def _natural(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{value!r} is no amount or number")
    return value


def _script(address: Any) -> bytes:
    try:
        return bytes(address_to_scriptpubkey(address).data)
    except Exception:  # embit raises whatever reading came to
        raise ValueError(f"{address!r} is no address") from None


def allow_withdrawals(
    policy: Policy, record: Record, proposal: Proposal, shown: Sequence[ShownPayment], *, anchor: str, now_us: int
) -> Signing:
    """What to write down before signing. Raises Denied."""
    _check_fee(policy, record, proposal, anchor, now_us)
    outgoing = [one for one in proposal.makes if one.place is None]
    if not shown or Counter((one.script, one.amount_sats) for one in outgoing) != Counter(
        (one.script, one.amount_sats) for one in shown
    ):
        raise Denied("the outputs that do not come home are not the payments that were shown")
    if len({one.withdrawal_id for one in shown}) != len(shown):
        raise Denied("a withdrawal would be paid twice in one transaction")
    for payment in shown:
        _check_approvals(policy, payment)
    paid = [_payment(record, payment, anchor) for payment in shown]
    new_sats = sum(one.amount_sats for one in paid if record.paid(one.withdrawal_id) is None)
    spent_sats = record.paid_since(now_us - DAY_US)
    if new_sats and spent_sats + new_sats > policy.daily_sats:
        raise Denied(f"{new_sats} more than {spent_sats} in 24 hours is over the daily limit of {policy.daily_sats}")
    return _signing(record, proposal, "withdrawals", anchor, paid)


def allow_home(policy: Policy, record: Record, proposal: Proposal, *, anchor: str, now_us: int) -> Signing:
    """Everything comes home. Raises Denied."""
    _check_fee(policy, record, proposal, anchor, now_us)
    if any(one.place is None for one in proposal.makes):
        raise Denied("an output does not come home")
    return _signing(record, proposal, "home", anchor, [])


def allow_sweep(policy: Policy, record: Record, proposal: Proposal, *, anchor: str, now_us: int) -> Signing:
    """Cold addresses of the policy and home, nothing else. Raises Denied."""
    _check_fee(policy, record, proposal, anchor, now_us)
    if any(one.place is None and one.script not in policy.cold for one in proposal.makes):
        raise Denied("an output neither comes home nor pays a cold address of the policy")
    return _signing(record, proposal, "sweep", anchor, [])


def _check_fee(policy: Policy, record: Record, proposal: Proposal, anchor: str, now_us: int) -> None:
    if anchor not in {one.name for one in proposal.spends}:
        raise Denied("the anchor is not among the coins that are spent")
    fee = proposal.fee_sats
    most = min(policy.maximum_fee_sats, policy.maximum_fee_sats_per_kvbyte * proposal.size_vbytes // 1000)
    if not 0 <= fee <= most:
        raise Denied(f"the fee of {fee} is not within {most}")
    burnt = record.fees_since(now_us - DAY_US, but=anchor)
    if burnt + fee > policy.daily_fee_sats:
        raise Denied(f"a fee of {fee} after {burnt} in 24 hours is over the daily limit of {policy.daily_fee_sats}")
    for coin in proposal.spends:
        known = record.coin(coin.name)
        if known is not None and known != (coin.script.hex(), coin.amount_sats):
            raise Denied(f"coin {coin.name} was said to be another")


def _check_approvals(policy: Policy, payment: ShownPayment) -> None:
    needed, approvers = policy.approvers_needed(payment.amount_sats), {one for one in payment.approvers if one}
    if not needed:
        return
    if not payment.requester or payment.requester in approvers:
        raise Denied(f"withdrawal {payment.withdrawal_id} is approved by who asked for it, or nobody says who did")
    if len(approvers) < needed:
        raise Denied(f"withdrawal {payment.withdrawal_id} takes {needed} approvers and has {len(approvers)}")


def _payment(record: Record, payment: ShownPayment, anchor: str) -> Paid:
    """A withdrawal is signed for again only beside the same coin: so of all its transactions one can ever confirm."""
    asked = Paid(
        withdrawal_id=payment.withdrawal_id, anchor=anchor, script=payment.script.hex(), amount_sats=payment.amount_sats
    )
    before = record.paid(payment.withdrawal_id)
    if before is not None and before != asked:
        raise Denied(f"withdrawal {payment.withdrawal_id} was signed for before, with another coin, script or amount")
    return asked


def _signing(record: Record, proposal: Proposal, purpose: str, anchor: str, paid: list[Paid]) -> Signing:
    return Signing(
        txid=proposal.txid,
        purpose=purpose,
        anchor=anchor,
        fee_sats=proposal.fee_sats,
        change_index=_change_index(record, proposal.makes),
        words="; ".join(f"{made.amount_sats} to {made.script.hex()}" for made in proposal.makes),
        payments=tuple(paid),
        coins=tuple((one.name, one.script.hex(), one.amount_sats) for one in proposal.spends),
    )


def _change_index(record: Record, makes: Sequence[Made]) -> int:
    places = [one.place for one in makes if one.place is not None]
    if any(place.branch != CHANGE_BRANCH for place in places):
        raise Denied("what comes home has to come to the change branch: deposits are other people's")
    highest = max((place.index for place in places), default=-1)
    if highest > record.highest_change_index() + CHANGE_GAP:
        raise Denied(f"change index {highest} is so far ahead that nobody would look for it")
    return highest
