"""MessagePack says what JSON says, both ways, in every realm: the calls come from the route tables."""

from typing import Any

import httpx
import msgspec
import pytest

from tests.server import PASSWORD, Server, Trader
from trading.api.application import ROUTES

from .people import make_admin

pytestmark = pytest.mark.usefixtures("silent_market")

PACKED = {"Content-Type": "application/msgpack", "Accept": "application/msgpack"}
LOOKS = [
    route
    for route in ROUTES
    if route.method == "GET" and route.answer is not None and "{" not in route.path and not route.json_only
]
PASSING = {"at", "unix_us", "request_id", "token", "expires_at", "waiting", "retry_after_s", "projected_sequence"}
"""What may differ between two answers to the same question."""


def lasting(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: lasting(one) for name, one in value.items() if name not in PASSING}
    return [lasting(one) for one in value] if isinstance(value, list) else value


def unpacked(answer: httpx.Response) -> Any:
    assert answer.headers["content-type"] == "application/msgpack", answer.text
    return msgspec.msgpack.decode(answer.content)


@pytest.fixture(scope="module")
def trader(server: Server) -> Trader:
    """One with an order, a fill, a key: something to tell in every list."""
    made, other = server.trader(BTC="5"), server.trader(USD="100000")
    made.order("sell", "0.2", "50000")
    other.order("buy", "0.1", "50000")
    made.post("/account/api-keys", {"name": "a", "scopes": ["read"]})
    return made


@pytest.fixture(scope="module")
def admin(server: Server) -> Trader:
    return make_admin(server)


@pytest.mark.parametrize("route", LOOKS, ids=lambda route: route.path)
def test_a_look_is_answered_the_same(trader: Trader, admin: Trader, route: Any) -> None:
    who = admin if route.needs == "admin" else trader
    required = set() if route.query is None else {f.name for f in msgspec.structs.fields(route.query) if f.required}
    assert required <= {"market"}
    query = {"market": "BTC/USD"} if required else {}
    plain = who.http.get(route.path, params=query)
    packed = who.http.get(route.path, params=query, headers={"Accept": "application/msgpack"})
    assert plain.status_code == packed.status_code == 200
    assert lasting(unpacked(packed)) == lasting(plain.json())


@pytest.mark.parametrize("path", ["/public/coingecko/pairs", "/public/coingecko/tickers", "/public/udf/config"])
def test_the_shapes_of_others_are_json_alone(trader: Trader, path: str) -> None:
    answer = trader.http.get(path, headers={"Accept": "application/msgpack"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json()


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/trade/orders", {"market": "BTC/USD", "side": "sell", "type": "limit", "quantity": "1"}),
        ("POST", "/trade/orders/batch", {"orders": []}),
        ("POST", "/account/api-keys", {"name": "", "scopes": ["read"]}),
        ("POST", "/user", {"email": "nonsense", "password": PASSWORD}),
        ("POST", "/session", {"email": "nobody@example.com", "password": PASSWORD}),
        ("DELETE", "/session/nonsense", None),
        ("GET", "/trade/orders?limit=0", None),
        ("GET", "/trade/nothing", None),
    ],
)
def test_a_problem_is_the_same(trader: Trader, method: str, path: str, body: Any) -> None:
    plain = trader.http.request(method, path, json=body)
    content = None if body is None else msgspec.msgpack.encode(body)
    packed = trader.http.request(method, path, content=content, headers=PACKED)
    assert plain.status_code == packed.status_code >= 400
    assert lasting(unpacked(packed)) == lasting(plain.json())
    assert plain.headers["content-type"] == "application/problem+json"


def test_people_sign_up_and_in_by_messagepack(server: Server) -> None:
    given = msgspec.msgpack.encode({"email": "packed@example.com", "password": PASSWORD})
    with server.client(**PACKED) as client:
        assert unpacked(client.post("/user", content=given))["email"] == "packed@example.com"
        token = unpacked(client.post("/session", content=given))["token"]
        client.headers["Authorization"] = f"Bearer {token}"
        (session,) = unpacked(client.get("/session"))["items"]
        assert client.delete(f"/session/{session['id']}").status_code == 204
        assert unpacked(client.get("/session"))["code"] == "not_signed_in"


@pytest.mark.parametrize("content", [b"", b"\xc1", b"\x93\x01", b"\xdd\xff\xff\xff\xff", b"\x91" * 30_000])
@pytest.mark.parametrize("path", ["/user", "/session", "/trade/orders", "/account/api-keys"])
def test_bytes_that_are_no_messagepack_are_malformed(trader: Trader, path: str, content: bytes) -> None:
    answer = trader.http.post(path, content=content, headers=PACKED)
    assert answer.status_code == 400, answer.content
    assert unpacked(answer)["code"] in ("malformed", "invalid_parameter")
