"""What can be wrong with the journal itself.

Exception
├── JournalBroken       rows or head say what cannot be
└── DatabaseLostData    the journal is not the one that was read before
"""


class JournalBroken(Exception):
    """A row is missing or altered, or the head says what cannot be. Nothing was appended."""


class DatabaseLostData(Exception):
    """The journal ends before what was folded here, or goes on differently: after a fail-over that lost the tail, say.

    What was acknowledged may be gone. Who finds this stops, and appends nothing.
    """
