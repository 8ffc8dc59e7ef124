"""Every list of the contract is read page by page: whole, in order, nothing twice."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.server import Server, Trader

DOCUMENT: dict[str, Any] = json.loads((Path(__file__).parents[2] / "docs" / "openapi.json").read_text())


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    found = schema
    while "$ref" in found:
        found = DOCUMENT["components"]["schemas"][found["$ref"].rpartition("/")[2]]
    return found


def is_list(call: dict[str, Any]) -> bool:
    contents = call["responses"].get("200", {}).get("content", {})
    return "next_cursor" in resolved(contents.get("application/json", {}).get("schema", {})).get("properties", {})


LISTS = [path for path, calls in DOCUMENT["paths"].items() if "get" in calls and is_list(calls["get"])]


@pytest.mark.parametrize("path", LISTS)
def test_every_list_takes_a_limit_of_50_unless_told_up_to_1000_and_a_cursor(path: str) -> None:
    parameters = {one["name"]: one["schema"] for one in DOCUMENT["paths"][path]["get"]["parameters"]}
    limit = parameters["limit"]
    assert (limit["minimum"], limit["maximum"], limit["default"]) == (1, 1000, 50)
    assert "cursor" in parameters


def walked(client: httpx.Client, path: str, **query: Any) -> list[Any]:
    items: list[Any] = []
    cursor = None
    while True:
        asked = query | ({"cursor": cursor} if cursor else {})
        page = client.get(path, params=asked).raise_for_status().json()
        assert len(page["items"]) <= query["limit"]
        items += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return items


@pytest.mark.parametrize("path", ["/public/assets", "/public/markets", "/public/fees", "/public/ticker"])
def test_a_short_list_in_pages_is_the_list(server: Server, path: str) -> None:
    names = [item.get("market", item.get("asset")) for item in httpx.get(server.url + path).json()["items"]]
    assert names == sorted(names) and len(names) >= 3
    with server.client() as client:
        for limit in (1, 2, len(names)):
            found = walked(client, path, limit=limit)
            assert [item.get("market", item.get("asset")) for item in found] == names


def test_the_weights_fill_several_pages(server: Server) -> None:
    with server.client() as client:
        whole = walked(client, "/public/limits", limit=1000)
        assert len(whole) > 100 and walked(client, "/public/limits", limit=33) == whole
        assert client.get("/public/limits").json()["items"] == whole[:50]


def test_what_is_mine_in_pages_is_what_is_mine(server: Server, buyer: Trader) -> None:
    for name in ("a", "b", "c"):
        buyer.post("/account/subaccounts", {"name": name}).raise_for_status()
        buyer.post("/account/api-keys", {"name": name, "scopes": ["read"]}).raise_for_status()
        httpx.post(f"{server.url}/session", json={"email": buyer.email, "password": "a quiet long password"})
    for path, column, order in (
        ("/account/subaccounts", "name", ["main", "a", "b", "c"]),
        ("/account/api-keys", "name", ["c", "b", "a"]),
        ("/account/balances", "asset", ["BTC", "ETH", "USD"]),
    ):
        for limit in (1, 2, 3, 4):
            assert [item[column] for item in walked(buyer.http, path, limit=limit)] == order
    sessions = [item["id"] for item in buyer.get("/session")["items"]]
    assert len(sessions) == 4 and [item["id"] for item in walked(buyer.http, "/session", limit=1)] == sessions
    assert [item["id"] for item in walked(buyer.http, "/session", limit=3)] == sessions


def test_a_key_that_is_revoked_meanwhile_moves_no_other(server: Server, buyer: Trader) -> None:
    for name in ("a", "b", "c"):
        buyer.post("/account/api-keys", {"name": name, "scopes": ["read"]}).raise_for_status()
    first = buyer.get("/account/api-keys", limit=2)
    buyer.http.delete(f"/account/api-keys/{first['items'][1]['id']}").raise_for_status()
    rest = buyer.get("/account/api-keys", limit=2, cursor=first["next_cursor"])
    assert [key["name"] for key in first["items"] + rest["items"]] == ["c", "b", "a"]


def test_candles_of_a_long_range_come_page_by_page(server: Server, seller: Trader, buyer: Trader) -> None:
    seller.order("sell", "1", "100")
    buyer.order("buy", "1", "100")
    query = {"market": "BTC/USD", "interval": "1m"}
    (last,) = httpx.get(f"{server.url}/public/candles", params=query | {"limit": 1}).json()["items"]
    span = {"start": last[0] - 5 * 60_000_000, "end": last[0] + 1}
    with server.client() as client:
        whole = walked(client, "/public/candles", **query, **span, limit=1000)
        assert whole[-1][0] == last[0]
        for limit in (1, 2, 5):
            assert walked(client, "/public/candles", **query, **span, limit=limit) == whole
        answer = client.get("/public/trades", params={"market": "BTC/USD", "since": 0, "cursor": "5"})
        assert (answer.status_code, list(answer.json()["errors"])) == (400, ["cursor"])
