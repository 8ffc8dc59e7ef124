"""What docs/security.md promises of the interface as a whole."""

import ast
import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from tests.fixtures import ROOT
from tests.server import PASSWORD, Server, Trader
from tests.signing import make_key

OPENAPI = json.loads((ROOT / "docs" / "openapi.json").read_text())
SCHEMAS = OPENAPI["components"]["schemas"]
NO_ID = "00000000-0000-4000-8000-000000000000"
TLS = {"X-Forwarded-Proto": "https"}
"""What the proxy in front says."""
SHOWN_ONCE = {("ApiKeyBody", "secret"), ("TotpOffer", "secret"), ("TotpOffer", "token"), ("Token", "token")}
SHOWN_ONCE |= {("StreamToken", "token"), ("RecoveryCodes", "recovery_codes")}
LEAKS = re.compile(
    r"Traceback|File \"|\.py\b|psycopg|django|msgspec|uvicorn|gunicorn|SELECT |INSERT |/tmp/|0x[0-9a-f]{8}", re.I
)
DIALS = {"urllib.request", "http.client", "httpx", "requests", "aiohttp", "urllib3", "grpc"}
DIALS |= {"websockets.asyncio.client", "bitcoinrpc.authproxy"}
"""Libraries that ask other hosts."""
DIALLERS = {
    "exchange/launch/start.py": "whether the server that it started is ready",
    "trading/bots/client.py": "the exchange, over its public interface",
    "trading/bots/session.py": "the exchange, over its public interface",
    "bitcoind_proxy/wire.py": "the sidecar of a node and the signer, which the operator names",
    "bitcoind_proxy/client.py": "the same",
    "bitcoind_proxy/mining.py": "the same, in a demo",
    "bitcoind_proxy/rpc.py": "the node, by its sidecar",
    "funding/signer/client.py": "the signer",
}
ANSWER = {
    "bitcoind_proxy/server.py",
    "bitcoind_proxy/service.py",
    "bitcoind_proxy/errors.py",
    "bitcoind_proxy/simulator/faults.py",
    "funding/signer/server.py",
    "funding/signer/service.py",
}
"""These speak gRPC and only answer."""


def bodies() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path and shape of the body of every call that takes one."""
    for path, operations in OPENAPI["paths"].items():
        for method, operation in operations.items():
            if "requestBody" in operation:
                yield method, path, operation["requestBody"]["content"]["application/json"]["schema"]


def fields(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every field of a shape by its path, those inside others too."""
    if "$ref" in schema:
        yield from fields(SCHEMAS[schema["$ref"].rpartition("/")[2]], path)
    for kind in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        yield from fields(kind, path)
    if "items" in schema:
        yield from fields(schema["items"], f"{path}[]")
    for name, field in schema.get("properties", {}).items():
        yield from fields(field, f"{path}.{name}")
    yield path, schema


def test_no_body_may_say_more_than_its_call_takes(server: Server, seller: Trader) -> None:
    operator = server.trader()
    with psycopg.connect(server.database_url, autocommit=True) as connection:
        connection.execute("UPDATE accounts_user SET role = 'operator' WHERE email = %s", (operator.email,))
    for method, path, _ in bodies():
        caller, no_id = (operator, "1") if path.startswith(("/staff", "/operator")) else (seller, NO_ID)
        answer = caller.http.request(method, re.sub(r"\{\w+\}", no_id, path), json={"role": "operator"})
        told = answer.json()
        assert (answer.status_code, told["code"]) == (400, "invalid_parameter"), (method, path, told)
        assert "unknown field `role`" in told["detail"], (method, path, told)


def test_nobody_gives_himself_a_role_or_a_key_more_than_it_had(server: Server, seller: Trader) -> None:
    body = {"email": "climber@example.com", "password": PASSWORD}
    for more in ({"role": "operator"}, {"is_staff": True}, {"level": 2}, {"email_verified_at": "2026-01-01T00:00:00Z"}):
        assert httpx.post(f"{server.url}/user", json=body | more).status_code == 400
    with psycopg.connect(server.database_url) as connection:
        found = connection.execute("SELECT 1 FROM accounts_user WHERE email = %s", (body["email"],)).fetchall()
    assert found == []
    key = make_key(seller, "read")
    for name, value in {"scopes": ["trade"], "expires_at": None, "account": 1, "public_key": None, "id": NO_ID}.items():
        answer = seller.http.patch(f"/account/api-keys/{key['id']}", json={name: value})
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_parameter"), (name, answer.text)
    (kept,) = [item for item in seller.get("/account/api-keys")["items"] if item["id"] == key["id"]]
    assert kept["scopes"] == ["read"]


def test_answers_have_no_field_for_a_secret_but_those_shown_once() -> None:
    asked = {
        field["$ref"].rpartition("/")[2] for _, _, shape in bodies() for _, field in fields(shape) if "$ref" in field
    }
    asked |= {shape["$ref"].rpartition("/")[2] for _, _, shape in bodies()}
    told = {(name, field) for name in SCHEMAS.keys() - asked for field in SCHEMAS[name].get("properties", ())}
    secret = re.compile("password|secret|(?<!block_)hash|sealed|token|recovery_codes$|is_staff|role")
    assert {one for one in told if secret.search(one[1])} == SHOWN_ONCE


def test_everything_that_is_sent_or_asked_for_has_a_bound() -> None:
    endless = []
    for method, path, shape in bodies():
        for name, field in fields(shape):
            is_text = field.get("type") == "string" and not {"maxLength", "pattern", "enum", "format"} & field.keys()
            is_endless = is_text and not name.endswith("_at")  # times end by themselves
            if is_endless or (field.get("type") == "array" and "maxItems" not in field):
                endless.append(f"{method} {path} {name}")
    for path, operations in OPENAPI["paths"].items():
        for parameter in operations.get("get", {}).get("parameters", ()):
            if parameter["name"] in ("limit", "depth") and parameter["schema"].get("maximum", 10**9) > 2000:
                endless.append(f"get {path} {parameter['name']}")
    assert endless == []


def test_no_address_that_somebody_sends_is_ever_asked(server: Server, seller: Trader) -> None:
    with socket.socket() as trap:
        trap.bind(("127.0.0.1", 0))
        trap.listen()
        address = f"127.0.0.1:{trap.getsockname()[1]}"
        for method, path, shape in bodies():
            body: dict[str, Any] = {}
            for name, field in fields(shape):
                if name.count(".") == 1 and "[]" not in name and _takes_text(field):
                    body[name[1:]] = f"http://{address}/"
            path = re.sub(r"\{\w+\}", f"http:%2F%2F{address}", path)
            headers = {"Referer": f"http://{address}/", "X-Forwarded-Host": address, "Forwarded": f"host={address}"}
            answer = seller.http.request(method, path, json=body, headers=headers)
            assert answer.status_code < 500, (method, path, answer.text)
            if "email" in body:
                seller.http.request(method, path, json=body | {"email": f"a@[{address}]"}, headers=headers)
        trap.settimeout(1)
        with pytest.raises(TimeoutError):
            trap.accept()


def _takes_text(field: dict[str, Any]) -> bool:
    return any(kind.get("type") == "string" for kind in (field, *field.get("anyOf", ())))


def test_the_exchange_asks_no_other_host() -> None:
    """Its database, Redis and mail server aside, which the operator names as the nodes and signers."""
    found = set()
    for app in ("accounts", "bitcoind_proxy", "exchange", "funding", "ledger", "trading"):
        for path in (ROOT / app).rglob("*.py"):
            parts = path.relative_to(ROOT).parts
            if not {"tests", "node_modules", "proto"} & set(parts) and _imports(path) & DIALS:
                found.add("/".join(parts))
    assert found == DIALLERS.keys() | ANSWER


def _imports(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


@pytest.mark.parametrize(
    "path",
    [
        *("/public/time", "/public/nowhere", "/trade/orders", "/account/export/ledger.csv", "/health/live"),
        *("/session", "/user", "/account/security", "/account/security/nowhere", "/api/schema"),
        *("/", "/sign-in", "/settings", "/nowhere", "/admin/login/", "/api/docs"),
    ],
)
def test_every_answer_says_how_a_browser_is_to_treat_it(production: Server, path: str) -> None:
    answer = httpx.get(production.url + path, headers=TLS)
    headers = answer.headers
    assert headers["x-content-type-options"] == "nosniff"
    assert "no-store" in headers["cache-control"]
    assert re.search(r"default-src '(none|self)'", headers["content-security-policy"])
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["strict-transport-security"].startswith("max-age=31536000; includeSubDomains")
    assert "server" not in headers and "x-powered-by" not in headers
    assert "access-control-allow-origin" not in headers
    if headers["content-type"].startswith("text/html"):
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == headers["cross-origin-opener-policy"] == "same-origin"


def test_an_export_is_kept_by_nobody_either(seller: Trader) -> None:
    headers = seller.http.get("/account/export/ledger.csv").headers
    assert (headers["cache-control"], headers["x-content-type-options"]) == ("no-store", "nosniff")


def test_cookies_are_for_this_site_over_tls_and_the_sessions_for_no_script(production: Server) -> None:
    with production.client(**TLS, Referer="https://127.0.0.1/sign-up") as browser:
        page = browser.get("/sign-up")
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
        assert token is not None
        form = {"email": "cookie@example.com", "password": PASSWORD, "csrfmiddlewaretoken": token[1]}
        cookie = f"csrftoken={page.cookies['csrftoken']}"  # of TLS: the client does not send it back by itself
        answer = browser.post("/sign-up", data=form, headers={"Cookie": cookie, "Origin": "https://127.0.0.1"})
    assert answer.status_code == 302, answer.text
    flags = {one.partition("=")[0]: one for one in answer.headers.get_list("set-cookie")}
    assert flags.keys() == {"csrftoken", "sessionid"}
    assert all("Secure" in one and "SameSite=Lax" in one and "Domain" not in one for one in flags.values())
    assert "HttpOnly" in flags["sessionid"]


def test_without_tls_a_page_is_only_told_where_it_is(production: Server) -> None:
    answer = httpx.get(f"{production.url}/sign-in")
    assert (answer.status_code, answer.headers["location"]) == (301, f"https://127.0.0.1:{production.port}/sign-in")


@pytest.mark.parametrize("path", ["/", "/sign-in", "/password-reset", "/session", "/account/security", "/admin/"])
def test_an_unknown_host_is_refused_and_not_repeated(production: Server, path: str) -> None:
    answer = httpx.get(production.url + path, headers={**TLS, "Host": "evil.example"})
    assert answer.status_code == 400
    assert "evil.example" not in answer.text + str(answer.headers)


def test_a_link_in_a_mail_leads_to_the_exchange_whatever_the_host(server: Server, seller: Trader) -> None:
    asked = httpx.post(
        f"{server.url}/user/password-reset",
        json={"email": seller.email},
        headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"},
    )
    assert asked.status_code == 202
    page = httpx.get(f"{server.url}/demo/mail", headers={"Host": "localhost"}).text
    assert "/password-reset/" in page and "evil.example" not in page


@pytest.mark.parametrize(
    ("method", "path", "content"),
    [
        ("POST", "/trade/orders", b"{"),
        ("POST", "/trade/orders", b'{"market": 1}'),
        ("POST", "/trade/orders", b"[" * 60_000),
        ("GET", "/trade/orders/%00", b""),
        ("GET", "/trade/orders/..%2f..%2fetc%2fpasswd", b""),
        ("GET", "/trade/fills?cursor='; DROP TABLE fill; --", b""),
        ("GET", "/public/orderbook?market=BTC/USD&depth=1e999", b""),
        ("GET", "/public/trades?market=%ff%fe", b""),
        ("POST", "/session", b'{"email": "a@example.com\\u0000", "password": "x"}'),
        ("POST", "/session", b'{"email": {"$gt": ""}, "password": "x"}'),
        ("POST", "/user", b"\xff\xfe"),
        ("DELETE", "/session/%00", b""),
        ("GET", "/account/security/events?cursor=99999999999999999999", b""),
        ("GET", "/nowhere/%00", b""),
        ("GET", "/markets/%00", b""),
        ("TRACE", "/public/time", b""),
        ("TRACE", "/session", b""),
    ],
)
def test_what_is_wrong_is_told_without_what_is_inside(
    server: Server, seller: Trader, method: str, path: str, content: bytes
) -> None:
    answer = seller.http.request(method, path, content=content, headers={"Content-Type": "application/json"})
    assert 400 <= answer.status_code < 500, answer.text
    assert not LEAKS.search(answer.text), answer.text
