"""An order of POST /trade/orders whose sender is known: begun where its request has come, answered where the runtime tells what
became of it.

Most requests are such orders, so they have neither a task nor a future, which cost a good part of what an order took of the
event loop. A task has all that must be waited for or is rare: refusals, previews, what was told before. Everything here runs on
the event loop.
"""

from collections.abc import Awaitable

from trading import gateway, submission
from trading.instruments import Market
from trading.publications import Answer
from trading.runtime import Runtime
from trading.shapes.requests import OrderRequest

from .application import charge, reply_with
from .authentication import at_hand, prove
from .http import Receive, Request, Scope, Send, Turn, respond_at_once
from .routes import Reply
from .trade import PLACE_ORDER, post_order


def place_at_once(runtime: Runtime, scope: Scope, turn: Turn) -> bool:
    """Begins a request if it is such an order. False, and nothing is done, if it is to be carried out as all others are."""
    if scope["path"] != PLACE_ORDER.path or scope["method"] != PLACE_ORDER.method or not runtime.ready:
        return False
    request = Request(scope)
    request.principal = at_hand(request)
    body = None if request.principal is None else turn.body_at_once()
    if body is None:
        return False
    try:
        request.take(body)
        prove(request)
        request.signed_in.check(PLACE_ORDER.needs)
        charge(request, PLACE_ORDER)
        order = request.json(OrderRequest)
        if order.validate_only or submission.refusal(runtime, request.account) is not None:
            _go_on(turn, request, post_order(runtime, request))
        else:
            Placing(runtime, request, turn, order)
    except Exception as error:
        _go_on(turn, request, _raised(error))
    return True


class Placing:
    """A Waiter."""

    __slots__ = ("_command_id", "_done", "_market", "_request", "_runtime", "_turn")

    def __init__(self, runtime: Runtime, request: Request, turn: Turn, order: OrderRequest) -> None:
        """Submits the order; the client is answered later. Raises Problem, nothing submitted."""
        self._runtime = runtime
        self._request = request
        self._turn = turn
        self._done = False
        self._command_id: str
        self._market: Market
        self._command_id, self._market = gateway.submit_order(
            runtime,
            self,
            account=request.account,
            request=order,
            request_id=request.request_id,
            idempotency_key=request.idempotency_key,
            proof=request.proof,
        )

    def done(self) -> bool:
        return self._done

    def set_result(self, answer: Answer, /) -> None:
        self._done = True
        try:
            submission.refuse_used(answer, self._command_id, self._request.proof)
            body = gateway.placed_now(self._runtime, self._command_id, answer, self._market)
            if body is None:
                _go_on(self._turn, self._request, self._first_answer())
            elif not respond_at_once(self._turn, self._request, PLACE_ORDER.status, body):
                _go_on(self._turn, self._request, _replied(Reply(PLACE_ORDER.status, body)))
        except Exception as error:
            _go_on(self._turn, self._request, _raised(error))

    def set_exception(self, error: BaseException, /) -> None:
        self._done = True
        _go_on(self._turn, self._request, _raised(submission.not_submitted(error)))

    async def _first_answer(self) -> Reply:
        """The order was placed before: what became of it may have to be read."""
        placed = await gateway.placed_before(self._runtime, self._request.account, self._command_id, self._market)
        return Reply(200, placed.order)


def _go_on(turn: Turn, request: Request, coming: Awaitable[Reply]) -> None:
    async def answer_later(scope: Scope, receive: Receive, send: Send) -> None:
        await reply_with(send, request, coming)

    turn.go_on(answer_later)


async def _replied(reply: Reply) -> Reply:
    return reply


async def _raised(error: Exception) -> Reply:
    try:
        raise error
    finally:
        del error  # it knows this frame, and the two would be left to the collector
