"""Random requests over the documents of stream and REST bring no fault and no answer of another shape."""

import copy
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.fixtures import ROOT
from tests.server import Server

from .fuzzing import fuzz
from .rest import Fuzz

DOCUMENT = json.loads((ROOT / "docs" / "asyncapi.json").read_text())
OPENAPI = json.loads((ROOT / "docs" / "openapi.json").read_text())
SEEN = {
    *("subscribe_answer", "add_order_answer", "batch_add_answer", "cancel_all_answer", "refusal"),
    *("book_message", "level3_message", "executions_message", "balances_message", "status_message", "ohlc_message"),
}


def test_the_asyncapi_document_is_what_the_code_says_and_is_served(server: Server) -> None:
    assert httpx.get(f"{server.url}/api/asyncapi").json() == DOCUMENT
    assert "/api/asyncapi" in httpx.get(f"{server.url}/api/schema").text
    messages = DOCUMENT["channels"]["stream"]["messages"]
    used = {
        one["$ref"].rpartition("/")[2] for operation in DOCUMENT["operations"].values() for one in operation["messages"]
    }
    assert used <= messages.keys() == DOCUMENT["components"]["messages"].keys()


def test_random_requests_are_answered_as_the_document_says(server: Server) -> None:
    judged = fuzz(server, DOCUMENT, seed=20, requests=900)
    assert judged.keys() >= SEEN, sorted(SEEN - judged.keys())


def test_random_calls_are_answered_as_the_openapi_document_says(server: Server) -> None:
    fuzz = Fuzz(server, OPENAPI)
    fuzz.run(seed=20, cases=0, each=2)
    assert not fuzz.wrong, "\n".join(fuzz.wrong.values())
    named = {one["operationId"] for operations in OPENAPI["paths"].values() for one in operations.values()}
    assert {case.split()[0] for case in fuzz.judged} == named
    assert fuzz.judged.keys() >= {"place_order by session 201", "place_order by key 201"}
    assert "Traceback" not in server.log.read_text(), server.log


@pytest.mark.parametrize(
    ("path", "change"),
    [
        ("/public/time", lambda call: call["responses"].pop("200")),
        ("/public/time", lambda call: call["responses"]["200"]["content"].pop("application/msgpack")),
        ("/public/fees", lambda call: call["responses"].update({"200": call["responses"]["404"]})),
        ("/public/trades", lambda call: call["responses"].pop("404")),
    ],
)
def test_an_answer_that_is_not_in_the_document_is_found(
    server: Server, path: str, change: Callable[[dict[str, Any]], object]
) -> None:
    operations = copy.deepcopy(OPENAPI["paths"][path])
    change(operations["get"])
    fuzz = Fuzz(server, {**OPENAPI, "paths": {path: operations}})
    fuzz.run(seed=1, cases=0, each=6)
    assert fuzz.wrong
