"""Journals as they were written in every format ever released: they stay readable, and come to what they came to then.

A file is written once, by the version that brought the format or new commands, and never again.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from trading.engine.commands import KINDS, Credit
from trading.fold import Fold
from trading.journal.records import FORMAT, Record, decode, draft, is_same

GOLDEN = sorted((Path(__file__).parent / "golden").glob("journal-*.jsonl"))


def read(path: Path) -> tuple[list[Record], dict[str, Any]]:
    """The rows of a golden journal, and what they come to."""
    *rows, last = [json.loads(line) for line in path.read_text().splitlines()]
    records = [
        Record(
            row["seq"],
            row["at_us"],
            row["command_id"],
            row["kind"],
            row["body"].encode(),
            row["request_id"],
            row.get("format", 1),
            bytes.fromhex(row["hash"]),
        )
        for row in rows
    ]
    return records, last["end"]


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_golden_journal_is_whole_and_comes_to_what_it_came_to_then(path: Path) -> None:
    records, end = read(path)
    fold = Fold.new()
    for record in records:
        fold.apply(record)
    engine = fold.engine
    assert [list(balance) for balance in engine.all_balances()] == end["balances"]
    assert sorted(engine.orders) == end["open_orders"]
    assert engine.matcher.last_trade == end["last_trade"]
    assert engine.rules == end.get("rules", 1)
    seq, chain = end.get("outcome_chain", (0, "00" * 32))  # format 1 is from before there was a chain
    assert fold.chain.last == (seq, bytes.fromhex(chain))


def test_every_kind_of_command_is_in_the_newest_golden_journal() -> None:
    records, _ = read(GOLDEN[-1])
    assert {record.kind for record in records} == KINDS.keys()
    assert {record.format for record in records} == {FORMAT}


def test_a_credit_of_the_first_format_is_the_same_as_one_of_the_newest() -> None:
    records, _ = read(GOLDEN[0])
    rows = [record for record in records if record.kind == "Credit"]
    for record in rows:
        command = decode(record)
        assert isinstance(command, Credit) and command.source == json.loads(record.body)["kind"] == "faucet"
        again = draft(command, command_id=record.command_id, request_id="again")
        assert again.body != record.body and is_same(record, again)
