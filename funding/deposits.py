"""The one writer of deposits: what was found in mempool and blocks, and each change of state with its step, in words.

Callers hold a transaction in which the chain's cursor was moved or locked, so that one process writes at a time.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from bitcoind_proxy.proto.node_pb2 import Output

from .addresses import by_script
from .models import Deposit, DepositAddress, DepositStep
from .rules import rules_of
from .states import TRANSITIONS, DepositState

AT_ONCE = 1_000
"""Rows in one statement."""


class WrongTransition(RuntimeError):
    """A deposit would go to a state that cannot follow its own."""


@dataclass(frozen=True, slots=True)
class Block:
    height: int
    hash: str


def move(deposit: Deposit, state: DepositState, words: str, *, now: dt.datetime) -> None:
    """To the next state, with whatever else was set on the deposit. Raises WrongTransition."""
    if state not in TRANSITIONS[DepositState(deposit.state)]:
        raise WrongTransition(f"deposit {deposit.id} cannot go from {deposit.state} to {state}")
    deposit.state = state
    note(deposit, words, now=now)


def note(deposit: Deposit, words: str, *, now: dt.datetime) -> None:
    """Writes what was set on the deposit, and a step that says so."""
    deposit.changed_at = now
    deposit.save()
    DepositStep.objects.create(deposit=deposit, at=now, state=deposit.state, words=words)


def record(chain: str, outputs: Sequence[Output], block: Block | None, *, now: dt.datetime) -> int:
    """Writes down the outputs that are ours, found in a block, or waiting for one; returns how many are. Safe to repeat."""
    found = _ours(chain, outputs)
    known = _known(chain, {output.txid for output, _ in found})
    new = list[tuple[Deposit, str]]()
    for output, address, needed in _needs(found):
        deposit = known.get((output.txid, output.vout))
        if deposit is None:
            new.append(_new(chain, output, address, needed, block, now))
        elif block is not None:
            _enter_block(deposit, block, needed, now)
        elif deposit.state == DepositState.GONE:
            move(deposit, DepositState.SEEN, "It waits for a block again.", now=now)
    _create(new)
    return len(found)


def _ours(chain: str, outputs: Sequence[Output]) -> list[tuple[Output, DepositAddress]]:
    addresses = by_script(chain, {output.script.hex() for output in outputs})
    return [
        (output, addresses[output.script.hex()])
        for output in outputs
        if output.amount_sats and output.script.hex() in addresses
    ]


def _known(chain: str, txids: set[str]) -> dict[tuple[str, int], Deposit]:
    deposits = Deposit.objects.filter(chain=chain, txid__in=txids)
    return {(deposit.txid, deposit.vout): deposit for deposit in deposits}


def _needs(found: Sequence[tuple[Output, DepositAddress]]) -> Iterator[tuple[Output, DepositAddress, int]]:
    """Each output with the confirmations it takes, by what its transaction pays us in all."""
    totals: dict[tuple[str, str], int] = defaultdict(int)
    for output, address in found:
        totals[output.txid, address.wallet.asset] += output.amount_sats
    for output, address in found:
        asset = address.wallet.asset
        yield output, address, rules_of(asset).needed(totals[output.txid, asset], is_coinbase=output.is_coinbase)


def _new(
    chain: str, output: Output, address: DepositAddress, needed: int, block: Block | None, now: dt.datetime
) -> tuple[Deposit, str]:
    """A deposit that is not written yet, and its first step's words."""
    asset = address.wallet.asset
    minimum = rules_of(asset).minimum_atoms
    deposit = Deposit(
        chain=chain,
        txid=output.txid,
        vout=output.vout,
        address=address,
        account_id=address.account_id,
        asset=asset,
        amount_atoms=output.amount_sats,
        is_coinbase=output.is_coinbase,
        needed=needed,
        seen_at=now,
        changed_at=now,
        block_hash=None if block is None else block.hash,
        block_height=None if block is None else block.height,
    )
    if output.amount_sats < minimum:
        deposit.state = DepositState.DUST
        words = f"It is recorded and not credited: {minimum} atomic units are the least."
    elif block is None:
        deposit.state, words = DepositState.SEEN, "The network knows it; it waits for a block."
    else:
        deposit.state, words = DepositState.CONFIRMING, _in_block(block, needed)
    return deposit, words


def _create(new: Sequence[tuple[Deposit, str]]) -> None:
    """All at once: whoever pays us tens of thousands of small outputs shall not hold up the others."""
    Deposit.objects.bulk_create([deposit for deposit, _ in new], batch_size=AT_ONCE)
    steps = [
        DepositStep(deposit=deposit, at=deposit.seen_at, state=deposit.state, words=words) for deposit, words in new
    ]
    DepositStep.objects.bulk_create(steps, batch_size=AT_ONCE)


def _enter_block(deposit: Deposit, block: Block, needed: int, now: dt.datetime) -> None:
    if deposit.block_hash == block.hash:
        return
    deposit.block_hash, deposit.block_height, deposit.needed = block.hash, block.height, needed
    match DepositState(deposit.state):
        case DepositState.SEEN | DepositState.GONE:
            move(deposit, DepositState.CONFIRMING, _in_block(block, needed), now=now)
        case DepositState.REVERSED:
            # The next credit is another command: the first one's id is spent.
            deposit.round += 1
            deposit.credit_seq = deposit.reversal_seq = None
            move(deposit, DepositState.CONFIRMING, _in_block(block, needed), now=now)
        case _:
            note(deposit, f"It is in block {block.height} now.", now=now)


def _in_block(block: Block, needed: int) -> str:
    return f"It is in block {block.height}; it takes {needed} confirmation{'s' if needed > 1 else ''}."


def leave_blocks(chain: str, hashes: Iterable[str], *, now: dt.datetime) -> int:
    """The deposits of blocks that are not in the active chain any more; returns how many. Credits are looked at later, when
    the new branch has been read: most transactions are in it too."""
    deposits = list(Deposit.objects.filter(chain=chain, block_hash__in=list(hashes)))
    for deposit in deposits:
        words = f"Block {deposit.block_height} was replaced by another branch of the chain."
        deposit.block_hash = deposit.block_height = None
        if deposit.state == DepositState.CONFIRMING:
            move(deposit, DepositState.SEEN, words, now=now)
        else:
            note(deposit, words, now=now)
    return len(deposits)


def forget_waiting(chain: str, mempool: set[str], *, now: dt.datetime) -> None:
    """Those seen that are neither in a block nor in the mempool."""
    for deposit in waiting(chain):
        if deposit.txid not in mempool:
            words = "It left the mempool without a block: replaced, spent otherwise or forgotten. Nothing is credited."
            move(deposit, DepositState.GONE, words, now=now)


def waiting(chain: str) -> "QuerySet[Deposit]":
    return Deposit.objects.filter(chain=chain, state=DepositState.SEEN)


def confirmations(deposit: Deposit, tip_height: int) -> int:
    """Blocks from its own to the tip, 0 in none."""
    return 0 if deposit.block_height is None else max(0, tip_height - deposit.block_height + 1)
