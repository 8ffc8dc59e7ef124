"""From confirmed deposits to commands: Credit, and ReverseCredit for what was credited and is in no block any more.

A deposit is first marked as being credited or reversed, in a transaction of its own; then the command goes to the journal,
under an id that follows from the deposit; then its number is noted. Who dies in between finds the mark, and carries it through:
so no command is in the journal that nobody here knows of, whatever the chain did meanwhile. What became of a command is read
from the books. One process at a time, which the cursor's row lock sees to.
"""

import datetime as dt
from collections.abc import Callable

from django.db import models, transaction

from accounts.freeze import freeze_for_deficit, lift_deficit_freeze
from ledger.chart import Kind
from ledger.models import LedgerAccount
from trading.engine.commands import CancelAll, Credit
from trading.journal.records import derived_command_id
from trading.reversal import NotReversible, outcome, reverse

from . import withdrawals
from .addresses import AddressBroken, verified
from .alarms import raise_alarm, settle_alarm
from .deposits import confirmations, move, note
from .journaling import REQUEST_ID, Connection, append_once
from .models import ChainCursor, Deposit
from .scanning import Clock, OvertakenByAnother, Reached
from .states import DepositState

Step = Callable[[Deposit, Reached], None]


def credit_id(deposit: Deposit) -> str:
    """The id of the deposit's Credit: of (chain, txid, vout), and after a reversal of how many there were."""
    again = (deposit.round,) if deposit.round else ()
    return derived_command_id("deposit", deposit.chain, deposit.txid, deposit.vout, *again)


class Crediting:
    """``connection`` is in autocommit mode, for the journal."""

    def __init__(self, chain: str, connection: Connection, clock: Clock) -> None:
        self._chain = chain
        self._connection = connection
        self._clock = clock

    def round(self, reached: Reached) -> None:
        """Takes every deposit as far as it can go now. Raises psycopg.Error, OvertakenByAnother; safe to repeat."""
        steps: tuple[tuple[DepositState, Step], ...] = (
            (DepositState.CONFIRMING, self._confirm),
            (DepositState.CREDITING, self._write_credit),
            (DepositState.CREDITING, self._await_credit),
            (DepositState.CREDITED, self._look_for_block),
            (DepositState.REVERSING, self._await_reversal),
            (DepositState.DEFICIT, self._collect),
            (DepositState.REVERSING, self._write_reversal),
        )
        for deposit in self._unfinished(reached):
            for state, step in steps:
                if deposit.state == state:
                    self._take(deposit, state, step, reached)

    def _take(self, deposit: Deposit, state: DepositState, step: Step, reached: Reached) -> None:
        """One step, in a transaction of its own, unless another process took it since we looked."""
        with transaction.atomic():
            self._hold(reached)
            deposit.refresh_from_db()
            if deposit.state == state:
                step(deposit, reached)

    def _unfinished(self, reached: Reached) -> list[Deposit]:
        deposits = Deposit.objects.filter(chain=self._chain).select_related("address__wallet", "account__owner")
        due = deposits.filter(
            state=DepositState.CONFIRMING, block_height__lte=reached.block.height + 1 - models.F("needed")
        )
        waits = deposits.filter(state__in=(DepositState.CREDITING, DepositState.REVERSING, DepositState.DEFICIT))
        in_no_block = deposits.filter(state=DepositState.CREDITED, block_hash=None)
        return sorted((*due, *waits, *in_no_block), key=lambda deposit: deposit.id)

    def _hold(self, reached: Reached) -> None:
        """Nobody moves the cursor while this deposit is decided; what was reached still holds."""
        cursor = ChainCursor.objects.select_for_update().filter(chain=self._chain).first()
        if cursor is None or cursor.block_hash != reached.block.hash:
            raise OvertakenByAnother(f"{self._chain}: the cursor is not at block {reached.block.height} any more")

    # Credits

    def _confirm(self, deposit: Deposit, reached: Reached) -> None:
        if confirmations(deposit, reached.block.height) < deposit.needed:
            return
        try:
            verified(deposit.address)
        except AddressBroken as error:
            self._refuse(deposit, str(error))
            return
        words = f"It has the {deposit.needed} that it takes; it is being credited."
        move(deposit, DepositState.CREDITING, words, now=self._clock())

    def _write_credit(self, deposit: Deposit, reached: Reached) -> None:
        """Asks for the credit, unless somebody has. If its block was replaced just now, it waits for another."""
        if deposit.credit_seq is not None:
            return
        command_id = credit_id(deposit)
        row = self._connection.execute(
            "SELECT 1 FROM order_event WHERE command_id = %s::uuid", (command_id,)
        ).fetchone()
        if row is None and confirmations(deposit, reached.block.height) < deposit.needed:
            return
        command = Credit(
            account=deposit.account_id,
            asset=deposit.asset,
            amount_atoms=int(deposit.amount_atoms),
            source="deposit",
            reference=f"{deposit.chain} {deposit.txid}:{deposit.vout}",
        )
        record = append_once(self._connection, command, command_id)
        if record is None:
            self._refuse(deposit, f"the id of its credit was used for another command: {command_id}")
            return
        deposit.credit_seq = record.seq
        note(deposit, f"Its credit is event {record.seq} of the journal.", now=self._clock())

    def _await_credit(self, deposit: Deposit, reached: Reached) -> None:
        if deposit.credit_seq is None:
            return
        match outcome(self._connection, deposit.credit_seq):
            case True:
                move(deposit, DepositState.CREDITED, "It is credited.", now=self._clock())
            case False:
                self._refuse(deposit, f"the exchange refused its credit, event {deposit.credit_seq}")

    def _refuse(self, deposit: Deposit, words: str) -> None:
        move(deposit, DepositState.REFUSED, f"It is not credited: {words}. We look into it.", now=self._clock())
        raise_alarm(f"deposit {deposit.id}", words, now=self._clock())

    # Reversals

    def _look_for_block(self, deposit: Deposit, reached: Reached) -> None:
        if deposit.block_hash is None and reached.is_at_tip:
            self._begin_reversal(deposit, "Its transaction is in no block any more: the credit is taken back.")

    def _begin_reversal(self, deposit: Deposit, words: str) -> None:
        deposit.reversal_seq = None
        move(deposit, DepositState.REVERSING, words, now=self._clock())

    def _write_reversal(self, deposit: Deposit, reached: Reached) -> None:
        """Carried through even if the transaction is in a block by now: nobody can say that it was not asked for."""
        if deposit.reversal_seq is not None or deposit.credit_seq is None:
            return
        reason = f"deposit {deposit.txid}:{deposit.vout} was in no block any more"
        try:
            reversal = reverse(self._connection, deposit.credit_seq, reason=reason, request_id=REQUEST_ID)
        except NotReversible:
            return  # the books have not come so far: the next round
        deposit.reversal_seq = reversal.seq
        note(deposit, f"Event {reversal.seq} takes the credit back.", now=self._clock())

    def _await_reversal(self, deposit: Deposit, reached: Reached) -> None:
        if deposit.reversal_seq is None:
            return
        match outcome(self._connection, deposit.reversal_seq):
            case True:
                self._settle_deficit(deposit)
                words = "The credit was taken back. It is credited again if its transaction is in a block again."
                move(deposit, DepositState.REVERSED, words, now=self._clock())
                if deposit.block_hash is not None:
                    self._confirm_again(deposit)
            case False:
                self._freeze(deposit)

    def _confirm_again(self, deposit: Deposit) -> None:
        """Its transaction came into a block while the credit was being taken back."""
        deposit.round += 1
        deposit.credit_seq = deposit.reversal_seq = None
        words = f"It is in block {deposit.block_height}; it takes {deposit.needed} confirmations."
        move(deposit, DepositState.CONFIRMING, words, now=self._clock())

    def _freeze(self, deposit: Deposit) -> None:
        freeze_for_deficit(user_id=deposit.account.owner_id)
        words = "Less is available than the credit that has to be taken back. Withdrawals are frozen until it is."
        move(deposit, DepositState.DEFICIT, words, now=self._clock())
        alarm = (
            f"account {deposit.account_id} owes {deposit.amount_atoms} atomic units of {deposit.asset}:"
            f" deposit {deposit.txid}:{deposit.vout} was credited and is in no block any more"
        )
        raise_alarm(f"deficit of deposit {deposit.id}", alarm, now=self._clock())

    def _collect(self, deposit: Deposit, reached: Reached) -> None:
        """Takes back what is owed as soon as there is enough; orders that hold it are cancelled, withdrawals rejected."""
        if deposit.block_hash is not None:
            self._settle_deficit(deposit)
            words = f"Its transaction is in block {deposit.block_height} again: the credit stands."
            move(deposit, DepositState.CREDITED, words, now=self._clock())
            return
        balance, held = self._balance(deposit)
        if balance - held >= deposit.amount_atoms and reached.is_at_tip:
            self._begin_reversal(deposit, "There is enough now: the credit is taken back.")
        elif held and balance >= deposit.amount_atoms:
            words = "The account owes a deposit whose block was replaced; what was held goes there."
            withdrawals.release_all(deposit.account_id, deposit.asset, words, now=self._clock())
            command_id = derived_command_id("collect", deposit.id, deposit.reversal_seq or 0)
            append_once(self._connection, CancelAll(account=deposit.account_id), command_id)

    def _settle_deficit(self, deposit: Deposit) -> None:
        others = Deposit.objects.filter(account__owner_id=deposit.account.owner_id, state=DepositState.DEFICIT)
        subject = f"deficit of deposit {deposit.id}"
        settle_alarm(subject, now=self._clock())
        if not others.exclude(id=deposit.id).exists():
            lift_deficit_freeze(user_id=deposit.account.owner_id, now=self._clock())

    # Journal and books

    def _balance(self, deposit: Deposit) -> tuple[int, int]:
        """What the account has in all, and what its orders and withdrawals hold of it."""
        found = LedgerAccount.objects.filter(owner=deposit.account_id, asset=deposit.asset, kind=Kind.USER).first()
        return (0, 0) if found is None else (int(found.balance), int(found.held or 0))


def utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
