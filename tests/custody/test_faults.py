"""What breaks between the exchange, its node and its journal: nothing is lost, nothing is credited twice."""

import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from django.db import connections

from bitcoind_proxy.errors import NodeFailure
from bitcoind_proxy.simulator.faults import FAULTS, Fault
from funding.addresses import AddressBroken, addresses_of, verified
from funding.crediting import Crediting, credit_id
from funding.models import Alarm, ChainCursor, Deposit
from funding.scanning import OvertakenByAnother, Scanner, ScanStopped, resume
from trading.engine.commands import Credit, DefineAsset, DefineMarket, FeeTier, PlaceOrder
from trading.journal.append import append
from trading.journal.records import draft

from .stage import SMALL, Stage
from .worlds import SimulatedWorld, client

FLOOD = 50_000

FAULT_TIMEOUT_S = 0.5
EVERY: dict[Fault, int] = {"lost": 1, "refused": 5, "timed_out": 9}
"""A lost reply at every call; the others, which cost the exchange the same, at every so many."""


def simulated(stage: Stage) -> SimulatedWorld:
    assert isinstance(stage.world, SimulatedWorld)
    return stage.world


def history(stage: Stage, act: object) -> None:
    """A deposit that is credited, taken back by a reorganisation, mined again, and credited again; ``act`` after each."""
    assert callable(act)
    stage.pay((stage.address(), SMALL))
    act()
    stage.world.mine()
    act()
    stage.world.reorganise(1)
    act()
    stage.world.mine()
    act()


def outcome_of(stage: Stage) -> tuple[str, int, int]:
    deposit = stage.deposits()[-1]
    return deposit.state, deposit.round, stage.balance()


@pytest.mark.parametrize("fault", FAULTS)
def test_any_call_may_fail_and_the_process_start_anew(simulated_stage: Stage, fault: Fault) -> None:
    """The same history as often as it makes calls, each time with another one that fails and ends the process."""
    stage, faults = simulated_stage, simulated(simulated_stage).faults
    before = faults.calls
    history(stage, stage.settle)
    calls = faults.calls - before
    assert outcome_of(stage) == ("credited", 1, SMALL)
    stage.node.close()
    stage.node = client(stage.world, FAULT_TIMEOUT_S)
    failed = 0

    def survive() -> None:
        nonlocal failed
        while True:
            try:
                stage.settle()
            except NodeFailure:
                failed += 1
                continue
            return

    for number in range(0, calls, EVERY[fault]):
        faults.plan(fault, after=number)
        history(stage, survive)
        faults.clear()
        assert outcome_of(stage)[:2] == ("credited", 1)
    assert failed
    assert stage.balance() == len(stage.deposits()) * SMALL
    stage.check_books()


def dead_before_its_credit(stage: Stage) -> Deposit:
    """A deposit that is marked as being credited, by a process that died before it could ask."""
    reached = Scanner(stage.world.chain, stage.node, stage.now).round()
    assert reached is not None
    connection = psycopg.connect(stage.books.connection.info.dsn, autocommit=True)
    connection.close()
    with pytest.raises(psycopg.OperationalError):
        Crediting(stage.world.chain, connection, stage.now).round(reached)
    (deposit,) = stage.deposits()
    assert (deposit.state, deposit.credit_seq) == ("crediting", None)
    return deposit


def ask_for_credit(stage: Stage, deposit: Deposit) -> None:
    """What the process wrote to the journal before it died."""
    command = Credit(
        account=deposit.account_id,
        asset=deposit.asset,
        amount_atoms=int(deposit.amount_atoms),
        source="deposit",
        reference=f"{deposit.chain} {deposit.txid}:{deposit.vout}",
    )
    drafts = [draft(command, command_id=credit_id(deposit), request_id="test")]
    append(stage.books.connection, drafts, now_us=stage.books.now_us)


@pytest.mark.parametrize("in_journal", [True, False])
@pytest.mark.parametrize("is_double_spent", [True, False])
def test_death_between_mark_journal_and_note(simulated_stage: Stage, in_journal: bool, is_double_spent: bool) -> None:
    """Whether or not the journal has the credit, and whatever the chain did before the next start."""
    stage = simulated_stage
    txid = stage.pay((stage.address(), SMALL))
    stage.world.mine()
    deposit = dead_before_its_credit(stage)
    if in_journal:
        ask_for_credit(stage, deposit)
    if is_double_spent:
        stage.world.reorganise(1, double_spent=[txid])
    stage.settle()
    state, _, balance = outcome_of(stage)
    if not is_double_spent:
        assert (state, balance) == ("credited", SMALL)
    elif in_journal:
        assert (state, balance) == ("reversed", 0)
    else:
        assert (state, balance) == ("crediting", 0)
    stage.check_books()


def test_a_reversal_that_was_begun_is_carried_through(simulated_stage: Stage) -> None:
    """The transaction is in a block again before the next start: the credit is taken back once, and given once more."""
    stage = simulated_stage
    stage.pay((stage.address(), SMALL))
    stage.world.mine()
    stage.settle()
    stage.world.reorganise(1)
    reached = Scanner(stage.world.chain, stage.node, stage.now).round()
    assert reached is not None
    connection = psycopg.connect(stage.books.connection.info.dsn, autocommit=True)
    connection.close()
    with pytest.raises(psycopg.OperationalError):
        Crediting(stage.world.chain, connection, stage.now).round(reached)
    assert (stage.states(), stage.deposits()[0].reversal_seq) == (["reversing"], None)
    stage.world.mine()
    stage.settle()
    assert outcome_of(stage) == ("credited", 1, SMALL)
    stage.check_books()


def test_of_two_watchers_one_reads_on(simulated_stage: Stage) -> None:
    stage = simulated_stage
    stage.pay((stage.address(), SMALL))
    stage.world.mine()
    reached = Scanner(stage.world.chain, stage.node, stage.now).round()
    assert reached is not None
    stage.world.mine()
    stage.settle()
    with pytest.raises(OvertakenByAnother):
        # the slower one decides on what does not hold any more
        Deposit.objects.filter(state="credited").update(block_hash=None, block_height=None)
        Crediting(stage.world.chain, stage.books.connection, stage.now).round(reached)
    assert stage.balance() == SMALL


def test_two_watchers_at_once_credit_once(simulated_stage: Stage) -> None:
    stage = simulated_stage
    for _ in range(5):
        stage.pay((stage.address(), SMALL))
    stage.world.mine()
    Scanner(stage.world.chain, stage.node, stage.now).round()
    moment = threading.Barrier(2)

    def watch() -> None:
        moment.wait()
        try:
            for _ in range(3):
                stage.new_watcher().round()
        except OvertakenByAnother:
            return
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(watch) for _ in range(2)]:
            done.result()
    stage.settle()
    assert (set(stage.states()), stage.balance()) == ({"credited"}, 5 * SMALL)
    stage.check_books()


def test_a_replaced_payment_is_gone_and_its_replacement_credits_nobody(simulated_stage: Stage) -> None:
    stage = simulated_stage
    txid = stage.pay((stage.address(), SMALL))
    stage.settle()
    simulated(stage).simulated.double_spend(txid)
    stage.settle()
    assert stage.states() == ["gone"]
    stage.world.mine(2)
    stage.settle()
    assert (stage.states(), stage.balance()) == (["gone"], 0)


def test_an_evicted_payment_may_come_back(simulated_stage: Stage) -> None:
    stage, chain = simulated_stage, simulated(simulated_stage).simulated
    txid = stage.pay((stage.address(), SMALL))
    waits = chain._mempool.get(txid)
    assert waits is not None
    raw = waits.transaction.serialize()
    chain.evict(txid)
    stage.settle()
    assert stage.states() == []
    stage.node.send(raw)
    stage.settle()
    chain.evict(txid)
    stage.settle()
    assert stage.states() == ["gone"]
    assert not stage.node.send(raw).was_known
    assert stage.node.send(raw).was_known
    stage.settle()
    assert stage.states() == ["seen"]
    stage.world.mine()
    stage.settle()
    assert (stage.states(), stage.balance()) == (["credited"], SMALL)


def test_a_reorganisation_too_deep_to_believe_stops_reading_until_a_person_looked(simulated_stage: Stage) -> None:
    stage = simulated_stage
    txid = stage.pay((stage.address(), SMALL))
    stage.world.mine(21)
    stage.settle()
    stage.world.reorganise(21, double_spent=[txid])
    for _ in range(2):
        with pytest.raises(ScanStopped, match="more than 20 blocks"):
            stage.settle()
    assert (stage.states(), stage.balance()) == (["credited"], SMALL)
    assert Alarm.objects.filter(settled_at=None).count() == 1
    assert resume(stage.world.chain, believed_depth=21, now=stage.now())
    stage.settle()
    assert (stage.states(), stage.balance()) == (["reversed"], 0)
    assert ChainCursor.objects.get().believed_depth == 0


def test_a_node_that_is_reading_the_chain_itself_says_nothing_about_credits(simulated_stage: Stage) -> None:
    stage, chain = simulated_stage, simulated(simulated_stage).simulated
    stage.pay((stage.address(), SMALL))
    stage.world.mine()
    stage.settle()
    chain.is_synced = False
    chain.reorganise(5, blocks=0)
    stage.settle()
    assert (stage.states(), stage.balance()) == (["credited"], SMALL)


def test_orders_that_hold_what_is_owed_are_cancelled(simulated_stage: Stage) -> None:
    stage = simulated_stage
    stage.books.do(
        DefineAsset(asset="USD", name="US dollar", kind="fiat", decimals=8, trading_decimals=2),
        DefineMarket(
            market="BTC/USD",
            base="BTC",
            quote="USD",
            tick_atoms=10**6,
            lot_atoms=10**3,
            minimum_lots=1,
            minimum_notional_atoms=1,
            maximum_open_orders=10,
            fee_tiers=(FeeTier(maker_ppm=0, taker_ppm=0),),
        ),
    )
    txid = stage.pay((stage.address(), SMALL))
    stage.world.mine()
    stage.settle()
    stage.books.do(
        PlaceOrder(
            account=stage.account.id,
            market="BTC/USD",
            side="sell",
            type="limit",
            time_in_force="GTC",
            price_ticks=100,
            quantity_lots=SMALL // 1000,
        )
    )
    assert stage.books.engine.balance(stage.account.id, "BTC") == (0, SMALL)
    stage.world.reorganise(1, double_spent=[txid])
    stage.settle()
    stage.settle()
    assert (stage.states(), stage.balance()) == (["reversed"], 0)
    stage.check_books()


def test_a_changed_address_is_neither_shown_nor_credited(simulated_stage: Stage) -> None:
    """Somebody who can write to the database puts his own address in; only the tables' owner gets so far."""
    stage = simulated_stage
    address = stage.address()
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        stage.books.connection.execute("UPDATE funding_address SET address = 'bcrt1q'")
    address.address = "bcrt1qother"
    with pytest.raises(AddressBroken):
        verified(address)
    assert [one.id for one in addresses_of(stage.account.id, asset="BTC", before_id=None, limit=9)] == [address.id]


def test_the_database_refuses_a_deposit_that_changes_or_skips_a_state(simulated_stage: Stage) -> None:
    stage = simulated_stage
    stage.pay((stage.address(), SMALL))
    stage.settle()
    for change in ("state = 'credited', credit_seq = 1", "amount_atoms = 1", "round = 1", "vout = 7"):
        with pytest.raises(psycopg.errors.CheckViolation):
            stage.books.connection.execute(f"UPDATE funding_deposit SET {change}")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        stage.books.connection.execute("DELETE FROM funding_deposit_step")


def test_fifty_thousand_outputs_of_dust_are_written_down_and_hold_nothing_up(simulated_stage: Stage) -> None:
    stage = simulated_stage
    address, other = stage.address(), stage.address(stage.new_account())
    for _ in range(FLOOD // 10_000):
        stage.pay(*[(address, 600)] * 10_000)
        stage.world.mine()
    stage.pay((other, SMALL))
    stage.world.mine(3)
    stage.settle()
    assert Deposit.objects.filter(state="dust").count() == FLOOD
    assert Deposit.objects.exclude(state="dust").get().state == "credited"
    assert stage.balance() == 0
