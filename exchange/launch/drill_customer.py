"""The drill's customer: the demo's trader buys and sells a little against the bots, and remembers what it was told."""

import asyncio
import itertools
import threading
import time
from types import TracebackType
from typing import Any, Self

from exchange.launch.refusal import Refusal
from exchange.launch.surroundings import DemoUser
from trading.bots.session import Disconnected, Refused, call

_MARKET = "BTC/USD"
_QUANTITY = "0.0001"
_FUNDS = {"BTC": "1", "USD": "100000"}
_PAUSE_S = 0.01
_WAIT_LIMIT_S = 60.0


class Customer:
    """Trades on a thread of its own from ``with`` to its end. ``acknowledged``: the events of its orders, in order."""

    def __init__(self, url: str, user: DemoUser) -> None:
        self.acknowledged: list[int] = []
        self._url = url
        self._user = user
        self._ending = False
        self._failed_because: str | None = None
        self._thread = threading.Thread(target=self._run, name="customer", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending = True
        self._thread.join()

    def wait_for_orders(self, count: int) -> None:
        """Until so many more are acknowledged. Raises Refusal."""
        goal, deadline = len(self.acknowledged) + count, time.monotonic() + _WAIT_LIMIT_S
        while len(self.acknowledged) < goal:
            if self._failed_because is not None or time.monotonic() > deadline:
                raise Refusal(f"the exchange does not trade: {self._failed_because or 'nothing is acknowledged'}")
            time.sleep(_PAUSE_S)

    def _run(self) -> None:
        try:
            asyncio.run(self._trade())
        except (Disconnected, Refused) as error:
            self._failed_because = str(error)

    async def _trade(self) -> None:
        who = {"email": self._user.email, "password": self._user.password}
        bearer = (await self._insist("/session", who))["token"]
        for asset, quantity in _FUNDS.items():
            await self._insist("/account/faucet", {"asset": asset, "quantity": quantity}, bearer)
        for side in itertools.cycle(("buy", "sell")):
            if self._ending:
                return
            order = {"market": _MARKET, "side": side, "type": "market", "quantity": _QUANTITY}
            try:
                placed = await call(self._url, "POST", "/trade/orders", bearer=bearer, body=order)
            except Refused as refused:
                if refused.code != "no_liquidity":  # the bots have not quoted yet
                    raise
            else:
                self.acknowledged.append(placed["sequence"])
            await asyncio.sleep(_PAUSE_S)

    async def _insist(self, path: str, body: object, bearer: str | None = None) -> Any:
        """Asks until there is an answer: a machine on which everything has just started may be slow to give the first ones.

        Only for what may be done twice.
        """
        while True:
            try:
                return await call(self._url, "POST", path, bearer=bearer, body=body)
            except Disconnected:
                if self._ending:
                    raise
                await asyncio.sleep(_PAUSE_S)
