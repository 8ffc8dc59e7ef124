"""The commands for people: what they say, what they do, and that doing it twice does it once."""

import re
from concurrent.futures import ThreadPoolExecutor

from tests.fixtures import Database, manage
from tests.production import ENVIRONMENT as PRODUCTION
from tests.production import SEALING_KEY
from tests.server import PASSWORD, Server, Trader


def balance(server: Server, trader: Trader, asset: str) -> str:
    return trader.balance(asset)["total"]


def test_a_credit_by_hand_is_one_event_and_one_effect(server: Server) -> None:
    trader = server.trader()
    arguments = ("credit", trader.email, "BTC", "1.5", "--reason", "a gift", "--reference", "gift-1")
    first = manage(*arguments, url=server.database_url)
    again = manage(*arguments, url=server.database_url)
    other = manage(*arguments[:3], "2", *arguments[4:], url=server.database_url, check=False)
    assert "Credited 1.5 BTC" in first.stdout and "already" in again.stdout
    assert other.returncode == 1 and "used for another credit" in other.stderr
    assert balance(server, trader, "BTC") == "1.50000000"
    (line,) = trader.get("/account/ledger", asset="BTC")["items"]
    assert (line["kind"], line["amount"]) == ("adjustment", "1.50000000")


def test_a_credit_says_what_is_wrong(server: Server) -> None:
    trader = server.trader()
    for email, asset, quantity, said in [
        ("nobody@example.com", "BTC", "1", "Nobody is known"),
        (trader.email, "DOGE", "1", "no asset"),
        (trader.email, "BTC", "-1", "decimal number"),
        (trader.email, "BTC", "0", "more than zero"),
        (trader.email, "BTC", "0.000000001", "At most 8 decimal places"),
    ]:
        refused = manage("credit", email, asset, quantity, "--reason=x", url=server.database_url, check=False)
        assert refused.returncode == 1 and said in refused.stderr, refused.stderr
    assert balance(server, trader, "BTC") == "0.00000000"


def test_a_credit_is_reversed_once_by_two_operators_at_once(server: Server) -> None:
    trader = server.trader()
    said = manage("credit", trader.email, "BTC", "2", "--reason", "a slip", url=server.database_url).stdout
    (event,) = re.findall(r"event (\d+)", said)
    with ThreadPoolExecutor() as pool:
        both = [pool.submit(manage, "reverse", event, "--reason", "x", url=server.database_url) for _ in range(2)]
        told = sorted(one.result().stdout for one in both)
    assert told[0].startswith("Reversed already") and told[1].startswith(f"Reversed the credit of event {event}")
    assert balance(server, trader, "BTC") == "0.00000000"
    lines = trader.get("/account/ledger", asset="BTC")["items"]
    assert [(line["kind"], line["amount"]) for line in lines] == [
        ("reversal", "-2.00000000"),
        ("adjustment", "2.00000000"),
    ]


def test_a_reversal_says_what_is_wrong(server: Server) -> None:
    trader = server.trader()
    said = manage("credit", trader.email, "BTC", "1", "--reason", "a slip", url=server.database_url).stdout
    (event,) = re.findall(r"event (\d+)", said)
    assert trader.order("sell", "1", "64000").status_code == 201
    for seq, words in ((event, "less available than was credited"), ("1", "no credit"), ("999999", "no event")):
        refused = manage("reverse", seq, "--reason", "x", url=server.database_url, check=False)
        assert refused.returncode == 1 and words in refused.stderr, refused.stderr
    assert balance(server, trader, "BTC") == "1.00000000"


def test_the_books_are_printed_and_in_balance(server: Server) -> None:
    trader = server.trader(BTC="2", USD="1000")
    assert trader.order("sell", "0.5", "64000").status_code == 201
    trader.get("/account/ledger")
    said = manage("books", url=server.database_url).stdout
    assert "NOT IN BALANCE" not in said and said.count("in balance") >= 2
    lines = {" ".join(line.split()) for line in said.splitlines()}
    assert "Sum 0.00000000 BTC" in lines
    past = manage("books", "--day", "2020-01-01", "--from", "2019-12-01", "--to", "2020-01-01", url=server.database_url)
    assert "at the end of 2020-01-01" in past.stdout and "2019-12-01 to 2020-01-01" in past.stdout


def test_balances_at_a_time_are_told_for_one_account_or_all(server: Server) -> None:
    trader = server.trader(BTC="2")
    before = trader.get("/account/ledger", asset="BTC")["items"][0]["at"]
    trader.order("sell", "0.5", "64000").raise_for_status()
    trader.get("/account/ledger")
    then = manage("balances", "--at", before, "--account", trader.email, url=server.database_url).stdout
    now = manage("balances", "--at", "2100-01-01", "--account", trader.email, url=server.database_url).stdout
    assert "BTC available 2.00000000 held 0.00000000" in then and "The ledger agrees." in then
    assert "BTC available 1.50000000 held 0.50000000" in now and "The ledger agrees." in now
    for arguments, words in (
        (("--at", "noon"), "Invalid isoformat"),
        (("--at", before, "--account", "nobody@example.com"), "Nobody is known"),
    ):
        refused = manage("balances", *arguments, url=server.database_url, check=False)
        assert refused.returncode == 1 and words in refused.stderr


def test_verify_is_silent_about_good_and_names_the_bad(demo_database: Database) -> None:
    assert "The journal is whole to event" in manage("verify", url=demo_database.url).stdout
    with demo_database.connect_as_owner() as connection:
        connection.execute("ALTER TABLE order_event DISABLE TRIGGER order_event_append_only")
        connection.execute("UPDATE order_event SET at_us = at_us + 1 WHERE seq = 4")
    wrong = manage("verify", url=demo_database.url, check=False)
    assert wrong.returncode == 1 and "WRONG: event 4 was altered" in wrong.stdout


def test_an_operator_is_made_once_and_gets_into_the_admin(server: Server) -> None:
    made = manage("createoperator", "boss@example.com", url=server.database_url, KONTOR_PASSWORD=PASSWORD)
    assert "is an operator now" in made.stdout
    again = manage("createoperator", "boss@example.com", url=server.database_url, check=False, KONTOR_PASSWORD=PASSWORD)
    assert again.returncode == 1 and "already has an account" in again.stderr


def test_the_demo_is_laid_out_once(demo_database: Database) -> None:
    assert "0 events written" in manage("lay_out_demo", url=demo_database.url).stdout


def test_the_demo_is_refused_outside_demo_settings(demo_database: Database) -> None:
    production = {
        "DJANGO_SETTINGS_MODULE": "exchange.settings.production",
        "SECRET_KEY": "x" * 60,
        "SEALING_KEYS": SEALING_KEY,
    }
    refused = manage("lay_out_demo", url=demo_database.url, check=False, **production)
    assert refused.returncode == 1 and "makes money out of nothing" in refused.stderr


def test_production_refuses_to_lift_rate_limits_and_to_run_without_a_secret(demo_database: Database) -> None:
    production = {"DJANGO_SETTINGS_MODULE": "exchange.settings.production"}
    without = manage("check", url=demo_database.url, check=False, **production)
    lifted = manage("check", url=demo_database.url, check=False, **production, SECRET_KEY="x" * 60, RATE_LIMITS="off")
    assert "Set SECRET_KEY" in without.stderr and "production refuses it" in lifted.stderr
    production |= {"SECRET_KEY": "unlike0others" * 5, "ALLOWED_HOSTS": "exchange.example"}
    unsealed = manage("check", url=demo_database.url, check=False, **production)
    short = manage("check", url=demo_database.url, check=False, **production, SEALING_KEYS=f"{SEALING_KEY},short")
    assert "Set SEALING_KEYS" in unsealed.stderr and "SEALING_KEYS must be keys of 32 bytes" in short.stderr
    production |= {"SEALING_KEYS": f"{SEALING_KEY},{SEALING_KEY}"}
    mistyped = manage("check", url=demo_database.url, check=False, **production, SMTP_SECURITY="ssl")
    without = manage("check", url=demo_database.url, check=False, **production, SMTP_USER="kontor")
    assert "none, starttls or tls" in mistyped.stderr and "Set SMTP_PASSWORD" in without.stderr


def test_djangos_deployment_check_finds_nothing_in_production(demo_database: Database) -> None:
    """No check is silenced; one that is not met, HTTPS to begin with, is found."""
    found = manage("check", "--deploy", "--fail-level", "DEBUG", url=demo_database.url, **PRODUCTION)
    assert "System check identified no issues (0 silenced)" in found.stdout + found.stderr
    weak = {**PRODUCTION, "SECRET_KEY": "short"}
    refused = manage("check", "--deploy", "--fail-level", "WARNING", url=demo_database.url, check=False, **weak)
    assert refused.returncode == 1 and "security.W009" in refused.stderr
