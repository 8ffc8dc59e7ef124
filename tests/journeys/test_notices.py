"""What the staff tell everybody: by GET /public/status, over the stream and on the site, in every process; and what bounds it."""

import datetime as dt
import html
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.fixtures import Cluster
from tests.server import Server, Trader, wait_until

from .people import log_of, make_admin
from .stream_client import Stream

TEXT = 'Trading pauses for an update <b>& "more"</b>.'


@pytest.fixture(scope="module")
def admin(server: Server) -> Trader:
    return make_admin(server)


@pytest.fixture(autouse=True)
def nothing_told(admin: Trader) -> Iterator[None]:
    yield
    for one in admin.get("/staff/notices")["items"]:
        if one["withdrawn_at"] is None:
            admin.http.delete(f"/staff/notices/{one['id']}").raise_for_status()


@pytest.fixture
def second(cluster: Cluster, server: Server) -> Iterator[Server]:
    """Another process on the same journal."""
    with Server(server.database_url) as other:
        yield other


def hours(number: float) -> str:
    return (dt.datetime.now(dt.UTC) + dt.timedelta(hours=number)).isoformat()


def publish(admin: Trader, text: str = TEXT, **more: Any) -> dict[str, Any]:
    return dict(admin.post("/staff/notices", {"text": text, **more}).raise_for_status().json())


def status(server: Server) -> dict[str, Any]:
    with server.client() as client:
        return dict(client.get("/public/status").raise_for_status().json())


def test_f147_a_notice_is_told_everywhere_until_it_is_withdrawn(server: Server, second: Server, admin: Trader) -> None:
    with Stream(server) as here, Stream(second) as there:
        for stream in (here, there):
            stream.call("subscribe", channel="status")
        one = publish(admin, severity="maintenance", starts_at=hours(1))
        assert status(server)["announcements"] == [{name: one[name] for name in status(server)["announcements"][0]}]
        assert status(server)["notices"] == [one["words"]]
        assert one["words"] == f"Maintenance from {one['starts_at'][:16].replace('T', ' ')} UTC: {TEXT}"
        wait_until(lambda: status(second)["notices"] == [one["words"]], what="it is told there")
        for stream in (here, there):
            told = stream.first(
                lambda m: m.get("channel") == "status" and bool(m["data"][0]["announcements"]), what="told"
            )
            assert told["data"][0]["announcements"][0]["id"] == one["id"]
            assert told["data"][0]["notices"] == [one["words"]]
        with server.client() as client:
            for path in ("/", "/status", "/markets/BTC-USD", "/sign-in"):
                page = client.get(path).text
                assert html.escape(one["words"]) in page and "<b>" not in page
        withdrawn = admin.http.delete(f"/staff/notices/{one['id']}").raise_for_status().json()
        assert (withdrawn["withdrawn_by"], withdrawn["id"]) == (admin.email, one["id"])
        assert status(server)["notices"] == status(server)["announcements"] == []
        wait_until(lambda: status(second)["notices"] == [], what="it is over there")
        for stream in (here, there):
            stream.first(lambda m: m.get("channel") == "status" and not m["data"][0]["announcements"], what="over")


def test_a_notice_whose_time_is_over_is_told_no_more(server: Server, admin: Trader) -> None:
    publish(admin, ends_at=hours(1.5 / 3600))
    assert len(status(server)["notices"]) == 1
    wait_until(lambda: status(server)["notices"] == [], what="its time is over")
    with server.client() as client:
        assert "data-notice" not in client.get("/status").text


def test_each_act_is_kept_with_who_did_it_and_cannot_be_changed(server: Server, admin: Trader) -> None:
    one = publish(admin, "Deposits are slow.", severity="incident", starts_at=hours(-2))
    for _ in range(2):
        again = admin.http.delete(f"/staff/notices/{one['id']}").raise_for_status().json()
    (kept, *_) = admin.get("/staff/notices", limit=1)["items"]
    assert kept == again and (kept["published_by"], kept["withdrawn_by"]) == (admin.email, admin.email)
    mine = [line for line in log_of(admin) if line.split(":")[0].endswith(f"notice {one['id']}")]
    assert mine == [f"withdrew notice {one['id']}", f"published notice {one['id']}: Deposits are slow."]
    for act in ("UPDATE accounts_notice SET text = 'x'", "DELETE FROM accounts_notice_withdrawal"):
        with psycopg.connect(server.database_url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(act)


def test_the_database_itself_keeps_notices_as_they_were(cluster: Cluster, server: Server, admin: Trader) -> None:
    """For its owner too, who has every right."""
    publish(admin)
    name = psycopg.conninfo.conninfo_to_dict(server.database_url)["dbname"]
    owner = cluster.postgres.url(str(name), "kontor_owner")
    for act in ("UPDATE accounts_notice SET text = 'x'", "DELETE FROM accounts_notice"):
        with (
            psycopg.connect(owner) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"),
        ):
            connection.execute(act)


def test_pages_of_notices_are_newest_first(admin: Trader) -> None:
    made = [publish(admin, f"Notice {number}.")["id"] for number in range(3)]
    first = admin.get("/staff/notices", limit=2)
    then = admin.get("/staff/notices", limit=2, cursor=first["next_cursor"])
    assert [one["id"] for one in [*first["items"], *then["items"]]][:3] == made[::-1]


def test_so_many_stand_at_once_and_the_same_words_once(server: Server, admin: Trader) -> None:
    first = admin.post("/staff/notices", {"text": "One."})
    again = admin.post("/staff/notices", {"text": " One. "})
    assert (first.status_code, again.status_code, again.json()["id"]) == (201, 200, first.json()["id"])
    for number in range(4):
        publish(admin, f"Notice {number}.")
    refused = admin.post("/staff/notices", {"text": "One more."})
    assert (refused.status_code, refused.json()["code"]) == (422, "too_many_notices")
    assert len(status(server)["notices"]) == 5


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"text": ""}, 400, "text"),
        ({"text": "x" * 281}, 400, "text"),
        ({"text": " "}, 400, "text"),
        ({"text": "two\nlines"}, 400, "text"),
        ({"text": "turned \u202e round"}, 400, "text"),
        ({"text": "x", "severity": "loud"}, 400, "severity"),
        ({"text": "x", "starts_at": "2026-11-22T02:00:00"}, 400, "starts_at"),
        ({"text": "x", "starts_at": "0001-01-01T00:00:00+10:00"}, 422, "starts_at"),
        ({"text": "x", "ends_at": "9999-12-31T23:59:59-10:00"}, 422, "ends_at"),
        ({"text": "x", "ends_at": hours(-1)}, 422, "ends_at"),
        ({"text": "x", "starts_at": hours(2), "ends_at": hours(1)}, 422, "ends_at"),
    ],
)
def test_what_makes_no_notice_is_refused_by_its_field(
    server: Server, admin: Trader, body: dict[str, str], code: int, field: str
) -> None:
    answer = admin.post("/staff/notices", body)
    assert (answer.status_code, list(answer.json()["errors"])) == (code, [field]), answer.text
    assert status(server)["notices"] == []


@pytest.mark.parametrize("thing", ["123456789", "0", "x", "9" * 19, "-1"])
def test_a_notice_that_is_not_there_is_unknown(admin: Trader, thing: str) -> None:
    answer = admin.http.delete(f"/staff/notices/{thing}")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_notice")
