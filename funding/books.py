"""Whether the books are as far as the journal: before somebody is told that he has too little."""

import time

from trading.models import JournalHead, ProjectionCheckpoint

WAIT_S = 1.0
POLL_S = 0.02


def await_books() -> None:
    """Returns as soon as the books have what is in the journal now, at the latest after WAIT_S."""
    head = JournalHead.objects.values_list("seq", flat=True).first() or 0
    end = time.monotonic() + WAIT_S
    while not ProjectionCheckpoint.objects.filter(seq__gte=head).exists() and time.monotonic() < end:
        time.sleep(POLL_S)
