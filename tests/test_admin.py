"""The admin: every table can be seen by those who may, by nobody else, and nothing can be changed there."""

import datetime as dt

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import resolve, reverse

from accounts.models import FactorReset, SecurityEvent, Session, User
from accounts.tests.people import add_app, make_user
from accounts.users import create_operator, register
from accounts.verification import level_of
from tests.fixtures import Database
from trading.tests.world import ALICE, BOB, do, limit, open_market, serving

PASSWORD = "a quiet long password"


@pytest.fixture
async def traded(database: Database) -> Database:
    async with serving() as runtime:
        await open_market(runtime)
        await do(runtime, limit(ALICE, "sell", 100, 10))
        answer = await do(runtime, limit(BOB, "buy", 100, 4))
        await runtime.projected(answer.seq)
    return database


def signed_in(*, operator: bool) -> Client:
    if operator:
        user = create_operator(email="operator@example.com", password=PASSWORD)
    else:
        registered = register(email="user@example.com", password=PASSWORD)
        assert registered is not None
        user = registered
    client = Client()
    client.post("/sign-in", {"email": user.email, "password": PASSWORD})
    return client


def pages(name: str) -> list[str]:
    resolve("/admin/")  # the registry is complete when the URLs are loaded
    return [reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{name}") for model in admin.site._registry]


def test_an_operator_sees_every_table_and_row(traded: Database) -> None:
    client = signed_in(operator=True)
    for path in [*pages("changelist"), reverse("admin:index")]:
        assert client.get(path).status_code == 200, path
    event = client.get(reverse("admin:trading_orderevent_change", args=[8])).content.decode()
    assert "PlaceOrder" in event and "price_ticks" in event
    entry = client.get(reverse("admin:ledger_entry_change", args=[9])).content.decode()
    assert "trade" in entry and "fee" in entry
    placed = client.get(reverse("admin:trading_orderevent_changelist"), {"kind": "PlaceOrder"}).content.decode()
    assert "2 events" in placed and "price_ticks 100" in placed
    found = client.get(reverse("admin:trading_order_changelist"), {"q": "8"}).content.decode()
    assert "1 order" in found


def test_nothing_can_be_added_changed_or_deleted(traded: Database) -> None:
    client = signed_in(operator=True)
    for path in pages("add"):
        assert client.get(path).status_code == 403, path
    assert client.post(reverse("admin:trading_orderevent_change", args=[8]), {"kind": "x"}).status_code == 403
    assert client.post(reverse("admin:trading_orderevent_delete", args=[8]), {"post": "yes"}).status_code == 403


def test_nobody_else_gets_in(traded: Database) -> None:
    user = signed_in(operator=False)
    for path in [*pages("changelist"), reverse("admin:index")]:
        for client in (user, Client()):
            answer = client.get(path, follow=True)
            assert answer.redirect_chain and "/admin/login/" in answer.redirect_chain[0][0], path
            assert "Journal, markets, books and people" not in answer.content.decode(), path


def test_passwords_and_token_hashes_are_never_shown(traded: Database) -> None:
    client = signed_in(operator=True)
    users = client.get(reverse("admin:accounts_user_changelist")).content.decode()
    assert "argon2" not in users


def test_an_operator_says_who_is_identified_and_that_is_logged(database: Database) -> None:
    operator = signed_in(operator=True)
    user = register(email="user@example.com", password=PASSWORD)
    assert user is not None
    path = reverse("admin:accounts_user_changelist")
    for action, level, events in [("identify", 2, 1), ("identify", 2, 1), ("withdraw_identification", 0, 2)]:
        answer = operator.post(path, {"action": action, "_selected_action": [str(user.id)]}, follow=True)
        assert answer.status_code == 200
        assert level_of(User.objects.get(id=user.id)) == level
        told = SecurityEvent.objects.filter(user=user, kind="level_changed")
        assert told.count() == events and "operator@example.com" in told.latest("id").detail
    assert [entry.change_message for entry in LogEntry.objects.order_by("id")] == [
        "Verification level 2.",
        "Verification level without identification.",
    ]


def test_an_admin_who_is_no_operator_identifies_nobody(database: Database) -> None:
    user = signed_in(operator=False)
    path = reverse("admin:accounts_user_changelist")
    (somebody,) = User.objects.all()
    User.objects.update(is_staff=True)
    somebody.user_permissions.add(Permission.objects.get(codename="view_user"))
    assert user.get(path).status_code == 200
    user.post(path, {"action": "identify", "_selected_action": [str(somebody.id)]})
    assert level_of(User.objects.get()) == 0


def test_two_of_the_staff_remove_lost_second_factors_each_having_proven_who_it_is(database: Database) -> None:
    owner = make_user("owner@example.com")
    add_app(owner, now=dt.datetime.now(dt.UTC))
    first, second = staff_client("first@example.com"), staff_client("second@example.com")
    users, resets = reverse("admin:accounts_user_changelist"), reverse("admin:accounts_factorreset_changelist")
    ask = {"action": "ask_for_factor_reset", "_selected_action": [str(owner.id)], "reason": "came with a passport"}
    assert "Prove anew" in first.post(users, ask, follow=True).content.decode()
    assert not FactorReset.objects.exists()
    Session.objects.update(factor_at=dt.datetime.now(dt.UTC))
    assert "Say in 1 to" in first.post(users, {**ask, "reason": ""}, follow=True).content.decode()
    assert "was asked for" in first.post(users, ask, follow=True).content.decode()
    reset = FactorReset.objects.get()
    approve = {"action": "approve", "_selected_action": [str(reset.id)]}
    assert "takes somebody else" in first.post(resets, approve, follow=True).content.decode()
    page = second.post(resets, approve, follow=True).content.decode()
    assert "was approved" in page and "came with a passport" in page
    reset.refresh_from_db()
    assert (reset.asked_by.email, str(reset.approved_by)) == ("first@example.com", "second@example.com")
    assert "was cancelled" in first.post(resets, {**approve, "action": "cancel"}, follow=True).content.decode()
    assert LogEntry.objects.filter(object_id=str(owner.id)).count() == 3
    told = SecurityEvent.objects.filter(user=owner, kind__startswith="factor_reset").order_by("id")
    assert [event.kind for event in told] == ["factor_reset_asked", "factor_reset_approved", "factor_reset_cancelled"]


def test_who_only_looks_into_the_admin_decides_on_no_second_factor(database: Database) -> None:
    user = signed_in(operator=False)
    (somebody,) = User.objects.all()
    User.objects.update(is_staff=True)
    somebody.user_permissions.add(*Permission.objects.filter(codename__in=["view_user", "view_factorreset"]))
    Session.objects.update(factor_at=dt.datetime.now(dt.UTC))
    owner = make_user("owner@example.com")
    add_app(owner, now=dt.datetime.now(dt.UTC))
    path = reverse("admin:accounts_user_changelist")
    assert user.get(path).status_code == 200
    ask = {"action": "ask_for_factor_reset", "_selected_action": [str(owner.id)], "reason": "because"}
    user.post(path, ask)
    assert not FactorReset.objects.exists()


def staff_client(email: str) -> Client:
    create_operator(email=email, password=PASSWORD)
    client = Client()
    client.post("/sign-in", {"email": email, "password": PASSWORD})
    return client
