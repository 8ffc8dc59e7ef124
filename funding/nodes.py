"""Whether the nodes are followed, for who asks how the exchange is."""

import datetime as dt

from django.db import close_old_connections

from .models import ChainCursor, DepositWallet

LAG_S = 60.0
"""So long after its last look at the tip a chain is still followed: the watcher looks every few seconds."""


def followed(*, now: dt.datetime) -> dict[str, str]:
    """Of each chain that has a wallet in use "ok", or why it is not followed. Raises what a database raises."""
    close_old_connections()
    chains = DepositWallet.objects.filter(is_active=True).values("chain")
    cursors = ChainCursor.objects.filter(chain__in=chains).order_by("chain")
    found = {cursor.chain: _words(cursor, now) for cursor in cursors}
    close_old_connections()
    return found


def _words(cursor: ChainCursor, now: dt.datetime) -> str:
    if cursor.stopped_because:
        return f"not read any more: {cursor.stopped_because}"
    if cursor.at_tip_at is None:
        return f"read to block {cursor.height}, not yet to its tip"
    silent_s = (now - cursor.at_tip_at).total_seconds()
    return f"its tip was read {silent_s:.0f} s ago" if silent_s > LAG_S else "ok"
