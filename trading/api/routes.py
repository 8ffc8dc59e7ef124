"""The table of the raw realms: every call with what it takes, gives and needs. OpenAPI is made of it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from accounts.scopes import Needs
from trading.runtime import Runtime

from .http import Request

Guard = Literal["process", "journal", "database"]
Handler = Callable[[Runtime, Request], Awaitable["Reply"]]


class Reply(NamedTuple):
    status: int
    body: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One call. ``path`` may have a parameter in braces, as its last part or the last but one; ``needs``: who may make it.

    ``other_answer``: what it gives instead when asked otherwise.
    ``json_only``: it speaks no MessagePack.
    ``always``: answered also while the engine is reading the journal, when there is nothing to tell of markets yet.
    ``guarded_by``: what keeps a signed request from counting twice in two processes. All it does may go through the
    "journal", whose command ids are unique; a mere look is harmless, this "process" alone refuses its repetition; else the
    nonce is written to the "database" first.
    ``weight`` counts for the account, of calls for all for the address; ``orders`` for the account's orders, counted by the
    handler if the body says how many there are (``has_many``). ``is_csv``: it answers with a file.
    ``idempotency_key``: whether it looks at that header. ``told_again``: what was done before is answered with 200.
    """

    method: str
    path: str
    name: str
    summary: str
    needs: Needs
    handler: Handler
    always: bool = False
    status: int = 200
    query: type | None = None
    body: type | None = None
    answer: Any = None
    other_answer: Any = None
    json_only: bool = False
    guarded_by: Guard | None = None
    weight: int = 1
    orders: int = 0
    has_many: bool = False
    is_csv: bool = False
    idempotency_key: bool = False
    told_again: bool = False

    @property
    def guard(self) -> Guard:
        """By default what is safe."""
        return self.guarded_by or ("process" if self.method == "GET" else "database")


class Router:
    """Finds the route of a request by exact path, then by the path around its parameter."""

    def __init__(self, routes: list[Route]) -> None:
        self.routes = routes
        self._exact: dict[str, dict[str, Route]] = {}
        self._prefixed: dict[str, dict[str, Route]] = {}
        self._around: dict[tuple[str, str], dict[str, Route]] = {}
        for route in routes:
            if route.path.endswith("}"):
                self._prefixed.setdefault(route.path[: route.path.index("{")], {})[route.method] = route
            elif "}" in route.path:
                before, _, after = route.path.partition("{")
                self._around.setdefault((before, after[after.index("}") :][1:]), {})[route.method] = route
            else:
                self._exact.setdefault(route.path, {})[route.method] = route

    def find(self, path: str) -> tuple[dict[str, Route], str] | None:
        """The routes of a path by method, and the path's parameter. None if there is no such path."""
        exact = self._exact.get(path)
        if exact is not None:
            return exact, ""
        start, slash, parameter = path.rpartition("/")
        prefixed = self._prefixed.get(start + slash)
        if prefixed is not None and parameter:
            return prefixed, parameter
        before, between, inner = start.rpartition("/")
        around = self._around.get((before + between, slash + parameter))
        return (around, inner) if around is not None and inner else None
