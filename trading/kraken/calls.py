"""One call of the Kraken dialect: who may make it, what it does, and what it is given."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from accounts.scopes import Needs
from trading.api.http import Request
from trading.api.routes import Guard
from trading.runtime import Runtime

from .fields import Fields
from .weights import WEIGHTS, Weight


@dataclass(frozen=True, slots=True)
class Asked:
    """A request with its fields."""

    request: Request
    fields: Fields

    @property
    def account(self) -> int:
        return self.request.account


Handler = Callable[[Runtime, Asked], Awaitable[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """``name``: its path after ``/0/``. ``handler`` returns the answer's ``result``.

    ``guarded_by``: as of ``trading.api.routes.Route``. ``always``: answered also while the engine is reading the journal.
    ``has_many``: the handler counts its orders.
    """

    name: str
    needs: Needs
    handler: Handler
    guarded_by: Guard = "process"
    always: bool = False
    has_many: bool = False

    @property
    def weight(self) -> Weight:
        return WEIGHTS[self.name]
