"""The same events give the same bytes anywhere; the engine can reach nothing that would make them differ."""

import ast
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import trading.engine
from trading.engine import form
from trading.engine.commands import Event, Leg, Options, Tick
from trading.engine.engine import Engine
from trading.engine.fees import Rates
from trading.engine.snapshot import SnapshotInvalid, dump, load, state_hash

from . import flow
from .desk import ALICE, BOB, CAROL, Desk

SOURCES = sorted(set(Path(trading.engine.__file__).parent.glob("*.py")) - {Path(form.__file__)})
"""``form`` only looks for the compiled engine, before there is any state."""
ROOT = Path(trading.engine.__file__).parents[2]
IMPURE = {"asyncio", "datetime", "decimal", "io", "os", "random", "secrets", "socket", "threading", "time", "uuid"}


def run(seed: int, count: int, cut: int = 0) -> tuple[str, str]:
    """(hash of all outcomes, hash of the state) of a drawn flow; ``cut``: after which event it goes on from a snapshot."""
    engine = Engine()
    outcomes = hashlib.sha256()
    for event in flow.events(seed, count):
        outcomes.update(repr(engine.apply(event)).encode())
        if event.seq == cut:
            engine = load(dump(engine))
    return outcomes.hexdigest(), state_hash(engine)


def test_ten_seeds_of_pythons_hashes_and_a_snapshot_in_between_come_to_the_same() -> None:
    here = " ".join(run(seed=7, count=2_000))
    program = "from trading.tests.engine.test_determinism import run; print(*run(seed=7, count=2_000, cut=1_234))"
    for hash_seed in (*range(9), 4_242):
        environment = os.environ | {"PYTHONHASHSEED": str(hash_seed)}
        finished = subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
        )
        assert finished.stdout.strip() == here, f"PYTHONHASHSEED={hash_seed}"


def imported(tree: ast.Module) -> set[str]:
    """The top-level modules that a source imports; its own package is left out."""
    names = {
        alias.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
        assert not isinstance(node, ast.ImportFrom) or node.level < 2, "reaches out of the package"
    return names


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_the_engine_imports_the_standard_library_alone_and_nothing_impure(source: Path) -> None:
    """But for what mypyc's code runs on: only native code calls it, and types that are not there at run time."""
    names = imported(ast.parse(source.read_text())) - {"librt", "mypy_extensions"}
    assert names <= sys.stdlib_module_names
    assert not names & IMPURE


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_the_engine_has_no_float_no_set_and_no_check_that_can_be_switched_off(source: Path) -> None:
    for node in ast.walk(ast.parse(source.read_text())):
        assert not isinstance(node, (ast.Set, ast.SetComp, ast.Assert, ast.Div)), f"line {node}"
        assert not (isinstance(node, ast.Constant) and isinstance(node.value, float))
        assert not (isinstance(node, ast.Name) and node.id in {"set", "frozenset", "float", "hash", "id"})


def test_a_snapshot_loads_to_the_same_bytes() -> None:
    engine = Engine()
    for event in flow.events(seed=3, count=2_000):
        engine.apply(event)
    body = dump(engine)
    assert engine.orders
    assert dump(load(body)) == body
    assert hashlib.sha256(body).hexdigest() == state_hash(engine)


def test_a_snapshot_keeps_the_queue_the_rates_and_the_fractions_of_fees() -> None:
    desk = Desk()
    desk.buy(ALICE, 5, 100)
    desk.buy(BOB, 5, 100)
    order = desk.engine.orders[desk.seq - 1]
    order.fee_ppm_sum, order.rates = 123_456, Rates(0, 789)
    loaded = load(dump(desk.engine))
    assert [o.number for level in loaded.markets["BTC/USD"].book.bids for o in level] == [order.number, desk.seq]
    assert (loaded.orders[order.number].fee_ppm_sum, loaded.orders[order.number].taker_ppm) == (123_456, 789)
    assert loaded.orders[order.number].updated_at_us == order.updated_at_us


def test_a_snapshot_keeps_the_legs_whose_turn_has_not_come() -> None:
    """A hundred are placed in the event that brings them, the others in the next; what each is stands in the snapshot."""
    desk = Desk(maximum_open_orders=1_000)
    leg = Leg(type="stop", trigger_ticks=90, price_ticks=None)
    options = Options(on_fill=(leg,), self_trade_prevention="cancel_oldest", keep_on_disconnect=True)
    for number in range(110):
        desk.buy(ALICE if number % 2 else BOB, 1 + number, 100, options=options)
    desk.sell(CAROL, 110 * 111 // 2, 100)
    loaded, seq = load(dump(desk.engine)), desk.seq + 1
    outcomes = desk.do(Tick())
    assert [type(outcome).__name__ for outcome in outcomes].count("LegPlaced") == 10
    assert loaded.apply(Event(seq, seq, Tick())) == outcomes
    assert dump(loaded) == dump(desk.engine)


@pytest.mark.parametrize("damage", ["empty", "cut", "format", "hold", "field"])
def test_a_damaged_snapshot_is_refused(damage: str) -> None:
    desk = Desk()
    desk.buy(ALICE, 5, 100)
    body = dump(desk.engine)
    state = json.loads(body)
    if damage == "format":
        state["format"] += 1
    elif damage == "hold":
        state["orders"][0]["remaining_lots"] = 4
    elif damage == "field":
        del state["balances"]
    damaged = {"empty": b"", "cut": body[:-1]}.get(damage, json.dumps(state).encode())
    with pytest.raises(SnapshotInvalid):
        load(damaged)
