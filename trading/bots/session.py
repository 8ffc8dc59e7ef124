"""One account's sign-in over HTTP, and the few calls that bots need beside the stream. Nothing secret is ever logged.

The calls block, so they run in worker threads; each opens a connection of its own and ends within CALL_LIMIT_S.
"""

import asyncio
import http.client
import json
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import quote, urlsplit

from .market import MarketRules, read_rules

CALL_LIMIT_S = 3.0


class Disconnected(Exception):
    """The exchange could not be reached, or the connection ended; what was under way may or may not have happened."""


class Refused(Exception):
    """The exchange answered, and said no. ``code`` is from its registry of problems."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A bot's account, as the demo's lay-out wrote it down."""

    name: str
    email: str
    password: str


class Session:
    """The sign-in of one account; signs in when there is need to."""

    def __init__(self, url: str, account: Account) -> None:
        self._url = url
        self._account = account
        self._bearer: str | None = None

    async def stream_token(self) -> str:
        """A fresh token for the stream. Raises Refused, Disconnected."""
        if self._bearer is not None:
            try:
                return await self._stream_token(self._bearer)
            except Refused as refused:
                if refused.code != "not_signed_in":
                    raise
        body = {"email": self._account.email, "password": self._account.password}
        answer = await call(self._url, "POST", "/session", body=body)
        self._bearer = str(answer["token"])
        return await self._stream_token(self._bearer)

    async def end(self) -> None:
        """Signs out. Raises Refused, Disconnected."""
        if self._bearer is not None:
            await call(self._url, "DELETE", "/session", bearer=self._bearer)
            self._bearer = None

    async def _stream_token(self, bearer: str) -> str:
        return str((await call(self._url, "GET", "/session/stream-token", bearer=bearer))["token"])


async def require_ready(url: str) -> None:
    """Raises Disconnected unless the exchange is ready: before that its books and lists may not be whole."""
    try:
        await call(url, "GET", "/health/ready?needs=trading")
    except Refused as refused:
        raise Disconnected(f"the exchange is not ready ({refused.code})") from refused


async def fetch_rules(url: str) -> dict[str, MarketRules]:
    """All markets by name. Raises Refused, Disconnected."""
    rules: dict[str, MarketRules] = {}
    cursor = ""
    while cursor is not None:
        answer = await call(url, "GET", f"/public/markets?limit=1000{cursor and '&cursor='}{quote(cursor, safe='')}")
        rules |= {item["market"]: read_rules(item) for item in answer["items"]}
        cursor = answer["next_cursor"]
    return rules


async def fetch_last_prices(url: str, markets: Iterable[str]) -> dict[str, Decimal]:
    """The price of the last trade of each market that has traded within a day. Raises Refused, Disconnected."""
    prices = {}
    for market in markets:
        last = (await call(url, "GET", f"/public/ticker?market={market}"))["last"]
        if last is not None:
            prices[market] = Decimal(last)
    return prices


async def call(url: str, method: str, path: str, *, bearer: str | None = None, body: Any = None) -> Any:
    """One call; returns the answer's JSON. Raises Refused, Disconnected."""
    return await asyncio.to_thread(_call, url, method, path, bearer, body)


def _call(url: str, method: str, path: str, bearer: str | None, body: Any) -> Any:
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=CALL_LIMIT_S)
    headers = {"Accept": "application/json", "Content-Type": "application/json", "User-Agent": "kontor-bot"}
    if bearer is not None:
        headers["Authorization"] = f"Bearer {bearer}"
    try:
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        content = answer.read()
        found = json.loads(content) if content else None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Disconnected(f"{method} {path.partition('?')[0]}: {error}") from error
    finally:
        connection.close()
    if answer.status >= 400:
        problem = found if isinstance(found, dict) else {}
        raise Refused(problem.get("code", f"http_{answer.status}"), problem.get("detail", answer.reason))
    return found
