"""The tables of ``scenarios/``, one test each: the engine and the oracle come to what is written, and what is held is held."""

from pathlib import Path

import pytest

from trading.engine.engine import Engine
from trading.engine.snapshot import dump, load, state_hash
from trading.tests.engine.oracle import Oracle
from trading.tests.engine.scenario import MARKET, PEOPLE, Exchange, Scenario, Table, scenarios

FILES = sorted((Path(__file__).parent / "scenarios").glob("*.txt"))
ALL = [scenario for path in FILES for scenario in scenarios(path)]


def read_engine(exchange: Exchange, what: str) -> str:
    """``book``, or ``WHO has``: shown lots by price, best first; available and held of both assets."""
    assert isinstance(exchange, Engine)
    if what == "book":
        book = exchange.markets[MARKET].book
        sides = (("bids", book.levels("buy", 9)), ("asks", book.levels("sell", 9)))
        return ", ".join(
            f"{name} " + (" ".join(f"{lots} @ {price}" for price, lots in levels) or "none") for name, levels in sides
        )
    if what == "snapshot":
        assert dump(load(dump(exchange))) == dump(exchange)
        return state_hash(exchange)[:0]
    account = PEOPLE[what.split()[0]]
    usd, btc = exchange.balance(account, "USD"), exchange.balance(account, "BTC")
    return f"{usd[0]} and {usd[1]} held USD, {btc[0]} and {btc[1]} held BTC"


@pytest.mark.parametrize("scenario", ALL, ids=lambda scenario: scenario.name.replace(" ", "-"))
def test_the_engine_and_the_oracle_come_to_what_the_table_says(scenario: Scenario) -> None:
    engine, oracle = Engine(), Oracle()
    table = Table(engine, scenario.title, read_engine)
    other = Table(oracle, scenario.title, lambda exchange, what: "")
    for command, expected in scenario.lines:
        told = table.run(command)
        assert told == expected, command
        by_oracle = other.run(command)
        assert not by_oracle or by_oracle == expected, f"the oracle: {command}"
