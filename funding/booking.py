"""What ended payouts come to in the books: the network's fee, and what was moved to cold storage or came from it.

A payout's end is the mark; then the command goes to the journal, under an id that follows from the transaction; then its number is
noted; what became of it is read from the books. Whoever dies in between, the next round goes on.
"""

from django.db import transaction

from trading.engine.commands import Custody, MoveCustody
from trading.journal.records import derived_command_id
from trading.reversal import outcome

from . import payouts
from .alarms import raise_alarm
from .journaling import Connection, append_once
from .payout_models import Coin, Payout
from .payout_rules import payout_rules_of
from .payout_states import ENDED_ON_CHAIN, PayoutState, Purpose
from .scanning import Clock


class Booking:
    """One chain. ``connection`` is in autocommit mode, for the journal."""

    def __init__(self, chain: str, connection: Connection, clock: Clock) -> None:
        self._chain = chain
        self._connection = connection
        self._clock = clock

    def round(self, *, height: int) -> None:
        """Books what has ended, and what is as deep at this height as a coin has to be. Raises psycopg.Error; safe to repeat."""
        ended = Payout.objects.filter(chain=self._chain, state__in=ENDED_ON_CHAIN, is_booked=False).order_by("id")
        for payout_id in list(ended.values_list("id", flat=True)):
            with transaction.atomic():
                payout = Payout.objects.select_for_update(skip_locked=True).filter(id=payout_id).first()
                if payout is not None and not payout.is_booked:
                    self._book(payout)
        refills = Coin.objects.filter(chain=self._chain, change_address__is_refill=True, refill_seq=None)
        for coin in refills.filter(block_height__isnull=False).select_related("wallet"):
            depth = payout_rules_of(coin.wallet.asset).final_confirmations
            if coin.block_height is not None and height - coin.block_height + 1 >= depth:
                self._book_refill(coin)

    def _book(self, payout: Payout) -> None:
        """The commands, then what became of them."""
        attempt = payouts.end_of(payout)
        is_moved = payout.purpose == Purpose.SWEEP and payout.state == PayoutState.FINAL
        if payout.fee_seq is None:
            payout.fee_seq = self._ask(payout.asset, attempt.fee_atoms, "custody_hot", "network_fees", attempt.txid)
            payouts.note(payout, f"Event {payout.fee_seq} books the fee of {attempt.fee_atoms}.", now=self._clock())
        if is_moved and payout.move_seq is None:
            amount = payout.target_atoms
            payout.move_seq = self._ask(payout.asset, amount, "custody_hot", "custody_cold", attempt.txid)
            payouts.note(payout, f"Event {payout.move_seq} books {amount} in cold storage.", now=self._clock())
        outcomes = [outcome(self._connection, seq) for seq in (payout.fee_seq, payout.move_seq) if seq is not None]
        if False in outcomes:
            raise_alarm(f"books of payout {payout.id}", "the books refused what it cost or moved", now=self._clock())
        elif None not in outcomes:
            payout.is_booked = True
            payouts.note(payout, "The books have it.", now=self._clock())

    def _book_refill(self, coin: Coin) -> None:
        asset = coin.wallet.asset
        seq = self._ask(asset, coin.amount_atoms, "custody_cold", "custody_hot", f"{coin.txid}:{coin.vout}")
        Coin.objects.filter(id=coin.id, refill_seq=None).update(refill_seq=seq)

    def _ask(self, asset: str, amount_atoms: int, source: Custody, target: Custody, name: str) -> int:
        """The number of the event; of the one from before if somebody died after asking. Raises RuntimeError."""
        command = MoveCustody(
            asset=asset, amount_atoms=amount_atoms, source=source, target=target, reference=f"{self._chain} {name}"
        )
        command_id = derived_command_id("custody", self._chain, name, source, target)
        record = append_once(self._connection, command, command_id)
        if record is None:
            raise RuntimeError(f"the id of a custody command was used for another: {command_id}")
        return record.seq
