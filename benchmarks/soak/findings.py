"""What the customers of a soak saw that they may not see, and how often they did what."""

from collections import Counter
from dataclasses import dataclass, field

KEPT = 20
DOCUMENTED_503 = frozenset({"overloaded", "not_ready", "outcome_unknown"})


@dataclass(slots=True)
class Findings:
    """``races``: cancels that came too late, for the order was filled. Of what is wrong the first KEPT are kept in words."""

    orders: int = 0
    cancels: int = 0
    races: int = 0
    sign_ins: int = 0
    books: int = 0
    refusals: Counter[str] = field(default_factory=Counter)
    busy: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    words: list[str] = field(default_factory=list)

    def add(self, check: str, words: str) -> None:
        """Something is wrong. ``check`` is the check that it fails."""
        self.wrong[check] += 1
        if len(self.words) < KEPT:
            self.words.append(f"{check}: {words}")
