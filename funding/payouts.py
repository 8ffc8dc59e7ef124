"""The one writer of payouts: what they are planned as, each change of state with its step, and in which block an attempt is.

Callers hold a transaction, and the payout's row lock in it unless they have just made it; those that read blocks hold the cursor's.
"""

import base64
import datetime as dt
from collections.abc import Iterable, Sequence

from bitcoind_proxy.proto.node_pb2 import Output

from .deposits import Block
from .payout_models import Attempt, ChangeAddress, Coin, Payout, PayoutStep
from .payout_states import PAYOUT_TRANSITIONS, AttemptKind, PayoutState, Purpose
from .transactions import Draft


class WrongTransition(RuntimeError):
    """A payout would go to a state that cannot follow its own."""


def begin(
    payout_id: int,
    *,
    purpose: Purpose,
    anchor: Coin,
    change_address: ChangeAddress,
    now: dt.datetime,
    target_script: str = "",
    target_atoms: int = 0,
) -> Payout:
    payout = Payout(
        id=payout_id,
        chain=anchor.chain,
        asset=change_address.wallet.asset,
        purpose=purpose,
        state=PayoutState.BUILDING,
        anchor=anchor,
        change_address=change_address,
        target_script=target_script,
        target_atoms=target_atoms,
        created_at=now,
    )
    note(payout, f"It is being built; every attempt of it spends {anchor}.", now=now)
    return payout


def move(payout: Payout, state: PayoutState, words: str, *, now: dt.datetime) -> None:
    """To the next state, with whatever else was set on the payout. Raises WrongTransition."""
    if state not in PAYOUT_TRANSITIONS[PayoutState(payout.state)]:
        raise WrongTransition(f"payout {payout.id} cannot go from {payout.state} to {state}")
    payout.state = state
    note(payout, words, now=now)


def note(payout: Payout, words: str, *, now: dt.datetime) -> None:
    """Writes what was set on the payout, and a step that says so."""
    payout.changed_at = now
    payout.save()
    PayoutStep.objects.create(payout=payout, at=now, state=payout.state, words=words)


def plan(payout: Payout, draft: Draft, kind: AttemptKind, *, height: int, now: dt.datetime) -> Attempt:
    """The next attempt, which nobody has signed yet."""
    last = latest(payout)
    attempt = Attempt.objects.create(
        payout=payout,
        number=1 if last is None else last.number + 1,
        kind=kind,
        txid=draft.txid,
        psbt=base64.b64encode(draft.psbt).decode(),
        fee_atoms=draft.fee_atoms,
        size_vbytes=draft.size_vbytes,
        planned_height=height,
        created_at=now,
    )
    words = "brings the coins home" if kind == AttemptKind.CANCEL else "does what it is for"
    note(payout, f"Attempt {attempt.number}, {draft.txid}, {words} for a fee of {draft.fee_atoms}.", now=now)
    return attempt


def latest(payout: Payout) -> Attempt | None:
    return payout.attempts.order_by("-number").first()


def end_of(payout: Payout) -> Attempt:
    """The attempt that an ended payout ended by."""
    if payout.ended_by is None:
        raise ValueError(f"payout {payout.id} has not ended")
    return payout.ended_by


def in_block(payout: Payout) -> Attempt | None:
    """The attempt that is in a block of the active chain: they all spend the same coin, so there is one at most."""
    return payout.attempts.filter(block_hash__isnull=False).first()


# What blocks say


def record(chain: str, outputs: Sequence[Output], block: Block) -> None:
    """Which attempts are in this block. Safe to repeat."""
    ours = Attempt.objects.filter(payout__chain=chain, txid__in={output.txid for output in outputs})
    ours.update(block_hash=block.hash, block_height=block.height)


def leave_blocks(chain: str, hashes: Iterable[str]) -> None:
    """The attempts of blocks that are not in the active chain any more are in none."""
    gone = Attempt.objects.filter(payout__chain=chain, block_hash__in=list(hashes))
    gone.update(block_hash=None, block_height=None)
