"""The stream's document is in step with the code, and random requests over it bring no fault and no answer of another shape."""

import json

import httpx

from tests.fixtures import ROOT
from tests.server import Server

from .fuzzing import fuzz

DOCUMENT = json.loads((ROOT / "docs" / "asyncapi.json").read_text())
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
