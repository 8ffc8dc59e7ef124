"""Packed commands: plain orders and cancels as words, COMMAND_WORDS each.

Header (see ``plain``), time, account, then of a cancel the order's number, of an order its lots or budget, and its price.
"""

from struct import Struct
from typing import TYPE_CHECKING, Final

from .commands import CancelOrder, Event, PlaceOrder
from .plain import CANCEL, MARKET_SHIFT, plain_header

if TYPE_CHECKING:
    from .engine import Engine

COMMAND_WORDS: Final = 5
COMMAND: Final = Struct("<5q")
COMMAND_SIZE: Final = COMMAND_WORDS * 8
"""In bytes."""


def pack(event: Event, engine: "Engine") -> bytes:
    """One command as words. Raises ValueError if it is not a plain order, or no cancel, or of an unknown market."""
    command = event.command
    if isinstance(command, CancelOrder):
        return COMMAND.pack(CANCEL, event.at_us, command.account, command.order, 0)
    if not isinstance(command, PlaceOrder):
        raise ValueError(f"event {event.seq} cannot be packed")
    header, market = plain_header(command), engine.markets.get(command.market)
    if header == 0 or market is None or command.account <= 0:
        raise ValueError(f"event {event.seq} cannot be packed")
    size = command.budget_atoms or command.quantity_lots or 0
    return COMMAND.pack(
        header | market.number << MARKET_SHIFT, event.at_us, command.account, size, command.price_ticks or 0
    )
