"""POST /account/transfers: funds to another trading account of mine, or to another person."""

import datetime as dt

from trading.runtime import Runtime
from trading.shapes.accounts import TransferBody
from trading.shapes.requests import TransferRequest
from trading.transfers import transfer

from .authentication import prove_once_more
from .http import Request
from .routes import Reply, Route


async def post_transfer(runtime: Runtime, request: Request) -> Reply:
    wanted = request.json(TransferRequest)
    if wanted.to_email is not None:
        await prove_once_more(request, wanted.totp)
    body, is_new = await transfer(
        runtime,
        principal=request.signed_in,
        request=wanted,
        today=dt.datetime.now(dt.UTC).date(),
        idempotency_key=request.idempotency_key,
        request_id=request.request_id,
    )
    return Reply(201 if is_new else 200, body)


ROUTES = [
    Route(method="POST", path="/account/transfers", name="transfer", summary="Give funds to another trading account",
          needs="user", guarded_by="journal", weight=5, idempotency_key=True, handler=post_transfer, status=201,
          told_again=True, body=TransferRequest, answer=TransferBody),
]  # fmt: skip
