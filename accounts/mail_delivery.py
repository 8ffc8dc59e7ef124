"""Sending the mails that wait, and forgetting what is over: a thread of every serving process.

Mails are taken one at a time under a row lock that others skip, so that any number of processes may deliver. A mail that is
sent loses its text; one that the server does not take is tried again later and later, TRIES times. If a process dies between
sending and committing, that mail is sent twice. In demo mode nothing is sent: ``/demo/mail`` shows what there is.
"""

import datetime as dt
import logging
import smtplib
import threading
from importlib import import_module

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db import DatabaseError, close_old_connections, connection, transaction

from . import proofs
from .models import Mail
from .sealing import NotOpened, unseal_text

TRIES = 8
FIRST_RETRY = dt.timedelta(seconds=30)
BATCH = 100
POLL_S = 2.0
FORGET_EVERY = dt.timedelta(hours=1)
KEEP = dt.timedelta(days=7)
log = logging.getLogger(__name__)


def deliver_waiting(*, now: dt.datetime) -> int:
    """Sends what waits, BATCH at the most. Returns how many mails the server took."""
    sent = 0
    for _ in range(BATCH):
        outcome = _deliver_one(now)
        if outcome is None:
            break
        sent += outcome
    return sent


def forget_old(*, now: dt.datetime) -> None:
    Mail.objects.filter(created_at__lt=now - KEEP).delete()
    proofs.forget_expired(now=now)
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()


class MailDelivery:
    """The thread. ``start`` and ``stop`` are called by the process's lifespan."""

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mail", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Asks it to end; a mail under way is sent to its end, by a daemon thread that nobody waits for."""
        self._stopping.set()

    def _run(self) -> None:
        forget_at = dt.datetime.now(dt.UTC)
        while not self._stopping.wait(POLL_S):
            now = dt.datetime.now(dt.UTC)
            try:
                close_old_connections()
                if not settings.DEMO:
                    deliver_waiting(now=now)
                if now >= forget_at:
                    forget_old(now=now)
                    forget_at = now + FORGET_EVERY
            except DatabaseError as error:
                log.warning("mail: the database does not answer: %s", str(error).strip())
            except Exception:
                log.exception("mail: delivery failed")
        connection.close()


@transaction.atomic
def _deliver_one(now: dt.datetime) -> bool | None:
    """Whether the server took it. None if nothing waits."""
    mail = Mail.objects.select_for_update(skip_locked=True).filter(next_try_at__lte=now).order_by("next_try_at").first()
    if mail is None:
        return None
    mail.tries += 1
    try:
        text = unseal_text(mail.sealed_text)
    except NotOpened:
        log.error(
            "mail %s is given up: its text was sealed with a key that is gone", mail.id
        )  # or it would block the others
        mail.next_try_at = None
        mail.save(update_fields=["tries", "next_try_at"])
        return False
    message = EmailMessage(mail.subject, text, settings.DEFAULT_FROM_EMAIL, [mail.to])
    try:
        get_connection().send_messages([message])
    except (OSError, smtplib.SMTPException) as error:
        delay = FIRST_RETRY * 2 ** (mail.tries - 1)
        mail.next_try_at = None if mail.tries >= TRIES else now + delay
        log.warning("mail %s was not taken, try %s of %s: %s", mail.id, mail.tries, TRIES, type(error).__name__)
        mail.save(update_fields=["tries", "next_try_at"])
        return False
    mail.sent_at, mail.next_try_at, mail.sealed_text = now, None, ""
    mail.save(update_fields=["tries", "sent_at", "next_try_at", "sealed_text"])
    return True
