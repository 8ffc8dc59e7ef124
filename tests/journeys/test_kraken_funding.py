"""Deposits and withdrawals in the Kraken dialect, by ccxt and by hand, at an exchange that takes and pays bitcoin."""

import time

import ccxt
import psycopg
import pytest

from tests.kraken import KrakenClient, Refused, errors
from tests.server import Server, Trader, wait_until
from tests.signing import make_key

from .test_ccxt import ccxt_of
from .test_withdrawals import add_address, bank, customer

__all__ = ["bank"]


@pytest.fixture
def rich(bank: Server) -> Trader:
    return customer(bank, "5")


def test_an_address_is_made_and_what_comes_is_listed(bank: Server, rich: Trader) -> None:
    client = ccxt_of(bank, rich, "read")
    wait_until(lambda: bool(client.fetch_deposit_methods("BTC")), what="the exchange knows that it takes bitcoin")
    assert [one["method"] for one in client.fetch_deposit_methods("BTC")] == ["Bitcoin"]
    assert client.fetch_deposit_methods("USD") == []
    made = client.create_deposit_address("BTC")
    assert made["address"].startswith("bcrt1q")
    assert client.fetch_deposit_address("BTC")["address"] == made["address"]
    assert rich.get("/deposit/addresses")["items"][0]["address"] == made["address"]
    kraken = KrakenClient(bank, make_key(rich, "read"))
    with pytest.raises(Refused, match="EFunding:No funding method"):
        kraken.private("DepositAddresses", asset="BTC", method="Lightning")
    with pytest.raises(Refused, match="EFunding:No funding method"):
        kraken.private("DepositAddresses", asset="ETH", new="true")
    with psycopg.connect(bank.database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO funding_deposit (asset, chain, txid, vout, amount_atoms, address_id, account_id, state, needed,"
            " is_coinbase, round, seen_at, changed_at) SELECT 'BTC', 'bitcoin:regtest', repeat('ab', 32), 0, 50000000, id,"
            " account_id, 'seen', 3, false, 0, now(), now() FROM funding_address WHERE address = %s",
            (made["address"],),
        )
    (deposit,) = client.fetch_deposits("BTC")
    assert (deposit["amount"], deposit["status"], deposit["txid"]) == (0.5, "pending", "ab" * 32)
    assert deposit["address"] == made["address"]
    assert client.fetch_deposits("BTC", since=int(time.time() * 1000) + 60_000) == []


def test_what_is_withdrawn_goes_to_a_registered_address_once(bank: Server, rich: Trader) -> None:
    text = add_address(rich, 4711)
    client = ccxt_of(bank, rich, "withdraw")
    made = client.withdraw("BTC", 0.5, text, params={"key": text[-8:]})
    (one,) = rich.get("/withdrawal")["items"]
    assert (one["id"], one["quantity"], one["address"]) == (made["id"], "0.50000000", text)
    (listed,) = client.fetch_withdrawals("BTC")
    assert (listed["id"], listed["address"], listed["info"]["status"]) == (made["id"], text, "Initial")
    assert listed["amount"] + listed["fee"]["cost"] == 0.5
    kraken = KrakenClient(bank, make_key(rich, "withdraw"))
    assert kraken.private("WithdrawAddresses", asset="BTC") == [
        {"address": text, "asset": "BTC", "method": "Bitcoin", "key": text[-8:], "verified": True}
    ]
    assert kraken.private("Withdraw", asset="BTC", key=text[-8:], amount="0.1")["refid"] != made["id"]
    assert errors(kraken.again()) == ["EAPI:Invalid nonce"]
    assert len(rich.get("/withdrawal")["items"]) == 2
    with pytest.raises(ccxt.InvalidAddress):
        client.withdraw("BTC", 0.5, text, params={"key": "another"})
    with pytest.raises(ccxt.InsufficientFunds):
        client.withdraw("BTC", 50, text, params={"key": text[-8:]})
    with pytest.raises(Refused, match="EFunding:Unknown withdraw key"):
        kraken.private("Withdraw", asset="BTC", key=text[-8:], amount="0.1", address="bcrt1qelsewhere")
    assert len(rich.get("/withdrawal")["items"]) == 2
    assert kraken.private("WithdrawCancel", asset="BTC", refid=made["id"]) is True
    with pytest.raises(Refused, match="EFunding:Unknown reference id"):
        kraken.private("WithdrawCancel", asset="BTC", refid="0")


def test_a_key_without_the_scope_withdraws_nothing(bank: Server, rich: Trader) -> None:
    text = add_address(rich, 4712)
    with pytest.raises(ccxt.PermissionDenied):
        ccxt_of(bank, rich, "read", "trade").withdraw("BTC", 0.5, text, params={"key": text[-8:]})
    assert rich.get("/withdrawal")["items"] == []


def test_somebody_elses_withdrawal_and_address_are_unknown(bank: Server, rich: Trader) -> None:
    other = customer(bank, "5")
    text = add_address(other, 4713)
    theirs = KrakenClient(bank, make_key(other, "withdraw")).private(
        "Withdraw", asset="BTC", key=text[-8:], amount="0.1"
    )
    kraken = KrakenClient(bank, make_key(rich, "withdraw"))
    with pytest.raises(Refused, match="EFunding:Unknown reference id"):
        kraken.private("WithdrawCancel", asset="BTC", refid=theirs["refid"])
    with pytest.raises(Refused, match="EFunding:Unknown withdraw key"):
        kraken.private("Withdraw", asset="BTC", key=text[-8:], amount="0.1")
    assert kraken.private("WithdrawStatus") == []
