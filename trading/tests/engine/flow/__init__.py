"""Drawn flows of events over three small markets, made so that every rule and every meeting of two rules is met often.

A flow depends on its seed and profile alone. It does not look at what its commands come to, but it remembers what it has
placed, so that cancels and amendments mostly find something; and it opens again soon what it has closed.
``profiles`` says what is drawn and how often, ``orders`` draws orders, ``drawn`` whatever else there is.
"""

from collections.abc import Iterator

from trading.engine.commands import Event

from .drawn import Flow
from .profiles import CALM, DEEP, MARKETS, PLAIN, PROFILES, SMALL, Profile

ACCOUNTS = SMALL.accounts
PRELUDE = SMALL.prelude

__all__ = ["ACCOUNTS", "CALM", "DEEP", "MARKETS", "PLAIN", "PRELUDE", "PROFILES", "SMALL", "Profile", "events"]


def events(seed: int, count: int, profile: Profile = SMALL) -> Iterator[Event]:
    """The prelude, then so many events drawn from the seed."""
    return Flow(seed, profile).events(count)
