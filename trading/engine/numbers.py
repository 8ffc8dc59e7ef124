"""Orders' numbers. An order's is its event's sequence number; a leg's has the leg's place above it.

So all numbers are different, and each says which event brought it. Both parts together stay below 2^53.
"""

from typing import Final

LEG_BIT: Final = 44
PARENT_MASK: Final = (1 << LEG_BIT) - 1


def leg_number(parent: int, leg: int) -> int:
    """The number of an order's first (1) or second (2) leg."""
    return leg << LEG_BIT | parent


def parent_number(number: int) -> int:
    """The number of the order that brought this one; of an order that came by itself its own."""
    return number & PARENT_MASK


def leg_of(number: int) -> int:
    """Which leg of its parent this order is; 0 for one that came by itself."""
    return number >> LEG_BIT
