"""The versions of the exchange's rules. A change of what an event comes to is a new version, never an edit of an old one.

The journal says from which event on a version holds (``SetRules``), so old history replays as it happened. What does not
change the outcome of any event that was possible before, such as a new type of order, needs no new version.

1. The first.
2. A limit buy that cannot take is funded by its value and the maker's fee. Version 1 asked for the higher of both fees.
"""

from typing import Final

FIRST: Final = 1
LATEST: Final = 2
