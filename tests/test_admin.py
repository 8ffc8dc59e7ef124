"""The admin: every table can be seen by those who may, by nobody else, and nothing can be changed there."""

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import resolve, reverse

from accounts.users import create_operator, register
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
    client.force_login(user)
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
