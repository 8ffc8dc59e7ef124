"""API keys as programs use them: the server as a process, real HTTP, signatures made from the documentation."""

import base64
import concurrent.futures
import datetime as dt
import json
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import psycopg
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from tests.fixtures import Cluster
from tests.server import Server, Trader, wait_until
from tests.signing import KeyAuth, ed25519_key, hmac_auth, hmac_key, make_key, program

from .stream_client import Stream

pytestmark = pytest.mark.usefixtures("silent_market")

ORDER = {"market": "BTC/USD", "side": "sell", "type": "limit", "quantity": "1", "price": "64000"}
PRINCIPAL_TTL_S = 2.0


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize("make", [hmac_key, ed25519_key])
def test_a_key_reads_and_trades_for_its_account(server: Server, seller: Trader, make: Callable[..., KeyAuth]) -> None:
    with program(server, make(seller, "read", "trade")) as client:
        placed = client.post("/trade/orders", json={**ORDER, "client_order_id": "by-key"})
        assert placed.status_code == 201, placed.text
        assert seller.get("/trade/orders/client:by-key") == placed.json()
        listed = client.get("/trade/orders", params={"market": "BTC/USD", "limit": "5"})
        assert [order["id"] for order in listed.json()["items"]] == [placed.json()["id"]]
        assert client.delete("/trade/orders/client:by-key").json()["status"] == "cancelled"
        assert client.get("/account/balances").json() == {
            **seller.get("/account/balances"),
            "sequence": client.get("/account/balances").json()["sequence"],
        }


def test_a_secret_is_shown_once_and_stored_sealed(server: Server, seller: Trader) -> None:
    made = make_key(seller, "read", name="once")
    secret = base64.b64decode(made["secret"], validate=True)
    assert len(secret) == 64
    (listed,) = [key for key in seller.get("/account/api-keys")["items"] if key["id"] == made["id"]]
    assert listed == {name: value for name, value in made.items() if name != "secret"}
    with psycopg.connect(server.database_url) as connection:
        row = connection.execute("SELECT * FROM accounts_apikey WHERE id = %s", (made["id"],)).fetchone()
    assert secret not in repr(row).encode("latin-1") and made["secret"] not in repr(row)
    assert not any(isinstance(one, bytes) and secret in one for one in row or ())


def test_of_an_ed25519_key_there_is_no_secret_here(seller: Trader) -> None:
    private = Ed25519PrivateKey.generate()
    pem = private.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    made = make_key(seller, "read", public_key=pem.decode())
    assert (made["kind"], "secret" in made) == ("ed25519", False)


@pytest.mark.parametrize(
    ("scopes", "allowed"),
    [
        (("read",), {"read"}),
        (("trade",), {"trade"}),
        (("withdraw",), {"withdraw"}),
        (("read", "trade"), {"read", "trade"}),
    ],
)
def test_a_scope_that_is_missing_is_403_and_does_nothing(
    server: Server, seller: Trader, scopes: tuple[str, ...], allowed: set[str]
) -> None:
    calls: list[tuple[str, str, str, Any]] = [
        ("read", "GET", "/account/balances", None),
        ("read", "GET", "/trade/orders", None),
        ("read", "GET", "/trade/fills", None),
        ("read", "GET", "/deposit", None),
        ("read", "GET", "/deposit/addresses", None),
        ("withdraw", "GET", "/withdrawal", None),
        ("withdraw", "GET", "/withdrawal/addresses", None),
        ("user", "GET", "/account/security", None),
        ("user", "POST", "/deposit/test-blocks", None),
        ("trade", "POST", "/trade/orders", ORDER),
        ("trade", "POST", "/trade/orders/batch", {"orders": [ORDER]}),
        ("trade", "POST", "/trade/cancel-after", {"timeout_ms": 0}),
        ("trade", "DELETE", "/trade/orders", None),
        ("user", "GET", "/account/api-keys", None),
        ("user", "POST", "/account/api-keys", {"name": "more", "scopes": ["withdraw"]}),
        ("user", "GET", "/session", None),
        ("user", "DELETE", "/session", None),
    ]
    with program(server, hmac_key(seller, *scopes)) as client:
        for needs, method, path, body in calls:
            answer = client.request(method, path, json=body)
            if needs in allowed:
                assert answer.is_success, (method, path, answer.text)
            else:
                assert code(answer) == (403, "scope_missing"), (method, path, answer.text)
    assert seller.get("/trade/orders")["items"] == []


@pytest.mark.parametrize(
    "change",
    [
        {"method": "DELETE"},
        {"url": "/trade/orders?market=BTC/USD&limit=6"},
        {"url": "/trade/orders?limit=5&market=BTC/USD"},
        {"url": "/trade/orders?market=BTC%2FUSD&limit=5"},
        {"url": "/trade/orders"},
        {"url": "/trade/fills?market=BTC/USD&limit=5"},
        {"content": b"{}"},
        {"X-API-Nonce": "another"},
        {"X-API-Timestamp": str(time.time_ns() // 1_000_000 + 1)},
        {"X-API-Signature": base64.b64encode(bytes(32)).decode()},
        {"X-API-Signature": ""},
    ],
)
@pytest.mark.parametrize("make", [hmac_key, ed25519_key])
def test_whatever_is_changed_after_signing_fails(
    server: Server, seller: Trader, make: Callable[..., KeyAuth], change: dict[str, Any]
) -> None:
    auth = make(seller, "read", "trade")
    url = "/trade/orders?market=BTC/USD&limit=5"
    headers = auth.signed("GET", url.encode())
    for name in [name for name in change if name.startswith("X-")]:
        headers[name] = str(int(headers[name]) + 1) if name == "X-API-Timestamp" else change[name]
    with server.client() as client:
        changed = client.request(
            change.get("method", "GET"), change.get("url", url), content=change.get("content"), headers=headers
        )
        assert code(changed) == (401, "wrong_signature")
        assert client.get(url, headers=auth.signed("GET", url.encode())).status_code == 200


def test_a_changed_body_fails(server: Server, seller: Trader) -> None:
    auth = hmac_key(seller, "trade")
    headers = auth.signed("POST", b"/trade/orders", b'{"quantity":"1"}') | {"content-type": "application/json"}
    with server.client() as client:
        answer = client.post("/trade/orders", content=b'{"quantity":"9"}', headers=headers)
    assert code(answer) == (401, "wrong_signature")


@pytest.mark.parametrize(
    "header", [{name: value} for name in ("Key", "Timestamp", "Nonce", "Signature") for value in ("", "é", "x" * 200)]
)
def test_headers_that_cannot_be_read_are_401(server: Server, seller: Trader, header: dict[str, str]) -> None:
    headers: dict[str, Any] = hmac_key(seller, "read").signed("GET", b"/account/balances")
    headers |= {f"X-API-{name}": value.encode() for name, value in header.items()}
    with server.client() as client:
        answer = client.get("/account/balances", headers=headers)
    wanted = "wrong_signature" if header == {"Signature": ""} else "signature_incomplete"
    if header == {"Signature": "x" * 200}:
        wanted = "wrong_signature"
    assert code(answer) == (401, wanted)


@pytest.mark.parametrize("later_ms", [-6000, 6000])
def test_a_clock_outside_the_window_is_told_so(server: Server, seller: Trader, later_ms: int) -> None:
    key = make_key(seller, "read")
    with program(server, hmac_auth(key, later_ms=later_ms)) as client:
        assert code(client.get("/account/balances")) == (401, "timestamp_outside_window")
    with program(server, hmac_auth(key, later_ms=later_ms // 2)) as client:
        assert client.get("/account/balances").status_code == 200


def test_a_replay_is_refused_but_parallel_clients_are_not(server: Server, seller: Trader) -> None:
    auth = hmac_key(seller, "read")
    path = "/account/balances"
    signed = [auth.signed("GET", path.encode()) for _ in range(100)]
    with server.client() as client, concurrent.futures.ThreadPoolExecutor(16) as pool:
        newest_first = list(pool.map(lambda headers: client.get(path, headers=headers).status_code, signed[::-1]))
        assert newest_first == [200] * 100
        assert {code(client.get(path, headers=headers)) for headers in signed} == {(401, "nonce_used")}


def test_a_wrong_signature_does_not_burn_the_nonce_of_the_right_one(server: Server, seller: Trader) -> None:
    headers = hmac_key(seller, "read").signed("GET", b"/account/balances")
    with server.client() as client:
        wrong = headers | {"X-API-Signature": base64.b64encode(b"x" * 32).decode()}
        assert code(client.get("/account/balances", headers=wrong)) == (401, "wrong_signature")
        assert client.get("/account/balances", headers=headers).status_code == 200


@pytest.mark.parametrize("is_known", [False, True])  # whether the key is in the server's memory
@pytest.mark.parametrize("make", [hmac_key, ed25519_key])
def test_an_order_is_judged_by_its_signature_whether_the_key_is_in_memory_or_not(
    server: Server, seller: Trader, make: Callable[..., KeyAuth], is_known: bool
) -> None:
    body = json.dumps(ORDER).encode()
    allowed, may_read = make(seller, "read", "trade"), make(seller, "read")
    elsewhere = hmac_key(seller, "trade", addresses=["203.0.113.7"])
    late = hmac_auth(make_key(seller, "trade"), later_ms=-6000)

    def signed(auth: KeyAuth) -> dict[str, str]:
        return auth.signed("POST", b"/trade/orders", body) | {"content-type": "application/json"}

    good, other = signed(allowed), base64.b64encode(b"x" * 64).decode()
    with server.client() as client:

        def answer(headers: dict[str, str], content: bytes = body) -> tuple[int, str | None]:
            told = client.post("/trade/orders", content=content, headers=headers)
            return told.status_code, told.json().get("code")

        if is_known:
            for auth in (allowed, may_read, elsewhere, late):
                in_time = KeyAuth(auth.key_id, auth.sign).signed("GET", b"/account/balances")
                client.get("/account/balances", headers=in_time)
        assert answer(good | {"X-API-Signature": other}) == (401, "wrong_signature")
        assert answer(good, body + b" ") == (401, "wrong_signature")
        assert answer(good | {"X-API-Nonce": ""}) == (401, "signature_incomplete")
        assert answer(good | {"X-API-Key": "mine"}) == (401, "signature_incomplete")
        assert answer(signed(late)) == (401, "timestamp_outside_window")
        assert answer(signed(may_read)) == (403, "scope_missing")
        assert answer(signed(elsewhere)) == (403, "address_not_allowed")
        assert answer(signed(elsewhere) | {"X-Forwarded-For": "203.0.113.7"}) == (201, None)
        assert answer(good) == (201, None)
        assert answer(good) == (401, "nonce_used")
        assert answer(good | {"Authorization": f"Bearer {seller.token}"}) == (401, "nonce_used")
        assert answer(signed(allowed)) == (201, None)
    assert len(seller.get("/trade/orders")["items"]) == 3


@pytest.mark.parametrize("make", [hmac_key, ed25519_key])
def test_djangos_realms_judge_a_signature_as_the_others_do(
    server: Server, seller: Trader, make: Callable[..., KeyAuth]
) -> None:
    path = "/deposit?limit=5"
    auth, elsewhere = make(seller, "read"), hmac_key(seller, "read", addresses=["203.0.113.7"])
    late = hmac_auth(make_key(seller, "read"), later_ms=-6000)
    good = auth.signed("GET", path.encode())
    with server.client() as client:
        for headers, url, wanted in (
            (good | {"X-API-Signature": base64.b64encode(b"x" * 64).decode()}, path, (401, "wrong_signature")),
            (good, "/deposit?limit=6", (401, "wrong_signature")),
            (good | {"X-API-Nonce": ""}, path, (401, "signature_incomplete")),
            (good | {"X-API-Key": str(uuid.uuid4())}, path, (401, "key_not_valid")),
            (late.signed("GET", path.encode()), path, (401, "timestamp_outside_window")),
            (elsewhere.signed("GET", path.encode()), path, (403, "address_not_allowed")),
            (auth.signed("GET", path.encode()) | {"X-Account": "1"}, path, (404, "unknown_account")),
        ):
            assert code(client.get(url, headers=headers)) == wanted
        answer = client.get(path, headers=good | {"Authorization": "Bearer nobody"})
        assert (answer.status_code, answer.json()["items"]) == (200, [])
        assert code(client.get(path, headers=good)) == (401, "nonce_used")
        assert seller.http.delete(f"/account/api-keys/{auth.key_id}").status_code == 204
        assert code(client.get(path, headers=auth.signed("GET", path.encode()))) == (401, "key_not_valid")


@pytest.fixture
def pair(cluster: Cluster) -> Iterator[tuple[Server, Server]]:
    """Two processes on one database."""
    database = cluster.copy("template_demo")
    with Server(database.url) as first, Server(database.url) as second:
        yield first, second
    cluster.drop(database)


def test_what_one_process_has_done_another_does_not_do_again(pair: tuple[Server, Server]) -> None:
    first, second = pair
    trader = first.trader(BTC="10")
    auth = hmac_key(trader, "read", "trade")
    requests: list[tuple[str, str, bytes]] = [
        ("POST", "/trade/orders", b'{"market":"BTC/USD","side":"sell","type":"limit","quantity":"1","price":"64000"}'),
        ("POST", "/trade/orders", b'{"market":"BTC/USD","side":"sell","type":"limit","quantity":"99","price":"64000"}'),
        (
            "POST",
            "/trade/orders/batch",
            b'{"orders":[{"market":"BTC/USD","side":"sell","type":"limit","quantity":"1","price":"64001"}]}',
        ),
        (
            "POST",
            "/trade/orders/batch",
            b'{"replace":true,"market":"BTC/USD","orders":[{"market":"BTC/USD","side":"sell","type":"limit",'
            b'"quantity":"2","price":"64002"}]}',
        ),
        ("POST", "/trade/cancel-after", b'{"timeout_ms":86400000}'),
        ("GET", "/session/stream-token", b""),
        ("POST", "/deposit/addresses", b'{"asset":"BTC"}'),
        ("DELETE", "/trade/orders", b""),
    ]
    with first.client() as here, second.client() as there:
        for method, path, body in requests:
            headers = auth.signed(method, path.encode(), body) | {"content-type": "application/json"}
            told = here.request(method, path, content=body, headers=headers)
            assert told.status_code in (200, 201, 422), told.text
            before = trader.get("/trade/orders")["items"]
            assert code(there.request(method, path, content=body, headers=headers)) == (401, "nonce_used"), path
            assert trader.get("/trade/orders")["items"] == before


def test_both_processes_at_once_place_one_order(pair: tuple[Server, Server]) -> None:
    first, second = pair
    trader = first.trader(BTC="10")
    auth = hmac_key(trader, "trade")
    body = b'{"market":"BTC/USD","side":"sell","type":"limit","quantity":"0.1","price":"64000"}'
    with first.client() as here, second.client() as there, concurrent.futures.ThreadPoolExecutor(8) as pool:
        for _ in range(20):
            headers = auth.signed("POST", b"/trade/orders", body) | {"content-type": "application/json"}
            sent = [
                pool.submit(client.post, "/trade/orders", content=body, headers=headers)
                for client in (here, there, here, there)
            ]
            assert sorted(one.result().status_code for one in sent) == [201, 401, 401, 401]
    assert len(trader.get("/trade/orders")["items"]) == 20


def test_a_revoked_key_fails_at_once_here_and_soon_everywhere(pair: tuple[Server, Server]) -> None:
    first, second = pair
    trader = first.trader()
    auth = hmac_key(trader, "read")
    with program(first, auth) as here, program(second, auth) as there:
        assert here.get("/account/balances").status_code == there.get("/account/balances").status_code == 200
        assert trader.http.delete(f"/account/api-keys/{auth.key_id}").status_code == 204
        assert code(here.get("/account/balances")) == (401, "key_not_valid")
        wait_until(
            lambda: there.get("/account/balances").status_code == 401,
            what="the other process refuses the revoked key",
        )
    assert code(trader.http.delete(f"/account/api-keys/{auth.key_id}")) == (404, "unknown_api_key")
    assert trader.get("/account/api-keys")["items"] == []


def test_a_stream_by_key_has_its_scopes_and_ends_with_it(server: Server, seller: Trader) -> None:
    def token(auth: KeyAuth) -> str:
        with program(server, auth) as client:
            return str(client.get("/session/stream-token").raise_for_status().json()["token"])

    order = {"symbol": "BTC/USD", "side": "sell", "order_type": "limit", "order_qty": 1, "limit_price": 64000}
    reader, trader = hmac_key(seller, "read"), hmac_key(seller, "trade")
    with Stream(server) as stream:
        reading, trading = token(reader), token(trader)
        assert stream.call("subscribe", channel="balances", token=reading)["success"]
        assert stream.call("add_order", token=reading, **order)["code"] == "scope_missing"
        assert stream.call("add_order", token=trading, **order)["success"]
        assert stream.call("subscribe", channel="executions", token=trading)["code"] == "scope_missing"
        seller.http.delete(f"/account/api-keys/{trader.key_id}")
        assert stream.close_code() == 4001


def test_another_address_is_refused_and_logged_and_the_list_can_be_changed(server: Server, seller: Trader) -> None:
    auth = hmac_key(seller, "read", addresses=["203.0.113.7", "2001:db8::/48"])
    with program(server, auth) as client:
        assert code(client.get("/account/balances")) == (403, "address_not_allowed")
        assert f"API key {auth.key_id}: refused from 127.0.0.1" in server.log.read_text()
        for address, allowed in (("203.0.113.7", 200), ("203.0.113.8", 403), ("2001:db8::1", 200), ("::1", 403)):
            assert client.get("/account/balances", headers={"X-Forwarded-For": address}).status_code == allowed
        change = {"addresses": ["127.0.0.0/8"], "name": "at home"}
        changed = seller.http.patch(f"/account/api-keys/{auth.key_id}", json=change).json()
        assert (changed["addresses"], changed["name"]) == (["127.0.0.0/8"], "at home")
        assert client.get("/account/balances").status_code == 200


def test_a_key_expires_and_its_last_use_is_told(server: Server, seller: Trader) -> None:
    end = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=2)
    auth = hmac_key(seller, "read", expires_at=end.isoformat())

    def listed() -> dict[str, Any]:
        (key,) = [key for key in seller.get("/account/api-keys")["items"] if key["id"] == auth.key_id]
        return dict(key)

    assert listed()["last_used_at"] is None
    with program(server, auth) as client:
        assert client.get("/account/balances").status_code == 200
        token = client.get("/session/stream-token").json()["token"]
        wait_until(lambda: listed()["last_used_at"], what="the use is written down")
        assert listed()["last_used_ip"] == "127.0.0.1"
        wait_until(lambda: dt.datetime.now(dt.UTC) > end, what="the key's end")
        assert code(client.get("/account/balances")) == (401, "key_expired")
    with Stream(server) as stream:
        assert stream.call("subscribe", channel="balances", token=token)["code"] == "key_expired"


@pytest.mark.parametrize(
    ("change", "status", "wanted"),
    [
        ({"scopes": []}, 400, "invalid_parameter"),
        ({"scopes": ["admin"]}, 400, "invalid_parameter"),
        ({"scopes": "read"}, 400, "invalid_parameter"),
        ({"name": ""}, 422, "invalid_field"),
        ({"name": "a\nb"}, 422, "invalid_field"),
        ({"name": "a\u0000"}, 422, "invalid_field"),
        ({"name": "x" * 65}, 400, "invalid_parameter"),
        ({"addresses": ["nowhere"]}, 422, "invalid_field"),
        ({"addresses": ["10.0.0.1/8"]}, 422, "invalid_field"),
        ({"addresses": ["10.0.0.1"] * 21}, 400, "invalid_parameter"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, 422, "invalid_field"),
        ({"expires_at": "2099-01-01T00:00:00"}, 422, "invalid_field"),
        ({"expires_at": "soon"}, 400, "invalid_parameter"),
        ({"public_key": ""}, 422, "invalid_field"),
        ({"public_key": "AAAA"}, 422, "invalid_field"),
        ({"public_key": "é"}, 422, "invalid_field"),
        ({"public_key": "-----BEGIN PUBLIC KEY-----"}, 422, "invalid_field"),
        ({"secret": "mine"}, 400, "invalid_parameter"),
    ],
)
def test_a_key_that_makes_no_sense_is_not_made(
    seller: Trader, change: dict[str, Any], status: int, wanted: str
) -> None:
    answer = seller.post("/account/api-keys", {"name": "a", "scopes": ["read"], **change})
    assert code(answer) == (status, wanted), answer.text
    assert seller.get("/account/api-keys")["items"] == []


def test_a_public_key_of_another_kind_is_refused(seller: Trader) -> None:
    other = X25519PrivateKey.generate().public_key()
    pem = other.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    answer = seller.post("/account/api-keys", {"name": "a", "scopes": ["read"], "public_key": pem})
    assert (*code(answer), "Ed25519" in answer.json()["detail"]) == (422, "invalid_field", True)


def test_an_account_has_at_most_fifty_keys(seller: Trader) -> None:
    def make(_: int) -> int:
        return seller.post("/account/api-keys", {"name": "one of many", "scopes": ["read"]}).status_code

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(make, range(53))) == [201] * 50 + [422] * 3


def test_nobody_sees_or_touches_another_ones_keys(seller: Trader, buyer: Trader) -> None:
    key = make_key(seller, "read")["id"]
    for answer in (
        buyer.http.delete(f"/account/api-keys/{key}"),
        buyer.http.patch(f"/account/api-keys/{key}", json={"name": "mine"}),
        buyer.http.delete("/account/api-keys/nonsense"),
    ):
        assert code(answer) == (404, "unknown_api_key")
    assert buyer.get("/account/api-keys")["items"] == []
