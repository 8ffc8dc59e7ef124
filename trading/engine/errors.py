"""The exceptions of the engine. An expected refusal is an outcome with a reason; only what must stop a replica raises.

Exception
├── InvariantBroken
└── UnknownRules
"""


class InvariantBroken(Exception):
    """The engine met a state that its rules exclude. Its memory is no longer to be trusted: the replica stops."""


class UnknownRules(Exception):
    """The journal goes by rules that this version of Kontor does not know. A newer one has to take over."""
