"""One JSON-RPC question to a node, over python-bitcoinrpc. Any thread; nothing is shared between calls.

The library's traps, and how they are closed here:

- After a time-out or a lost connection a proxy fails for ever, and it is not thread-safe: each call has a new one (0.4 ms).
- It never says whether a question was sent: we connect first, and what fails later has an unknown outcome. Nothing is
  ever asked twice.
- Decimals are rounded on the way out: amounts are sent as strings, see ``amount``.
- Credentials in an URL are not percent-decoded: they go into the header, never into the URL.
- Its DEBUG log prints parameters: it is switched off.
- Wallet names stand in the path: they are quoted.
"""

import base64
import http.client
import logging
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from bitcoinrpc.authproxy import AuthServiceProxy, JSONRPCException

from .errors import BrokenAnswer, InvalidQuestion, NodeFailure, NotFound, OutcomeUnknown, Refused, Unreachable

SATS = 8
"""Decimal places of a coin."""

_WARMING_UP, _NOT_JSON, _NO_RESULT = -28, -342, -343
_FAILURES: dict[int, type[NodeFailure]] = {
    _WARMING_UP: Unreachable,
    _NO_RESULT: BrokenAnswer,
    -1: InvalidQuestion,  # RPC_MISC_ERROR, usage
    -3: InvalidQuestion,  # RPC_TYPE_ERROR
    -5: NotFound,  # RPC_INVALID_ADDRESS_OR_KEY
    -8: InvalidQuestion,  # RPC_INVALID_PARAMETER
    -18: NotFound,  # RPC_WALLET_NOT_FOUND
    -19: InvalidQuestion,  # RPC_WALLET_NOT_SPECIFIED
    -22: InvalidQuestion,  # RPC_DESERIALIZATION_ERROR
}
"""By the number of src/rpc/protocol.h; all others are refusals."""


def silence() -> None:
    """Keeps the library from logging parameters, whatever the level of the root logger is."""
    library = logging.getLogger("BitcoinRPC")
    library.disabled = True
    library.propagate = False


silence()


@dataclass(frozen=True, slots=True)
class Rpc:
    """Where a node listens. ``credentials`` are read at each call: a node writes a new cookie at each start."""

    host: str
    port: int
    credentials: Callable[[], tuple[str, str]]

    def call(self, method: str, *parameters: Any, timeout_s: float, wallet: str | None = None) -> Any:
        """The node's answer; numbers with a point are Decimals. Raises NodeFailure."""
        path = "" if wallet is None else f"/wallet/{quote(wallet, safe='')}"
        connection = http.client.HTTPConnection(self.host, self.port, timeout=timeout_s)
        try:
            try:
                connection.connect()
            except OSError as error:
                raise Unreachable(f"the node at {self.host}:{self.port} does not answer: {error}") from error
            return _ask(self._proxy(method, path, connection, timeout_s), method, parameters)
        finally:
            connection.close()

    def _proxy(self, method: str, path: str, connection: http.client.HTTPConnection, timeout_s: float) -> Any:
        proxy = AuthServiceProxy(f"http://-:-@{self.host}:{self.port}{path}", method, timeout_s, connection)
        user, password = self.credentials()
        header = b"Basic " + base64.b64encode(f"{user}:{password}".encode())
        proxy._AuthServiceProxy__auth_header = header  # the one way around an URL that is not percent-decoded
        return proxy


def _ask(proxy: Any, method: str, parameters: tuple[Any, ...]) -> Any:
    try:
        return proxy(*parameters)
    except JSONRPCException as error:
        raise _failure(method, error) from None
    except (OSError, http.client.HTTPException) as error:
        raise OutcomeUnknown(f"{method}: the node's answer was lost: {error!r}") from error
    except ValueError as error:
        raise BrokenAnswer(f"{method}: the node's answer is no JSON: {error}") from error


def _failure(method: str, error: Any) -> NodeFailure:
    code, words = int(error.code or 0), str(error.message)
    if code == _NOT_JSON:
        if "401" in words or "403" in words:
            return Refused("the node does not accept our user and password", code)
        if "503" in words:
            return Unreachable("the node has no room for another question", code)
        return BrokenAnswer(f"{method}: {words}", code)
    if code == -8 and "out of range" in words:
        return NotFound(f"{method}: {words}", code)
    return _FAILURES.get(code, Refused)(f"{method}: {words}", code)


def sats(value: Any) -> int:
    """Atomic units of an amount that the node gave. Raises BrokenAnswer if it is not exact."""
    if not isinstance(value, Decimal | int):
        raise BrokenAnswer(f"an amount is {value!r}")
    scaled = Decimal(value).scaleb(SATS)
    if scaled != scaled.to_integral_value():
        raise BrokenAnswer(f"an amount has more than {SATS} places: {value}")
    return int(scaled)


def amount(atoms: int) -> str:
    """An amount for the node, as a string: floats and the library's rounding never see it."""
    whole, rest = divmod(atoms, 10**SATS)
    return f"{whole}.{rest:0{SATS}d}"
