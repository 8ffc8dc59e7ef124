"""The one exception of the engine. An expected refusal is an outcome with a reason; only a defect raises."""


class InvariantBroken(Exception):
    """The engine met a state that its rules exclude. Its memory is no longer to be trusted: the replica stops."""
