"""An order that fills gives back what it cost of the order limit: who trades is not slowed down by his own success.

An Observer of the runtime, on the event loop. The cost comes back in the window in which the order fills, and never more
than this process has counted there.
"""

from accounts.rate_limits import ORDERS
from trading.engine.outcomes import OrderFilled

from .applied import Applied
from .publications import Publication


class FillCredits:
    def on_event(self, event: Applied) -> None:
        for outcome in event.outcomes:
            if type(outcome) is OrderFilled:
                ORDERS.give_back(outcome.account, 1)

    def on_batch(self, publication: Publication) -> None:
        """What matters came with the events."""
