"""Payouts, step by step: plan, sign, send, look for the block, send again, pay more, end; and what becomes of their withdrawals.

Each step is a transaction of its own under the payout's row lock, and leaves behind what the next one needs, so that whoever
dies in between, the next round goes on: a plan with its txid before the signer sees it, the signed bytes before the node sees
them. A lost answer is asked for again with the same bytes. Every attempt spends the payout's anchor, and withdrawals are given
back only when an attempt that brings the anchor home is final: never because time has passed.
"""

import base64
import datetime as dt
import logging
from collections.abc import Iterator

from django.db import transaction
from embit.psbt import PSBT

from bitcoind_proxy.client import ChainClient
from bitcoind_proxy.errors import NotFound, Refused

from . import coins, payouts, withdrawals
from .alarms import raise_alarm, settle_alarm
from .descriptors import WrongDescriptor
from .dissolving import dissolve
from .models import Approval, ChainCursor, Withdrawal
from .payout_models import Attempt, Payout
from .payout_rules import assets_that_pay, payout_rules_of
from .payout_states import ENDED_ON_CHAIN, OPEN, AttemptKind, PayoutState, Purpose
from .planning import TooDear, plan_bump, plan_cancellation, plan_withdrawals, rate_now
from .scanning import Clock, OvertakenByAnother
from .signer.client import SignerClient, SignerFailure, SignerRefused
from .signer.policy import ShownPayment
from .signer.proto import signer_pb2 as pb
from .states import WithdrawalState
from .stops import open_stop
from .transactions import TooLittle

log = logging.getLogger(__name__)

STEPS_AT_MOST = 12
"""No payout takes more in one round."""
ASK_AGAIN_S = 30.0
"""What the signer has refused it is asked again after so long: a daily limit passes, and so may a policy."""
ENDED_LOOKED_AT = 200
"""So many of the last payouts are looked at for blocks that were replaced after all."""
_PURPOSES = {Purpose.WITHDRAWALS: pb.WITHDRAWALS, Purpose.SWEEP: pb.SWEEP, Purpose.CONSOLIDATION: pb.HOME}
_WAY = (
    WithdrawalState.BATCHED,
    WithdrawalState.SIGNED,
    WithdrawalState.BROADCAST,
    WithdrawalState.MINED,
    WithdrawalState.SETTLING,
)


class NotPossible(ValueError):
    """What was asked of a payout is not possible where it stands. The message says why."""


class Paying:
    """One chain. Any process; two do no harm, for each payout is one's own while he has its row.

    ``_refused_at``: by attempt, when the signer said no; only a restart forgets it.
    """

    def __init__(self, chain: str, node: ChainClient, signer: SignerClient, clock: Clock) -> None:
        self._chain = chain
        self._node = node
        self._signer = signer
        self._clock = clock
        self._refused_at: dict[int, dt.datetime] = {}

    def round(self) -> None:
        """Takes every payout as far as it can go now, and begins those that are due.

        Raises NodeFailure, SignerFailure, OvertakenByAnother; safe to repeat.
        """
        cursor = ChainCursor.objects.filter(chain=self._chain).first()
        if cursor is None or cursor.stopped_because:
            return
        unsigned: SignerFailure | None = None
        for payout_id in self._unended():
            try:
                self._go_on(payout_id, cursor)
            except SignerFailure as failure:
                unsigned = failure  # what is signed already goes on without him
        for asset in assets_that_pay(self._chain):
            while (payout := self._begun(asset, cursor)) is not None:
                self._go_on(payout.id, cursor)
        if unsigned is not None:
            raise unsigned

    def _unended(self) -> list[int]:
        """Those that are open, and those whose end a reorganisation took out of the chain."""
        here = Payout.objects.filter(chain=self._chain)
        unended = here.filter(state__in=OPEN).order_by("id").values_list("id", flat=True)
        ended = here.filter(state__in=ENDED_ON_CHAIN).order_by("-id").values_list("id", flat=True)[:ENDED_LOOKED_AT]
        in_blocks = Attempt.objects.filter(payout_id__in=list(ended), block_hash__isnull=False)
        return [*unended, *set(ended).difference(in_blocks.values_list("payout_id", flat=True))]

    def _begun(self, asset: str, cursor: ChainCursor) -> Payout | None:
        rules, now = payout_rules_of(asset), self._clock()
        approved = Withdrawal.objects.filter(asset=asset, chain=self._chain, state=WithdrawalState.APPROVED)
        oldest = approved.order_by("changed_at").first()
        if oldest is None or open_stop(asset) is not None:
            return None
        is_full = approved.count() >= rules.withdrawals_at_most
        if not is_full and oldest.changed_at > now - dt.timedelta(seconds=rules.gather_s):
            return None
        subject = f"hot wallet {asset}"
        try:
            payout = plan_withdrawals(
                self._chain, asset, rate=rate_now(asset, self._node), height=cursor.height, now=now
            )
        except (TooLittle, TooDear, coins.NoWallet, WrongDescriptor) as error:
            raise_alarm(subject, f"withdrawals wait: {error}", now=now)
            return None
        settle_alarm(subject, now=now)
        return payout

    def _go_on(self, payout_id: int, cursor: ChainCursor) -> None:
        for _ in range(STEPS_AT_MOST):
            with transaction.atomic():
                found = Payout.objects.select_for_update(skip_locked=True).filter(id=payout_id)
                payout = found.exclude(state=PayoutState.DISSOLVED).first()  # which somebody may have done meanwhile
                if payout is None or not self._step(payout, cursor):
                    return

    def _step(self, payout: Payout, cursor: ChainCursor) -> bool:
        """One step; whether there may be another."""
        attempt, mined = payouts.latest(payout), payouts.in_block(payout)
        if payout.state in ENDED_ON_CHAIN:
            return self._bring_back(payout)
        if mined is not None:
            return self._mined(payout, mined, cursor)
        if payout.state == PayoutState.MINED:
            self._unmined(payout)
            return True
        if attempt is None:
            return False
        if payout.is_cancelled and attempt.kind == AttemptKind.PAY:
            return self._replace(payout, cursor)
        if not attempt.transaction:
            return self._sign(payout, attempt)
        if not self._send(payout, attempt):
            return False
        patience = payout_rules_of(payout.asset).bump_after_blocks
        is_late = patience is not None and cursor.height - attempt.planned_height >= patience
        return is_late and self._replace(payout, cursor)

    # Signing

    def _sign(self, payout: Payout, attempt: Attempt) -> bool:
        """First it is written down that the signer sees it, then he is asked: he may have signed even if nothing came back."""
        if attempt.kind == AttemptKind.PAY and open_stop(payout.asset) is not None:
            return False
        refused_at = self._refused_at.get(attempt.id)
        if refused_at is not None and self._clock() < refused_at + dt.timedelta(seconds=ASK_AGAIN_S):
            return False
        if not payout.is_shown:
            payout.is_shown = True
            payout.save(update_fields=["is_shown"])
            return True
        subject = f"payout {payout.id}"
        try:
            signed = self._signer.sign(
                chain=self._chain,
                purpose=pb.HOME if attempt.kind == AttemptKind.CANCEL else _PURPOSES[Purpose(payout.purpose)],
                psbt=base64.b64decode(attempt.psbt),
                anchor=(payout.anchor.txid, payout.anchor.vout),
                payments=list(_shown(payout)) if attempt.kind == AttemptKind.PAY else [],
            )
        except SignerRefused as error:
            self._refused_at[attempt.id] = self._clock()
            raise_alarm(subject, str(error), now=self._clock())
            return False
        if signed.txid != attempt.txid:
            raise_alarm(subject, f"the signer gave {signed.txid} for {attempt.txid}", now=self._clock())
            return False
        self._refused_at.pop(attempt.id, None)
        settle_alarm(subject, now=self._clock())
        attempt.transaction = signed.transaction.hex()
        attempt.save(update_fields=["transaction"])
        words = f"Transaction {attempt.txid} is signed."
        if payout.state == PayoutState.BUILDING:
            payouts.move(payout, PayoutState.SIGNED, words, now=self._clock())
        else:
            payouts.note(payout, words, now=self._clock())
        if attempt.kind == AttemptKind.PAY:
            self._carry(payout, attempt, WithdrawalState.SIGNED, words)
        return True

    # Sending

    def _send(self, payout: Payout, attempt: Attempt) -> bool:
        """Until it waits in the node's mempool; whether it does."""
        if attempt.sent_at is not None and self._waits(attempt):
            return True
        try:
            sent = self._node.send(bytes.fromhex(attempt.transaction))
        except Refused as error:
            if self._node.tip().block_hash == ChainCursor.objects.get(chain=self._chain).block_hash:
                raise_alarm(f"payout {payout.id}", f"the node refuses {attempt.txid}: {error}", now=self._clock())
            return False
        settle_alarm(f"payout {payout.id}", now=self._clock())
        is_first = attempt.sent_at is None
        if is_first:
            attempt.sent_at = self._clock()
            attempt.save(update_fields=["sent_at"])
        words = f"Transaction {attempt.txid} was given to the network."
        if payout.state == PayoutState.SIGNED:
            payouts.move(payout, PayoutState.BROADCAST, words, now=self._clock())
        elif is_first:
            payouts.note(payout, words, now=self._clock())
        elif not sent.was_known:
            payouts.note(payout, f"The network had forgotten {attempt.txid}; it has it again.", now=self._clock())
        if attempt.kind == AttemptKind.PAY:
            self._carry(payout, attempt, WithdrawalState.BROADCAST, words)
        return True

    def _waits(self, attempt: Attempt) -> bool:
        try:
            self._node.mempool_entry(attempt.txid)
        except NotFound:
            return False
        return True

    def _replace(self, payout: Payout, cursor: ChainCursor) -> bool:
        """The next attempt pays more, or brings the coins home if the payout is cancelled."""
        rate, now = rate_now(payout.asset, self._node), self._clock()
        plan = plan_cancellation if payout.is_cancelled else plan_bump
        try:
            plan(payout, rate=rate, height=cursor.height, now=now)
        except (TooLittle, TooDear) as error:
            raise_alarm(f"fee of payout {payout.id}", str(error), now=now)
            return False
        return True

    # Blocks

    def _mined(self, payout: Payout, mined: Attempt, cursor: ChainCursor) -> bool:
        pays = mined.kind == AttemptKind.PAY
        words = f"Transaction {mined.txid} is in block {mined.block_height}."
        if payout.state != PayoutState.MINED:
            while payout.state != PayoutState.MINED:
                payouts.move(payout, _next(PayoutState(payout.state)), words, now=self._clock())
            for subject in (f"payout {payout.id}", f"fee of payout {payout.id}"):
                settle_alarm(subject, now=self._clock())
        if pays:
            self._carry(payout, mined, WithdrawalState.MINED, words)
        else:
            self._carry_back(payout)
        confirmations = cursor.height - (mined.block_height or 0) + 1
        if confirmations >= payout_rules_of(payout.asset).final_confirmations:
            self._hold(cursor)
            self._end(payout, mined)
        return False

    def _unmined(self, payout: Payout) -> None:
        words = "Its block was replaced by another branch of the chain; it waits for one again."
        payouts.move(payout, PayoutState.BROADCAST, words, now=self._clock())
        self._carry_back(payout)

    def _carry_back(self, payout: Payout) -> None:
        """The transaction that paid the withdrawals is in no block any more."""
        words = "Its block was replaced by another branch of the chain."
        for withdrawal in _withdrawals(payout):
            if withdrawal.state == WithdrawalState.MINED:
                withdrawal.block_height = None
                withdrawals.move(withdrawal, WithdrawalState.BROADCAST, words, now=self._clock())

    def _end(self, payout: Payout, mined: Attempt) -> None:
        """Its coins are spent or free; its withdrawals are paid or given back, which the journal has still to say."""
        coins.release(payout, spent=spent_by(mined))
        payout.ended_by = mined
        if mined.kind == AttemptKind.PAY:
            words = f"Transaction {mined.txid} has the blocks that it takes: it is paid for good."
            payouts.move(payout, PayoutState.FINAL, words, now=self._clock())
            self._carry(payout, mined, WithdrawalState.SETTLING, words)
            return
        words = f"Transaction {mined.txid} brought the coins home for good: nothing of it can be paid any more."
        payouts.move(payout, PayoutState.RETURNED, words, now=self._clock())
        for withdrawal in _withdrawals(payout):
            withdrawals.move(withdrawal, WithdrawalState.RELEASING, words, now=self._clock())

    def _bring_back(self, payout: Payout) -> bool:
        """It had ended, and its block was replaced: a deeper reorganisation than was believed. The same bytes are sent again."""
        subject, attempt = f"end of payout {payout.id}", payouts.end_of(payout)
        raise_alarm(subject, f"{attempt.txid} was final and is in no block any more", now=self._clock())
        if not self._waits(attempt):
            try:
                self._node.send(bytes.fromhex(attempt.transaction))
            except Refused as error:
                log.error("%s: the node refuses it: %s", subject, error)
        return False

    def _hold(self, cursor: ChainCursor) -> None:
        """Nobody moves the cursor while this is decided."""
        now = ChainCursor.objects.select_for_update().get(chain=self._chain)
        if now.block_hash != cursor.block_hash:
            raise OvertakenByAnother(f"{self._chain}: the cursor is not at block {cursor.height} any more")

    # Withdrawals

    def _carry(self, payout: Payout, attempt: Attempt, target: WithdrawalState, words: str) -> None:
        """The payout's withdrawals along their way, never back; each says by which transaction it is paid."""
        for withdrawal in _withdrawals(payout):
            before = (withdrawal.txid, withdrawal.block_height)
            withdrawal.txid, withdrawal.block_height = attempt.txid, attempt.block_height
            at = _WAY.index(WithdrawalState(withdrawal.state))
            for state in _WAY[at + 1 : _WAY.index(target) + 1]:
                withdrawals.move(withdrawal, state, words, now=self._clock())
            if before != (attempt.txid, attempt.block_height) and at >= _WAY.index(target):
                withdrawals.note(withdrawal, words, now=self._clock())


def _withdrawals(payout: Payout) -> list[Withdrawal]:
    return list(Withdrawal.objects.select_for_update().filter(payout_id=payout.id).order_by("id"))


def _shown(payout: Payout) -> Iterator[ShownPayment]:
    """What the signer is told of a payout's withdrawals. People are named by their numbers."""
    if payout.purpose != Purpose.WITHDRAWALS:
        return
    for withdrawal in Withdrawal.objects.filter(payout_id=payout.id).select_related("account").order_by("id"):
        approvals = Approval.objects.filter(withdrawal=withdrawal, approves=True).order_by("id")
        yield ShownPayment(
            withdrawal_id=withdrawal.id,
            script=bytes.fromhex(withdrawal.script),
            amount_sats=int(withdrawal.amount_atoms),
            requester=f"user {withdrawal.account.owner_id}",
            approvers=tuple(f"user {one.by_id}" for one in approvals),
        )


def _next(state: PayoutState) -> PayoutState:
    return {
        PayoutState.BUILDING: PayoutState.SIGNED,
        PayoutState.SIGNED: PayoutState.BROADCAST,
        PayoutState.BROADCAST: PayoutState.MINED,
    }[state]


def spent_by(attempt: Attempt) -> list[tuple[str, int]]:
    """(txid, vout) of what an attempt spends, signed or not."""
    return [(one.txid.hex(), one.vout) for one in PSBT.parse(base64.b64decode(attempt.psbt)).tx.vin]


# What people ask for


def cancel(payout_id: int, *, now: dt.datetime) -> Payout:
    """The payout shall come home. What nobody has shown to the signer is dissolved at once, and its withdrawals wait for the
    next payout; else they are given back once a transaction that brings the coins home is final. Raises NotPossible."""
    with transaction.atomic():
        payout = _open(payout_id)
        if payout.is_cancelled:
            raise NotPossible(f"Payout {payout_id} is being cancelled.")
        if payouts.in_block(payout) is not None:
            raise NotPossible(f"Payout {payout_id} is in a block.")
        payout.is_cancelled = True
        if payout.is_shown:
            payouts.note(payout, "It is to be cancelled: its coins shall come home.", now=now)
            return payout
        dissolve(payout, now=now)
        return payout


def bump(payout_id: int, *, rate: int, now: dt.datetime) -> Attempt:
    """An attempt that pays more, at this rate or what replacing takes. Raises NotPossible, TooLittle, TooDear."""
    with transaction.atomic():
        payout = _open(payout_id)
        last = payouts.latest(payout)
        if payout.state != PayoutState.BROADCAST or last is None or not last.transaction:
            raise NotPossible(f"Payout {payout_id} is {payout.state}; only one that waits for a block can pay more.")
        cursor = ChainCursor.objects.get(chain=payout.chain)
        return plan_bump(payout, rate=rate, height=cursor.height, now=now)


def _open(payout_id: int) -> Payout:
    payout = Payout.objects.select_for_update().filter(id=payout_id, state__in=OPEN).first()
    if payout is None:
        raise NotPossible(f"There is no open payout {payout_id}.")
    return payout
