"""One of the staff cancels a user's order, or all of them, by the commands that the user has. On the event loop.

The journal's row names who it was and why (``origins``), and everybody is told ``operator_cancelled``. It is taken as any
cancellation is: while the exchange is suspended too, and of who may not trade.
"""

from collections.abc import Sequence

from accounts.problems import Problem

from . import gateway
from .engine.commands import CancelAll, Side
from .journal.records import new_command_id
from .problems import ORDER_CLOSED, UNKNOWN_ORDER
from .runtime import Runtime
from .shapes.orders import OrderBody
from .submission import reading, submitting


async def cancel_one(runtime: Runtime, *, accounts: Sequence[int], order_id: str, origin: str) -> tuple[int, OrderBody]:
    """Whether it was cancelled now, as 1 or 0, and the order; one that has ended stays as it ended. Raises Problem: of none of the
    accounts it is unknown_order.
    """
    for account in accounts:
        try:
            known = await gateway.known_order(runtime, account=account, reference=order_id)
        except Problem as problem:
            if problem.kind is not UNKNOWN_ORDER:
                raise
            continue
        try:
            ended = await gateway.cancel_order(runtime, account=account, reference=known.order_id, request_id=origin)
        except Problem as problem:
            if problem.kind is not ORDER_CLOSED:
                raise
            known = await gateway.known_order(runtime, account=account, reference=known.order_id)
            return 0, await gateway.describe(runtime, known)
        return 1, ended
    raise Problem(UNKNOWN_ORDER, "The user has no order of this id.")


async def cancel_all(
    runtime: Runtime, *, accounts: Sequence[int], market: str | None, side: Side | None, origin: str
) -> int:
    """Cancels the open orders of all these accounts in one append, of one market or side if given. Returns how many; nothing is
    written where there is none. Raises Problem.
    """
    if market is not None:
        gateway.market_of(runtime, market)
    with reading():
        await runtime.catch_up()  # another process may have acknowledged one just now
    trading = [account for account in accounts if any(True for _ in runtime.live.open_orders(account))]
    if not trading:
        return 0
    commands = [(new_command_id(), CancelAll(account=account, market=market, side=side)) for account in trading]
    with submitting():
        answers = await runtime.submit_together(commands, request_id=origin, urgent=True)
    return sum(gateway.count_cancelled(answer, account) for answer, account in zip(answers, trading, strict=True))
