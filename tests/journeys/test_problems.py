"""The registry of problems: every code is documented, and reached by some test; here those that nothing else reaches."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from django.conf import settings

import funding.problems  # noqa: F401 (declares codes, as the next does)
import trading.problems  # noqa: F401
from accounts.problems import REGISTRY, Problem
from tests.fixtures import Database
from tests.server import Server, Trader
from tests.signing import hmac_key, program
from trading import runtime as runtime_module
from trading import submission
from trading.api.application import application
from trading.engine.commands import SetOwner
from trading.engine.outcomes import CommandRejected, Reason
from trading.runtime import Runtime
from trading.tests.world import do, serving

ROOT = Path(__file__).resolve().parents[2]
TESTS = ("accounts/tests", "funding/tests", "ledger/tests", "trading/tests", "tests")


def test_every_code_is_reached_by_a_test_that_names_it() -> None:
    sources = [path for folder in TESTS for path in (ROOT / folder).rglob("*") if path.suffix in (".py", ".txt")]
    text = "\n".join(path.read_text() for path in sources if "oracle" not in path.parts)
    assert [code for code in REGISTRY if code not in text and f"Reason.{code.upper()}" not in text] == []


def test_every_code_is_on_the_page_and_in_the_document(server: Server) -> None:
    page = httpx.get(f"{server.url}/docs/problems").text
    document = json.loads((ROOT / "docs" / "openapi.json").read_text())
    assert [code for code in REGISTRY if f'id="{code}"' not in page] == []
    assert document["components"]["schemas"]["ProblemBody"]["properties"]["code"]["enum"] == sorted(REGISTRY)
    assert [kind for kind in REGISTRY.values() if not kind.title.endswith(".")] == []


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "code"),
    [
        ("POST", "/public/time", {}, 405, "method_not_allowed"),
        ("PUT", "/session", {}, 405, "method_not_allowed"),
        ("POST", "/user", {"Accept": "application/xml"}, 406, "not_acceptable"),
        ("POST", "/user", {"Content-Type": "text/plain"}, 415, "unsupported_media_type"),
    ],
)
def test_what_is_wrong_with_a_request_as_such(
    server: Server, seller: Trader, method: str, path: str, headers: dict[str, str], status: int, code: str
) -> None:
    answer = seller.http.request(method, path, content=b"{}", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


def test_wrong_credentials(server: Server, seller: Trader) -> None:
    answer = httpx.post(f"{server.url}/session", json={"email": seller.email, "password": "not this one"})
    assert (answer.status_code, answer.json()["code"]) == (401, "wrong_credentials")


@pytest.mark.parametrize(
    ("asset", "quantity", "status", "code"),
    [("DOGE", "1", 404, "unknown_asset"), ("BTC", "0.000000001", 422, "too_precise")],
)
def test_amounts_of_what_there_is_not(seller: Trader, asset: str, quantity: str, status: int, code: str) -> None:
    answer = seller.post("/account/faucet", {"asset": asset, "quantity": quantity})
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_in_production_keys_work_and_there_is_no_faucet(production: Server) -> None:
    secure = {"X-Forwarded-Proto": "https"}
    given = {"email": "a@example.com", "password": "a quiet long password"}
    with production.client(**secure) as client:
        client.post("/user", json=given).raise_for_status()
        token = client.post("/session", json=given).raise_for_status().json()["token"]
    trader = Trader(production, given["email"], token)
    answer = trader.post("/account/faucet", {"asset": "BTC", "quantity": "1"})
    assert (answer.status_code, answer.json()["code"]) == (404, "no_faucet")
    with program(production, hmac_key(trader, "read")) as client:
        assert client.get("/account/balances").status_code == 200


async def ask(runtime: Any, method: str, path: str) -> tuple[int, str]:
    """Status and code of a request to the application, in this process."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"method": method, "path": path, "query_string": b"", "headers": [], "client": ("127.0.0.1", 1)}
    await application(runtime, scope, receive, send)
    return sent[0]["status"], json.loads(sent[1]["body"]).get("code", "")


async def test_a_process_that_reads_the_journal_is_not_ready(database: Database) -> None:
    runtime = Runtime()
    assert await ask(runtime, "GET", "/public/markets") == (503, "not_ready")
    assert await ask(runtime, "GET", "/health/live") == (200, "")
    runtime.pool.close()


async def test_an_error_that_nobody_foresaw_is_logged_and_told_as_one(caplog: pytest.LogCaptureFixture) -> None:
    assert await ask(None, "GET", "/public/markets") == (500, "internal_error")
    assert "AttributeError" in caplog.text


async def test_a_journal_that_stands_still(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its head is locked by somebody else: callers wait, then know nothing; beyond the queue's bound none is accepted."""
    monkeypatch.setattr(runtime_module, "ANSWER_WAIT_S", 0.5)
    monkeypatch.setattr(settings, "COMMAND_QUEUE_LIMIT", 1)
    async with serving() as runtime:
        with psycopg.connect(database.url) as lock:
            lock.execute("SELECT seq FROM journal_head FOR UPDATE")
            with pytest.raises(Problem) as late:
                await submit(runtime, 1)
            waiting = asyncio.ensure_future(submit(runtime, 2))
            await asyncio.sleep(0)
            with pytest.raises(Problem) as beyond:
                await submit(runtime, 3)
            with pytest.raises(Problem):
                await waiting
    assert (late.value.kind.code, late.value.kind.status) == ("outcome_unknown", 503)
    assert (beyond.value.kind.code, beyond.value.kind.status) == ("overloaded", 503)


async def submit(runtime: Runtime, account: int) -> None:
    await submission.submit(
        runtime,
        SetOwner(account=account, owner=1),
        command_id=f"00000000-0000-8000-8000-00000000000{account}",
        request_id="test",
    )


async def test_an_account_that_cannot_be_is_refused_by_the_engine(database: Database) -> None:
    async with serving() as runtime:
        answer = await do(runtime, SetOwner(account=0, owner=1))
        assert answer.applied is not None
        (refused,) = answer.applied.outcomes
        assert type(refused) is CommandRejected and refused.reason is Reason.INVALID_ACCOUNT
