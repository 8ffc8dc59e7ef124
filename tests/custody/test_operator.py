"""GET /operator/status: what an operator sees of custody, when all is well and when withdrawals are stopped; and the commands."""

import io
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import User
from funding.reconciliation import reconcile
from trading.engine.commands import MoveCustody

from .till import Till

PASSWORD = "a quiet long password"
MUCH, SOME = 40 * 10**6, 10**6


def signed_in(email: str, role: str) -> Client:
    body = {"email": email, "password": PASSWORD}
    Client().post("/user", body, content_type="application/json")
    User.objects.filter(email=email).update(role=role)
    answer = Client().post("/session", body, content_type="application/json")
    return Client(headers={"authorization": f"Bearer {answer.json()['token']}"})


def status(client: Client) -> dict[str, Any]:
    answer = client.get("/operator/status")
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def test_an_operator_sees_what_is_hot_and_why_withdrawals_are_stopped(simulated_till: Till) -> None:
    cache.clear()
    till = simulated_till
    olga = signed_in("olga@example.com", "operator")
    assert signed_in("ada@example.com", "admin").get("/operator/status").status_code == 403
    assert status(olga)["assets"][0]["reconciliation"] is None
    till.fund(MUCH)
    till.request(SOME)
    till.settle()
    reconcile("BTC", till.world.chain, till.node, now=till.now())
    fee = till.attempts()[0].fee_atoms
    (asset,), (chain,) = status(olga)["assets"], status(olga)["chains"]
    assert (asset["asset"], asset["open_payouts"], asset["waiting_withdrawals"], asset["stop"]) == ("BTC", 1, 0, None)
    assert asset["hot"] == f"0.{MUCH - SOME - fee:08d}"
    assert (asset["reconciliation"]["hot_coins"], asset["reconciliation"]["differences"]) == ("0.40000000", None)
    assert (chain["chain"], chain["stopped_because"]) == (till.world.chain, None)

    lost = MoveCustody(asset="BTC", amount_atoms=7, source="custody_cold", target="custody_hot", reference="by hand")
    till.books.do(lost)
    reconcile("BTC", till.world.chain, till.node, now=till.now())
    told = status(olga)
    assert told["assets"][0]["stop"]["words"] == told["assets"][0]["reconciliation"]["differences"]
    assert told["assets"][0]["reconciliation"]["cold_books"] == "-0.00000007"
    assert [alarm["subject"] for alarm in told["alarms"]] == ["reconciliation of BTC"]


def test_people_bump_and_cancel_by_commands(simulated_till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    till = simulated_till
    monkeypatch.setattr(settings, "FUNDING_NODES", {till.world.chain: till.world.target})
    till.fund(MUCH)
    till.request(SOME)
    till.settle()
    (first,) = till.attempts()
    said = io.StringIO()
    call_command("bump_payout", str(first.payout_id), stdout=said)
    till.settle()
    second = till.attempts()[-1]
    assert second.txid in said.getvalue()
    assert till.node.mempool_entry(second.txid).fee_sats > first.fee_atoms
    call_command("cancel_payout", str(first.payout_id), stdout=said)
    with pytest.raises(CommandError, match="is being cancelled"):
        call_command("cancel_payout", str(first.payout_id))
    till.finish()
    assert till.withdrawals() == ["returned"]
    for command, words in (("bump_payout", "no open payout"), ("cancel_payout", "no open payout")):
        with pytest.raises(CommandError, match=words):
            call_command(command, str(first.payout_id))
    with pytest.raises(CommandError, match="There is no payout 99"):
        call_command("bump_payout", "99")
