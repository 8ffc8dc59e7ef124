"""CSV exports over HTTP, as a person or a program saves them."""

import csv
import datetime as dt
import io
from decimal import Decimal

import pytest

from tests.server import Server, Trader
from tests.signing import hmac_key, program

pytestmark = pytest.mark.usefixtures("silent_market")


def test_exports_are_files_whose_totals_are_the_balances(server: Server, seller: Trader, buyer: Trader) -> None:
    seller.order("sell", "0.3", "64000")
    buyer.order("buy", "0.2", "64000")
    year = dt.datetime.now(dt.UTC).year
    with program(server, hmac_key(buyer, "read")) as client:
        answer = client.get("/account/export/ledger.csv")
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        assert answer.headers["content-disposition"] == 'attachment; filename="ledger.csv"'
        lines = list(csv.DictReader(io.StringIO(answer.text)))
        total = sum(Decimal(line["amount"]) for line in lines if line["asset"] == "USD")
        assert total == Decimal(buyer.balance("USD")["total"])
        (fill,) = csv.DictReader(io.StringIO(client.get("/account/export/trades.csv").text))
        (told,) = buyer.get("/trade/fills")["items"]
        assert {name: fill[name] for name in told if name in fill} == {
            name: str(told[name]) for name in told if name in fill
        }
        tax = list(csv.DictReader(io.StringIO(client.get("/account/export/tax.csv", params={"year": year}).text)))
        assert [line["row"] for line in tax] == ["change"] * (len(tax) - 2) + ["closing"] * 2
        assert client.head("/account/export/ledger.csv").content == b""


@pytest.mark.parametrize(
    "path",
    [
        "/account/export/tax.csv",
        "/account/export/tax.csv?year=x",
        "/account/export/tax.csv?year=0",
        "/account/export/tax.csv?year=9999",
        "/account/export/trades.csv?year=2026",
        "/account/export/ledger.csv?from=2026",
    ],
)
def test_a_question_that_makes_no_sense_is_a_problem_and_no_file(seller: Trader, path: str) -> None:
    answer = seller.http.get(path)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_parameter")
