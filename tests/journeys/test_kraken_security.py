"""Who may make which call of the Kraken dialect, what a signed request is worth a second time, and what nonsense does."""

import concurrent.futures
import datetime as dt
import json
import random
import time
import urllib.parse
import uuid
from collections.abc import Iterator

import pytest

from exchange.kraken import DIALECT
from tests.fixtures import Cluster
from tests.fuzz.drawing import ODD_VALUES
from tests.kraken import KrakenClient, Refused, errors, fresh_nonce
from tests.server import Server, Trader, wait_until
from tests.signing import ed25519_key, make_key
from trading.kraken.weights import WEIGHTS

pytestmark = pytest.mark.usefixtures("silent_market")

WHO = {
    "public/Time": "all",
    "public/SystemStatus": "all",
    "public/Assets": "all",
    "public/AssetPairs": "all",
    "public/Ticker": "all",
    "public/OHLC": "all",
    "public/Depth": "all",
    "public/Trades": "all",
    "private/Balance": "read",
    "private/BalanceEx": "read",
    "private/TradeBalance": "read",
    "private/OpenOrders": "read",
    "private/ClosedOrders": "read",
    "private/QueryOrders": "read",
    "private/TradesHistory": "read",
    "private/QueryTrades": "read",
    "private/Ledgers": "read",
    "private/QueryLedgers": "read",
    "private/TradeVolume": "read",
    "private/GetWebSocketsToken": "any_key",
    "private/AddOrder": "trade",
    "private/AddOrderBatch": "trade",
    "private/AmendOrder": "trade",
    "private/EditOrder": "trade",
    "private/CancelOrder": "trade",
    "private/CancelOrderBatch": "trade",
    "private/CancelAll": "trade",
    "private/CancelAllOrdersAfter": "trade",
    "private/DepositMethods": "read",
    "private/DepositAddresses": "read",
    "private/DepositStatus": "read",
    "private/WithdrawAddresses": "withdraw",
    "private/WithdrawStatus": "withdraw",
    "private/Withdraw": "withdraw",
    "private/WithdrawCancel": "withdraw",
}
ORDER = "pair=BTCUSD&type=sell&ordertype=limit&volume=0.1&price=64000"
DENIED = ["EGeneral:Permission denied"]
KEY = ["EAPI:Invalid key"]
NONCE = ["EAPI:Invalid nonce"]
SIGNATURE = ["EAPI:Invalid signature"]


def with_nonce(fields: str = "", nonce: str | None = None) -> str:
    return f"nonce={nonce or fresh_nonce()}&{fields}".rstrip("&")


def test_every_call_is_written_down_and_asks_for_what_is_written() -> None:
    assert {name: call.needs for name, call in DIALECT.calls.items()} == WHO
    assert WEIGHTS.keys() == WHO.keys()


@pytest.mark.parametrize("scope", ["read", "trade", "withdraw"])
def test_a_key_makes_the_calls_of_its_scope_and_no_others(server: Server, seller: Trader, scope: str) -> None:
    client = KrakenClient(server, make_key(seller, scope))
    for name, needs in WHO.items():
        if needs == "all":
            continue
        told = errors(client.send(name.removeprefix("private/"), with_nonce()))
        assert (told == DENIED) == (needs not in (scope, "any_key")), (name, told)
        assert told != ["EGeneral:Internal error"], name
        other = client.send(name.removeprefix("private/"), with_nonce(), **{"X-Account": "1"})
        assert errors(other) == DENIED, name
    assert seller.get("/trade/orders")["items"] == []


def test_who_signs_nothing_is_nobody(server: Server, seller: Trader) -> None:
    signed_in = {"Authorization": f"Bearer {seller.token}"}
    for name, needs in WHO.items():
        if needs != "all":
            client = KrakenClient(server)
            for headers in ({}, signed_in):
                assert errors(client.http.post(f"/0/{name}", content=with_nonce(), headers=headers)) == KEY, name
            assert errors(client.http.get(f"/0/{name}")) == ["EGeneral:Unknown method"], name


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"API-Sign": "aGVsbG8="}, SIGNATURE),
        ({"API-Sign": "?"}, KEY),
        ({"API-Key": str(uuid.UUID(int=9))}, KEY),
        ({"API-Key": "not a key"}, KEY),
        ({}, NONCE),
    ],
)
def test_a_request_that_was_changed_or_repeated_is_refused(
    server: Server, seller: Trader, change: dict[str, str], error: list[str]
) -> None:
    client = KrakenClient(server, make_key(seller, "trade"))
    assert errors(client.send("AddOrder", with_nonce(ORDER))) == []
    assert errors(client.again(**change)) == error
    path, body, headers = client.sent
    assert errors(client.http.post(path, content=body + "0", headers=headers)) == SIGNATURE
    assert errors(client.http.post("/0/private/CancelAll", content=body, headers=headers)) == SIGNATURE
    assert len(seller.get("/trade/orders")["items"]) == 1


@pytest.mark.parametrize("late_s", [-6, 6])
def test_a_nonce_that_is_no_time_near_ours_is_refused(server: Server, seller: Trader, late_s: int) -> None:
    client = KrakenClient(server, make_key(seller, "read"))
    now_ms = time.time_ns() // 10**6
    for nonce in ("1", "x", str(now_ms - late_s * 1000), str((now_ms - late_s * 1000) * 10**6)):
        assert errors(client.send("Balance", with_nonce(nonce=nonce))) == NONCE
    assert errors(client.send("Balance", with_nonce(nonce=str(now_ms)))) == []
    assert errors(client.send("Balance", with_nonce(nonce=str(now_ms - 2000)))) == []


def test_parallel_clients_of_one_key_do_not_refuse_each_other(server: Server, seller: Trader) -> None:
    """Nor where their clocks tell the same: it is another request. In any order."""
    key = make_key(seller, "read")
    now_ms = time.time_ns() // 10**6
    sent = [with_nonce(f"asset=USD&n={number}", str(now_ms - number // 4)) for number in range(40)]

    def send(body: str) -> list[str]:
        return errors(KrakenClient(server, key).send("TradeBalance", body))

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert list(pool.map(send, sent)) == [[]] * 40
        assert list(pool.map(send, sent)) == [NONCE] * 40


def test_keys_of_other_kinds_places_and_times_are_refused(server: Server, seller: Trader) -> None:
    elsewhere = KrakenClient(server, make_key(seller, "read", addresses=["203.0.113.7"]))
    assert errors(elsewhere.send("Balance", with_nonce())) == DENIED
    assert errors(elsewhere.send("Balance", with_nonce(), **{"X-Forwarded-For": "203.0.113.7"})) == []
    public_key = KrakenClient(server, {"id": ed25519_key(seller, "read").key_id, "secret": "AAAA"})
    assert errors(public_key.send("Balance", with_nonce())) == SIGNATURE
    end = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=1)
    ending = KrakenClient(server, make_key(seller, "read", expires_at=end.isoformat()))
    wait_until(lambda: errors(ending.send("Balance", with_nonce())) == KEY, what="the key has expired")
    key = make_key(seller, "read")
    revoked = KrakenClient(server, key)
    assert errors(revoked.send("Balance", with_nonce())) == []
    seller.http.delete(f"/account/api-keys/{key['id']}").raise_for_status()
    assert errors(revoked.send("Balance", with_nonce())) == KEY


@pytest.fixture(scope="module")
def pair(cluster: Cluster) -> Iterator[tuple[Server, Server]]:
    """Two processes on one database."""
    database = cluster.copy("template_demo")
    with Server(database.url) as first, Server(database.url) as second:
        yield first, second
    cluster.drop(database)


def test_what_one_process_has_done_another_does_not_do_again(pair: tuple[Server, Server]) -> None:
    first, second = pair
    trader = first.trader(BTC="10")
    key = make_key(trader, "read", "trade")
    here, there = KrakenClient(first, key), KrakenClient(second, key)
    (txid,) = here.private("AddOrder", **dict(urllib.parse.parse_qsl(ORDER)))["txid"]
    calls = [
        ("AddOrder", ORDER),
        (
            "AddOrderBatch",
            "pair=BTCUSD&orders[0][type]=sell&orders[0][ordertype]=limit&orders[0][volume]=1&orders[0][price]=64001",
        ),
        ("AmendOrder", f"txid={txid}&order_qty=0.2"),
        ("EditOrder", f"txid={txid}&price=64500"),
        ("CancelAllOrdersAfter", "timeout=3600"),
        ("GetWebSocketsToken", ""),
        ("CancelAll", ""),
    ]
    for call, fields in calls:
        assert errors(here.send(call, with_nonce(fields))) == [], call
        before = trader.get("/trade/orders")["items"]
        path, body, headers = here.sent
        told = errors(there.http.post(path, content=body, headers=headers))
        gone = ["EOrder:Unknown order"]  # what was to be edited, if the other process knows that already
        assert told == NONCE or (call, told) == ("EditOrder", gone), (call, told)
        assert trader.get("/trade/orders")["items"] == before


def test_no_body_is_a_fault_of_ours(server: Server, seller: Trader) -> None:
    """Every call with odd fields, in forms and in JSON, signed and well formed but for them."""
    client = KrakenClient(server, make_key(seller, "read", "trade", "withdraw"))
    drawn = random.Random(20)
    names = [
        *("pair", "type", "ordertype", "volume", "price", "price2", "oflags", "timeinforce", "expiretm", "starttm"),
        *("cl_ord_id", "userref", "stptype", "displayvol", "validate", "deadline", "close", "orders", "txid"),
        *(
            "order_qty",
            "limit_price",
            "trigger_price",
            "post_only",
            "asset",
            "aclass",
            "start",
            "end",
            "ofs",
            "closetime",
        ),
        *(
            "trades",
            "id",
            "count",
            "since",
            "interval",
            "without_count",
            "leverage",
            "reduce_only",
            "trigger",
            "cl_ord_ids",
        ),
    ]
    fitting = (
        "BTCUSD",
        "sell",
        "limit",
        "0.1",
        "64000",
        "1",
        "true",
        "GTC",
        str(uuid.uuid4()),
        "12-t",
        "L1",
        "+5",
        "1e-400",
    )
    for call, needs in WHO.items():
        if call == "private/CancelAllOrdersAfter":
            continue
        for _ in range(14):
            chosen = {name: drawn.choice((*fitting, *ODD_VALUES)) for name in drawn.sample(names, drawn.randint(1, 12))}
            if needs == "all":
                query = {name: str(value) for name, value in chosen.items()}
                answer = client.http.get(f"/0/{call}", params=query)
            elif drawn.random() < 0.5:
                body = json.dumps({"nonce": fresh_nonce(), **chosen})
                answer = client.send(call.removeprefix("private/"), body, "application/json")
            else:
                body = urllib.parse.urlencode({"nonce": fresh_nonce(), **chosen})
                answer = client.send(call.removeprefix("private/"), body)
            assert "EGeneral:Internal error" not in errors(answer), (call, chosen)
    assert "Traceback" not in server.log.read_text(), server.log


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("[" * 30_000, "application/json"),
        ('{"a":' * 10_000, "application/json"),
        ("[]", "application/json"),
        ("nonce", "application/json"),
        ('"\\ud800"', "application/json"),
        ("nonce=1&nonce=2", "application/x-www-form-urlencoded"),
        ("a[b]=1&a=2", "application/x-www-form-urlencoded"),
        ("a=1&a[b]=2", "application/x-www-form-urlencoded"),
        ("a[0]=1&a[0][b]=2", "application/x-www-form-urlencoded"),
        ("&".join(f"a[{number}]=1" for number in range(2001)), "application/x-www-form-urlencoded"),
        ("%ff=%fe", "application/x-www-form-urlencoded"),
        ("x" * 70_000, "application/x-www-form-urlencoded"),
    ],
)
def test_what_cannot_be_read_is_invalid_and_the_connection_goes_on(server: Server, body: str, kind: str) -> None:
    client = KrakenClient(server)
    told = errors(client.http.post("/0/private/Balance", content=body, headers={"Content-Type": kind}))
    assert told[0].startswith(("EGeneral:Invalid arguments", "EAPI:Invalid key"))
    assert client.public("Time")
    with pytest.raises(Refused):
        client.public("Depth")
