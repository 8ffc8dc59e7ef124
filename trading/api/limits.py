"""GET /public/limits: the quotas, and what every call weighs, from the very tables that are charged by."""

from collections.abc import Sequence

from msgspec import Struct

from accounts.rate_limits import DJANGO_WEIGHTS, LOOKUP_WEIGHT, METERS
from trading.kraken.weights import WEIGHTS as KRAKEN_WEIGHTS
from trading.runtime import Runtime
from trading.stream.weights import CONNECTION_WEIGHT, WEIGHTS

from .http import Request
from .pages import ListQuery, page_of_numbered
from .routes import Reply, Route


class QuotaBody(Struct):
    """``quota`` of weight in ``window_s`` seconds, for each account or address."""

    policy: str
    per: str
    quota: int
    window_s: int


class WeightBody(Struct):
    """What a call counts: by address or account, and of the account's orders. A batch counts ``orders`` for each of them."""

    call: str
    address: int
    account: int
    orders: int


class LimitsBody(Struct):
    """``lookup_weight``: what a session or key costs its address when it is not in memory."""

    policies: list[QuotaBody]
    items: list[WeightBody]
    lookup_weight: int
    next_cursor: str | None


def limits_route(routes: Sequence[Route]) -> Route:
    """The call that tells the weights of these routes, and its own."""
    tables: list[WeightBody] = []

    async def get_limits(runtime: Runtime, request: Request) -> Reply:
        numbered, cursor = page_of_numbered(enumerate(tables, 1), request.query(ListQuery), lambda row: row[0])
        return Reply(200, LimitsBody(quotas, [body for _, body in numbered], LOOKUP_WEIGHT, cursor))

    own = Route(method="GET", path="/public/limits", name="limits", always=True, summary="Rate limits: quotas and weights",
                needs="all", handler=get_limits, query=ListQuery, answer=LimitsBody)  # fmt: skip
    quotas = [QuotaBody(one.policy.name, one.policy.per, one.policy.quota, one.policy.window_s) for one in METERS]
    for route in (*routes, own):
        call, is_public = f"{route.method} {route.path}", route.needs == "all"
        tables.append(
            WeightBody(call, route.weight if is_public else 0, 0 if is_public else route.weight, route.orders)
        )
    for path, weight in DJANGO_WEIGHTS.items():
        tables += [WeightBody(f"* {path}", weight, 0, 0), WeightBody(f"* {path} signed by a key", 0, weight, 0)]
    for name, (weight, orders) in KRAKEN_WEIGHTS.items():
        is_public = name.startswith("public/")
        tables.append(WeightBody(f"* /0/{name}", weight if is_public else 0, 0 if is_public else weight, orders))
    tables.append(WeightBody("stream", CONNECTION_WEIGHT, 0, 0))
    tables += [WeightBody(f"stream {method}", *weight) for method, weight in WEIGHTS.items()]
    return own
