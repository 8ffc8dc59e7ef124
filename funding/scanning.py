"""Reading a chain: blocks forward from the cursor, back over a branch that was replaced, then the mempool.

The cursor is a block's hash. What was read of a block and the cursor's move are one transaction, and the move is a
compare-and-swap: of two processes one reads on, and a process that dies has read a block wholly or not at all. The one
writer of cursors and scanned blocks. Any process; one round at a time.
"""

import datetime as dt
import logging
from collections.abc import Callable
from dataclasses import dataclass

from django.db import transaction

from bitcoind_proxy.client import ChainClient
from bitcoind_proxy.errors import NotFound
from bitcoind_proxy.networks import NETWORKS

from . import coins, payouts
from .alarms import raise_alarm, settle_alarm
from .deposits import Block, forget_waiting, leave_blocks, record
from .models import ChainCursor, DepositWallet, ScannedBlock
from .rules import rules_of

log = logging.getLogger(__name__)

BLOCKS_REMEMBERED = 2_016
"""The way back; no branch that is believed is longer."""

Clock = Callable[[], dt.datetime]


class ScanStopped(Exception):
    """Reading goes on only after a person has looked. The message says at what."""


class OvertakenByAnother(Exception):
    """Another process has moved the cursor; this one begins anew."""


@dataclass(frozen=True, slots=True)
class Reached:
    """Where a round came to. ``is_at_tip``: the cursor was the node's tip, so what is in no block is in none."""

    block: Block
    is_at_tip: bool


class Scanner:
    """Reads one chain. ``_looked_at``: the waiting transactions whose outputs were read already."""

    def __init__(self, chain: str, node: ChainClient, clock: Clock) -> None:
        self._chain = chain
        self._node = node
        self._clock = clock
        self._looked_at: set[str] = set()

    def round(self) -> Reached | None:
        """Reads to the node's tip; None if the node is still reading the chain itself, or there is nothing to watch.

        Raises NodeFailure, ScanStopped, OvertakenByAnother; asked again, it goes on from where it was.
        """
        cursor = ChainCursor.objects.filter(chain=self._chain).first()
        if cursor is None:
            return None
        if cursor.stopped_because:
            raise ScanStopped(cursor.stopped_because)
        tip = self._node.tip()
        if (tip.chain, tip.genesis_hash) != (self._chain, NETWORKS[self._chain].genesis_hash):
            raise ScanStopped(f"the node of {self._chain} serves {tip.chain} with first block {tip.genesis_hash}")
        if not tip.is_synced:
            return None
        at = self._walk_back(Block(cursor.height, cursor.block_hash), cursor.believed_depth)
        while at.height < tip.height:
            following = self._read_next(at)
            if following is None:
                return Reached(at, is_at_tip=False)  # another branch took over meanwhile: the next round walks back
            at = following
        self._read_mempool(at)
        return Reached(at, is_at_tip=self._node.tip().block_hash == at.hash)

    # Back

    def _walk_back(self, cursor: Block, believed_depth: int) -> Block:
        """The newest block that was read and still is in the node's chain; what is above it is taken out."""
        if self._is_active(cursor):
            return cursor
        believed = max(believed_depth, self._deepest_reorganisation())
        above = [cursor]
        rows = ScannedBlock.objects.filter(chain=self._chain, height__lt=cursor.height).order_by("-height")
        for row in rows[: believed + 1]:
            below = Block(row.height, row.block_hash)
            if self._is_active(below):
                if len(above) > believed:
                    break
                self._disconnect(above, below)
                return below
            above.append(below)
        raise self._stopped(
            f"more than {believed} blocks from {cursor.height} down are not in the node's chain any more"
        )

    def _is_active(self, block: Block) -> bool:
        try:
            return self._node.block_hash(block.height) == block.hash
        except NotFound:
            return False

    def _disconnect(self, above: list[Block], below: Block) -> None:
        hashes = [block.hash for block in above]
        with transaction.atomic():
            self._move(above[0], below)
            ScannedBlock.objects.filter(chain=self._chain, block_hash__in=hashes).delete()
            count = leave_blocks(self._chain, hashes, now=self._clock())
            coins.leave_blocks(self._chain, hashes)
            payouts.leave_blocks(self._chain, hashes)
        log.warning("%s: %s blocks were replaced, %s deposits were in them", self._chain, len(hashes), count)

    # Forward

    def _read_next(self, at: Block) -> Block | None:
        """The block above, read; None if there is none on top of this one any more."""
        try:
            block = Block(at.height + 1, self._node.block_hash(at.height + 1))
        except NotFound:
            return None
        if self._node.header(block.hash).previous_hash != at.hash:
            return None
        outputs = self._node.block_outputs(block.hash)
        with transaction.atomic():
            self._move(at, block, believed_depth=0)
            ScannedBlock.objects.create(chain=self._chain, height=block.height, block_hash=block.hash)
            ScannedBlock.objects.filter(chain=self._chain, height__lte=block.height - BLOCKS_REMEMBERED).delete()
            record(self._chain, outputs, block, now=self._clock())
            coins.record(self._chain, outputs, block)
            payouts.record(self._chain, outputs, block)
        return block

    # The mempool

    def _read_mempool(self, at: Block) -> None:
        """What waits for a block above ``at``. What has left is forgotten only if no block came meanwhile."""
        mempool = self._node.mempool()
        self._looked_at &= mempool
        new = mempool - self._looked_at
        outputs = self._node.mempool_outputs(new)
        is_still_tip = self._node.tip().block_hash == at.hash
        with transaction.atomic():
            self._move(at, at)
            record(self._chain, outputs, None, now=self._clock())
            if is_still_tip:
                forget_waiting(self._chain, mempool, now=self._clock())
        self._looked_at |= new

    def _move(self, before: Block, after: Block, **changes: int) -> None:
        """In the caller's transaction, whose other writes are void if another process was here."""
        moved = ChainCursor.objects.filter(chain=self._chain, block_hash=before.hash, stopped_because="").update(
            height=after.height, block_hash=after.hash, **changes
        )
        if not moved:
            raise OvertakenByAnother(f"{self._chain}: the cursor is not at block {before.height} any more")

    def _deepest_reorganisation(self) -> int:
        assets = DepositWallet.objects.filter(chain=self._chain).values_list("asset", flat=True).distinct()
        return min(rules_of(asset).deepest_reorganisation for asset in assets)

    def _stopped(self, words: str) -> ScanStopped:
        """Written down: no restart goes on over it."""
        ChainCursor.objects.filter(chain=self._chain).update(stopped_because=words)
        raise_alarm(f"chain {self._chain}", words, now=self._clock())
        return ScanStopped(words)


def rescan(chain: str, node: ChainClient, *, from_height: int, now: dt.datetime) -> int:
    """Reads blocks again that were read, and writes down what is not there: nothing is there twice. How many blocks.

    Raises NodeFailure, OvertakenByAnother if the chain changes meanwhile.
    """
    count = 0
    for height in range(from_height, ChainCursor.objects.get(chain=chain).height + 1):
        block = Block(height, node.block_hash(height))
        outputs = node.block_outputs(block.hash)
        with transaction.atomic():
            cursor = ChainCursor.objects.select_for_update().get(chain=chain)
            read = ScannedBlock.objects.filter(chain=chain, height=height).first()
            if cursor.height < height or (read is not None and read.block_hash != block.hash):
                raise OvertakenByAnother(f"{chain}: block {height} is another now; once more")
            record(chain, outputs, block, now=now)
            coins.record(chain, outputs, block)
            payouts.record(chain, outputs, block)
        count += 1
    return count


def resume(chain: str, *, believed_depth: int, now: dt.datetime) -> bool:
    """A person has looked: reading goes on, and so deep a reorganisation is believed once. False if it had not stopped."""
    stopped = ChainCursor.objects.filter(chain=chain).exclude(stopped_because="")
    settle_alarm(f"chain {chain}", now=now)
    return bool(stopped.update(stopped_because="", believed_depth=believed_depth))
