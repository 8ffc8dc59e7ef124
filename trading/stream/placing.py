"""An order of ``add_order`` that is under way, answered as soon as the runtime tells what became of it.

Most requests of the stream are such orders, so they have neither a task nor a future, which cost a good part of what an order
took of the event loop. Everything here runs there.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from trading import gateway, submission
from trading.api.http import new_request_id
from trading.instruments import Market
from trading.publications import Answer
from trading.runtime import Runtime

from . import answers, requests
from .client import Client
from .orders import added


class Placing:
    """A Waiter. ``spawn`` has a routine carried out, for the rare answer that must be looked for."""

    __slots__ = (
        "_account",
        "_begun",
        "_call",
        "_client",
        "_command_id",
        "_done",
        "_market",
        "_names",
        "_runtime",
        "_spawn",
    )

    def __init__(
        self,
        runtime: Runtime,
        client: Client,
        call: answers.Call,
        account: int,
        spawn: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        """Submits the order; the client is answered later. Raises Problem or msgspec.ValidationError, nothing submitted."""
        self._runtime = runtime
        self._client = client
        self._call = call
        self._account = account
        self._spawn = spawn
        self._done = False
        request = requests.order_request(call.params)
        self._command_id: str
        self._market: Market
        self._command_id, self._market = gateway.submit_order(
            runtime, self, account=account, request=request, request_id=new_request_id()
        )
        client.in_flight += 1
        self._names: list[str] = []
        self._begun: asyncio.Event | None = None
        if request.client_order_id is not None:  # else nobody can refer to it before it is answered
            self._names = [request.client_order_id]
            self._begun = client.begin_placing(self._names)

    def done(self) -> bool:
        return self._done

    def set_result(self, answer: Answer, /) -> None:
        self._done = True
        try:
            told = gateway.acknowledged(self._runtime, self._command_id, answer)
            if told is None:
                self._spawn(self._tell_first_answer())
                return
            payload = answers.answer(self._call, added(told))
        except Exception as error:
            payload = answers.refusal(self._call, answers.as_problem(error, self._call.method))
        self._end(payload)

    def set_exception(self, error: BaseException, /) -> None:
        self._done = True
        self._end(answers.refusal(self._call, submission.not_submitted(error)))

    async def _tell_first_answer(self) -> None:
        """The order was placed before: what became of it may have to be read."""
        try:
            told = await gateway.first_acknowledged(self._runtime, self._account, self._command_id, self._market)
            payload = answers.answer(self._call, added(told))
        except Exception as error:
            payload = answers.refusal(self._call, answers.as_problem(error, self._call.method))
        self._end(payload)

    def _end(self, payload: bytes) -> None:
        self._client.answer(payload)
        self._client.in_flight -= 1
        if self._begun is not None:
            self._client.end_placing(self._names, self._begun)
