"""The journal's part of withdrawals: what was requested is held, what ends is released or settled.

The state of a withdrawal is the mark, written in a transaction of its own by whoever asked; then the command goes to the journal
under an id that follows from the withdrawal; then its number is noted. Who dies in between finds the mark and carries it through:
the same id is the same command, so nothing is held, released or settled twice. What became of a command is read from the books.
Any number of processes may do this: each withdrawal is taken under its row's lock, and left to whoever has it.
"""

import logging
import threading
from collections.abc import Callable

import psycopg
from django.db import Error as DatabaseError
from django.db import close_old_connections, transaction

from accounts.security_log import Caller, Event, record
from trading.engine.commands import Command, HoldWithdrawal, ReleaseWithdrawal, SettleWithdrawal
from trading.journal.records import derived_command_id
from trading.withdrawal_holds import has_ended, was_held

from .alarms import raise_alarm
from .journaling import append_once
from .models import Withdrawal
from .scanning import Clock
from .states import WithdrawalState
from .watcher import BACK_OFF_S, open_journal
from .withdrawals import in_words, move, note

log = logging.getLogger(__name__)

Connection = psycopg.Connection[tuple[object, ...]]
Step = Callable[[Withdrawal], None]

POLL_S = 0.5

S = WithdrawalState


class CommandIdTaken(RuntimeError):
    """The id of a withdrawal's command is another command's in the journal."""


def reference(withdrawal: Withdrawal) -> str:
    """What its hold is called in the journal."""
    return f"withdrawal {withdrawal.id}"


def hold_of(withdrawal: Withdrawal) -> HoldWithdrawal:
    atoms = int(withdrawal.amount_atoms + withdrawal.fee_atoms)
    asset, name = withdrawal.asset, reference(withdrawal)
    return HoldWithdrawal(account=withdrawal.account_id, asset=asset, amount_atoms=atoms, reference=name)


def release_of(withdrawal: Withdrawal) -> ReleaseWithdrawal:
    return ReleaseWithdrawal(reference=reference(withdrawal))


def settlement_of(withdrawal: Withdrawal) -> SettleWithdrawal:
    return SettleWithdrawal(reference=reference(withdrawal), fee_atoms=int(withdrawal.fee_atoms))


def command_id_of(withdrawal: Withdrawal, command: Command) -> str:
    """It follows from the withdrawal and the kind of command, and from nothing else."""
    return derived_command_id("withdrawal", type(command).__name__, withdrawal.id)


class Holding:
    """``connection`` is in autocommit mode, for the journal."""

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self._steps: tuple[tuple[WithdrawalState, Step], ...] = (
            (S.REQUESTED, self._write_hold),
            (S.REQUESTED, self._await_hold),
            (S.HELD, self._pass_on),
            (S.RELEASING, self._write_release),
            (S.RELEASING, self._await_release),
            (S.SETTLING, self._write_settlement),
            (S.SETTLING, self._await_settlement),
        )

    def round(self) -> None:
        """Takes every withdrawal as far as it can go now. Raises psycopg.Error, DatabaseError; safe to repeat."""
        due = Withdrawal.objects.filter(state__in={state for state, _ in self._steps}).order_by("id")
        for withdrawal_id, found in due.values_list("id", "state"):
            state = S(found)
            for at, step in self._steps:
                if at == state:
                    state = self._take(withdrawal_id, state, step)

    def _take(self, withdrawal_id: int, state: WithdrawalState, step: Step) -> WithdrawalState:
        """One step, in a transaction of its own, unless somebody else has the withdrawal or took it further. Its state then."""
        with transaction.atomic():
            due = Withdrawal.objects.select_for_update(skip_locked=True).filter(id=withdrawal_id, state=state)
            withdrawal = due.first()
            if withdrawal is None:
                return state
            try:
                step(withdrawal)
            except CommandIdTaken as error:
                raise_alarm(f"withdrawal {withdrawal_id}", str(error), now=self._clock())
            return S(withdrawal.state)

    # Holding

    def _write_hold(self, withdrawal: Withdrawal) -> None:
        if withdrawal.hold_seq is not None:
            return
        withdrawal.hold_seq = self._append(withdrawal, hold_of(withdrawal))
        note(withdrawal, f"Event {withdrawal.hold_seq} of the journal holds it.", now=self._clock())

    def _await_hold(self, withdrawal: Withdrawal) -> None:
        if withdrawal.hold_seq is None:
            return
        match was_held(self._connection, withdrawal.hold_seq):
            case True:
                move(withdrawal, S.HELD, "Its amount and the fee are held.", now=self._clock())
            case False:
                words = "Less was available than it takes with its fee. Nothing is held."
                move(withdrawal, S.REFUSED, words, now=self._clock())
                self._tell(withdrawal, Event.WITHDRAWAL_ENDED, "refused")

    def _pass_on(self, withdrawal: Withdrawal) -> None:
        """To the end that its owner asked for meanwhile, to those who approve, or to the next payout."""
        needed = withdrawal.approvals_needed
        if withdrawal.ends_as is not None:
            move(withdrawal, S.RELEASING, "It was cancelled meanwhile: the hold is given back.", now=self._clock())
        elif needed:
            words = f"It waits for the approval of {'one person' if needed == 1 else 'two people'} at the exchange."
            move(withdrawal, S.REVIEWING, words, now=self._clock())
        else:
            move(withdrawal, S.APPROVED, "It waits for the next payout.", now=self._clock())

    # Ends

    def _write_release(self, withdrawal: Withdrawal) -> None:
        if withdrawal.release_seq is not None:
            return
        withdrawal.release_seq = self._append(withdrawal, release_of(withdrawal))
        note(withdrawal, f"Event {withdrawal.release_seq} of the journal gives the hold back.", now=self._clock())

    def _await_release(self, withdrawal: Withdrawal) -> None:
        if withdrawal.release_seq is None or withdrawal.ends_as is None:
            return
        match has_ended(self._connection, withdrawal.release_seq):
            case True:
                ends_as = S(withdrawal.ends_as)
                move(withdrawal, ends_as, "What was held is available again.", now=self._clock())
                if ends_as != S.CANCELLED:
                    self._tell(withdrawal, Event.WITHDRAWAL_ENDED, ends_as.value)
            case False:
                self._complain(withdrawal, withdrawal.release_seq)

    def _write_settlement(self, withdrawal: Withdrawal) -> None:
        if withdrawal.settle_seq is not None:
            return
        withdrawal.settle_seq = self._append(withdrawal, settlement_of(withdrawal))
        note(withdrawal, f"Event {withdrawal.settle_seq} of the journal takes it off the account.", now=self._clock())

    def _await_settlement(self, withdrawal: Withdrawal) -> None:
        if withdrawal.settle_seq is None:
            return
        match has_ended(self._connection, withdrawal.settle_seq):
            case True:
                move(withdrawal, S.SETTLED, "It is paid.", now=self._clock())
                self._tell(withdrawal, Event.WITHDRAWAL_PAID, f"transaction {withdrawal.txid}")
            case False:
                self._complain(withdrawal, withdrawal.settle_seq)

    def _complain(self, withdrawal: Withdrawal, seq: int) -> None:
        """The books say that nothing was held: somebody else has ended the hold. No state says that; a person has to look."""
        words = f"event {seq} was to end the hold of {reference(withdrawal)}, and the exchange refused it"
        raise_alarm(f"withdrawal {withdrawal.id}", words, now=self._clock())

    def _tell(self, withdrawal: Withdrawal, event: Event, words: str) -> None:
        owner = withdrawal.account.owner
        detail = f"{in_words(withdrawal)}: {words}"
        record(user=owner, event=event, caller=Caller(), now=self._clock(), detail=detail)

    def _append(self, withdrawal: Withdrawal, command: Command) -> int:
        """The number of the command's event, new or from before. Raises CommandIdTaken."""
        command_id = command_id_of(withdrawal, command)
        found = append_once(self._connection, command, command_id)
        if found is None:
            raise CommandIdTaken(f"{command_id}, the id of its {type(command).__name__}, is another command's")
        return found.seq


def run(clock: Clock, stop: threading.Event) -> None:
    """Rounds until told to stop. What fails is tried again."""
    failures = 0
    while not stop.is_set():
        close_old_connections()
        try:
            with open_journal() as connection:
                holding = Holding(connection, clock)
                while not stop.is_set():
                    holding.round()
                    failures = 0
                    stop.wait(POLL_S)
        except (DatabaseError, psycopg.Error) as error:
            log.warning("withdrawals: %s", str(error).strip() or repr(error))
            failures += 1
            stop.wait(BACK_OFF_S[min(failures, len(BACK_OFF_S)) - 1])
