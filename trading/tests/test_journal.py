"""The journal: gapless, chained, append-only, once per command id; by one writer or many."""

import threading
import uuid

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fixtures import Database
from trading.engine.commands import (
    KINDS,
    CancelAfter,
    CancelAll,
    CancelMarket,
    CancelReplace,
    Command,
    Credit,
    DefineAsset,
    Leg,
    Options,
    PlaceOrder,
    Tick,
)
from trading.journal.append import Known, append
from trading.journal.errors import JournalBroken
from trading.journal.read import check_head, head_seq, records_between, records_by_seq
from trading.journal.records import (
    FORMAT,
    GENESIS_HASH,
    Record,
    decode,
    derived_command_id,
    draft,
    encode,
    is_linked,
    new_command_id,
)
from trading.verify import verify

NOW_US = 1_800_000_000_000_000


def credit(amount: int = 1, command_id: str | None = None, account: int = 1):
    command = Credit(account=account, asset="BTC", amount_atoms=amount, source="faucet", reference="test")
    return draft(command, command_id=command_id or new_command_id(), request_id="r")


def test_a_batch_gets_consecutive_numbers_and_a_chain(database: Database) -> None:
    with database.connect() as connection:
        first = append(connection, [credit(1), credit(2)], now_us=NOW_US)
        second = append(connection, [credit(3)], now_us=NOW_US)
        records = list(records_between(connection, 0, head_seq(connection)))
    assert [record.seq for record in records] == [1, 2, 3]
    assert records == [*first.records, *second.records]
    previous = GENESIS_HASH
    for record in records:
        assert is_linked(previous, record)
        previous = record.hash


def test_time_never_steps_back(database: Database) -> None:
    with database.connect() as connection:
        (first,) = append(connection, [credit()], now_us=NOW_US).records
        (second,) = append(connection, [credit()], now_us=NOW_US - 1).records
        (third,) = append(connection, [credit()], now_us=NOW_US + 1).records
    assert [first.at_us, second.at_us, third.at_us] == [NOW_US, NOW_US, NOW_US + 1]


def test_a_command_id_is_written_once_within_a_batch_and_across_batches(database: Database) -> None:
    one = credit(5, "0190c0de-0000-7000-8000-000000000001")
    with database.connect() as connection:
        appended = append(connection, [one, one], now_us=NOW_US)
        again = append(connection, [credit(7), one], now_us=NOW_US)
        assert head_seq(connection) == 2
    assert [record.seq for record in appended.records] == [1]
    assert again.repeated[one.command_id] == appended.records[0]
    assert [record.seq for record in again.records] == [2]


def test_repeats_and_reads_leave_the_connection_as_it_was(database: Database) -> None:
    """psycopg answers a ROLLBACK by forgetting prepared statements on the server, ours too, once it has one of its own."""
    one = credit(5, "0190c0de-0000-7000-8000-000000000001")
    with database.connect() as connection:
        append(connection, [one], now_us=NOW_US)
        for _ in range(10):
            assert len(list(records_between(connection, 0, head_seq(connection)))) == 1
            assert append(connection, [one], now_us=NOW_US).records == []
        assert append(connection, [credit()], now_us=NOW_US).before == 1


def test_many_writers_leave_no_gap_and_break_no_chain(database: Database) -> None:
    def write() -> None:
        with database.connect() as connection:
            for _ in range(20):
                append(connection, [credit(), credit()], now_us=NOW_US)

    threads = [threading.Thread(target=write) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.connect() as connection:
        assert [record.seq for record in records_between(connection, 0, 240)] == list(range(1, 241))
        assert [f for f in verify(connection).findings if "event" in f] == []


def test_who_is_alone_continues_right_after_what_he_knows(database: Database) -> None:
    with database.connect() as connection:
        first = append(connection, [credit(1)], now_us=NOW_US).records[-1]
        known = Known(first.seq, first.hash)
        drafts = [credit(2), credit(3)]
        appended = append(connection, [*drafts, drafts[0]], now_us=NOW_US - 1, known=known, last_at_us=first.at_us)
        rows = list(records_between(connection, 0, 3))
        assert appended.before == 1 and appended.records == rows[1:] and appended.repeated == {}
        assert [record.command_id for record in rows[1:]] == [draft.command_id for draft in drafts]
        assert all(map(is_linked, [GENESIS_HASH, *(record.hash for record in rows[:-1])], rows))
        assert {record.at_us for record in rows} == {NOW_US}
        assert check_head(connection, Known(3, rows[-1].hash)) == 3


def test_who_is_not_alone_after_all_appends_behind_the_others(database: Database) -> None:
    with database.connect() as connection, database.connect() as other:
        first = append(connection, [credit(1)], now_us=NOW_US).records[-1]
        (theirs,) = append(other, [credit(2)], now_us=NOW_US + 5).records
        known = Known(first.seq, first.hash)
        appended = append(connection, [credit(3)], now_us=NOW_US, known=known, last_at_us=first.at_us)
        assert appended.before == 2
        assert [(record.seq, record.at_us) for record in appended.records] == [(3, NOW_US + 5)]
        assert is_linked(theirs.hash, appended.records[0])


def test_a_repeated_command_is_found_by_who_is_alone_too(database: Database) -> None:
    with database.connect() as connection:
        one = credit(1)
        (first,) = append(connection, [one], now_us=NOW_US).records
        known = Known(first.seq, first.hash)
        appended = append(connection, [credit(2), one], now_us=NOW_US, known=known, last_at_us=first.at_us)
        assert [record.seq for record in appended.records] == [2]
        assert appended.repeated == {one.command_id: first}


def test_a_writer_that_dies_before_commit_leaves_nothing(database: Database) -> None:
    with database.connect() as connection:
        append(connection, [credit()], now_us=NOW_US)
        connection.execute("BEGIN; SELECT * FROM journal_head FOR UPDATE")
        connection.execute("UPDATE journal_head SET seq = 99, at_us = at_us + 1")
        connection.close()
    with database.connect() as connection:
        assert append(connection, [credit()], now_us=NOW_US).before == 1


@pytest.mark.parametrize(
    "statement",
    ["UPDATE order_event SET kind = 'x'", "DELETE FROM order_event", "TRUNCATE order_event"],
)
@pytest.mark.parametrize("role", ["application", "owner"])
def test_the_database_refuses_to_change_events(database: Database, statement: str, role: str) -> None:
    with database.connect() as connection:
        append(connection, [credit()], now_us=NOW_US)
    connect = database.connect if role == "application" else database.connect_as_owner
    with connect() as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE journal_head SET seq = 1",
        "UPDATE journal_head SET at_us = at_us + 1",
        "UPDATE journal_head SET seq = 3, at_us = at_us - 1",
        "UPDATE journal_head SET seq = 3, id = 2",
        "DELETE FROM journal_head",
    ],
)
def test_the_head_only_moves_forward(database: Database, statement: str) -> None:
    with database.connect() as connection:
        append(connection, [credit(), credit()], now_us=NOW_US)
    with (
        database.connect_as_owner() as connection,
        pytest.raises(psycopg.errors.CheckViolation, match="only moves forward"),
    ):
        connection.execute(statement)


def test_reading_names_the_first_missing_event(database: Database) -> None:
    with database.connect() as connection:
        append(connection, [credit() for _ in range(5)], now_us=NOW_US)
    with database.connect_as_owner() as connection:
        connection.execute("ALTER TABLE order_event DISABLE TRIGGER order_event_append_only")
        connection.execute("DELETE FROM order_event WHERE seq = 3")
        with pytest.raises(JournalBroken, match="event 3 is missing"):
            list(records_between(connection, 0, 5))


def read_back(command: Command) -> Command:
    return decode(Record(1, 1, new_command_id(), type(command).__name__, encode(command), "r", FORMAT, bytes(32)))


def test_bodies_keep_every_byte_and_leave_out_what_is_not_given() -> None:
    order = PlaceOrder(account=1, market="A\\B", side="buy", type="limit", time_in_force="GTC", price_ticks=1)
    assert read_back(order) == order
    assert b"budget" not in encode(order)
    everything = CancelAll(account=1)
    assert encode(everything) == b'{"account":1}'
    assert read_back(everything) == everything


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_every_command_is_read_back_and_equal_ones_have_equal_bytes(data: st.DataObject) -> None:
    command: Command = data.draw(st.sampled_from(sorted(KINDS.values(), key=repr)).flatmap(st.from_type))
    body = encode(command)
    assert read_back(command) == command
    assert encode(read_back(command)) == body
    assert draft(command, command_id="x", request_id="r").body == body


def test_what_is_at_its_default_is_left_out_at_every_depth() -> None:
    order = PlaceOrder(
        account=1,
        market="A/B",
        side="buy",
        type="limit",
        time_in_force="GTC",
        price_ticks=5,
        quantity_lots=2,
        options=Options(display_lots=1, on_fill=(Leg(type="limit", price_ticks=7),)),
    )
    told = b'"account":1,"market":"A/B","side":"buy","type":"limit","time_in_force":"GTC","quantity_lots":2,"price_ticks":5'
    told += b',"options":{"display_lots":1,"on_fill":[{"type":"limit","price_ticks":7}]}'
    assert encode(order) == b"{" + told + b"}"
    assert encode(CancelReplace(account=1, order=9, place=order)) == b'{"account":1,"order":9,"place":{' + told + b"}}"
    assert encode(Tick()) == b"{}"


def test_a_row_has_the_account_and_the_market_that_its_command_is_about() -> None:
    place = PlaceOrder(account=1, market="A/B", side="buy", type="limit", time_in_force="GTC")
    for command, account, market in (
        (place, 1, "A/B"),
        (CancelReplace(account=1, order=9, place=place), 1, "A/B"),
        (CancelMarket(market="A/B", reason="test"), None, "A/B"),
        (CancelAfter(account=1, timeout_us=0), 1, None),
        (Tick(), None, None),
    ):
        one = draft(command, command_id=new_command_id(), request_id="r")
        assert (one.account, one.market) == (account, market)


def test_text_with_backslashes_and_tabs_survives_the_copy(database: Database) -> None:
    asset = DefineAsset(asset="A", name='tab\t back\\slash "quote" \n ünï', kind="fiat", decimals=2, trading_decimals=2)
    with database.connect() as connection:
        append(connection, [draft(asset, command_id=new_command_id(), request_id="r\t\\x")], now_us=NOW_US)
        (record,) = records_between(connection, 0, 1)
        assert decode(record) == asset
        assert connection.execute("SELECT request_id FROM order_event").fetchone() == ("r\t\\x",)


def test_events_are_found_by_number(database: Database) -> None:
    with database.connect() as connection:
        append(connection, [credit(n) for n in (1, 2, 3)], now_us=NOW_US)
        assert set(records_by_seq(connection, [1, 3])) == {1, 3}


def test_command_ids_are_uuids_new_ones_in_order_of_time_derived_ones_always_the_same() -> None:
    ids = [new_command_id() for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert uuid.UUID(ids[0]).version == 7
    assert [one[:8] for one in ids] == sorted(one[:8] for one in ids)
    assert derived_command_id("order", 1, "x") == derived_command_id("order", 1, "x")
    assert derived_command_id("order", 1, "x") != derived_command_id("order", 11, "x")
    assert derived_command_id("order", 1, "1x") != derived_command_id("order", 11, "x")
