"""Withdrawals in the engine: what is held for one is nobody else's, and ends once."""

import json
from typing import Any

import pytest

from trading.engine.commands import (
    CancelAll,
    HoldWithdrawal,
    MoveCustody,
    ReleaseWithdrawal,
    ReverseCredit,
    SettleWithdrawal,
    TransferFunds,
)
from trading.engine.outcomes import (
    BalanceChanged,
    CommandRejected,
    CustodyMoved,
    Reason,
    WithdrawalHeld,
    WithdrawalReleased,
    WithdrawalSettled,
)
from trading.engine.snapshot import FORMAT, SnapshotInvalid, dump, load, state_hash

from .desk import ALICE, BOB, DAVE, Desk, ending

HOUSE = 0


def hold(desk: Desk, atoms: int, reference: str = "one", account: int = DAVE, asset: str = "USD") -> list[object]:
    command = HoldWithdrawal(account=account, asset=asset, amount_atoms=atoms, reference=reference)
    return list(desk.do(command))


def refused(reason: Reason) -> list[object]:
    return [CommandRejected(reason)]


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.credit(DAVE, "USD", 500)
    return desk


def test_a_hold_is_released_once(desk: Desk) -> None:
    assert hold(desk, 400) == [WithdrawalHeld(DAVE, "USD", 400, "one"), BalanceChanged(DAVE, "USD", 100, 400)]
    assert list(desk.do(ReleaseWithdrawal(reference="one"))) == [
        WithdrawalReleased(DAVE, "USD", 400, "one"),
        BalanceChanged(DAVE, "USD", 500, 0),
    ]
    assert list(desk.do(ReleaseWithdrawal(reference="one"))) == refused(Reason.UNKNOWN_HOLD)
    assert list(desk.do(SettleWithdrawal(reference="one", fee_atoms=0))) == refused(Reason.UNKNOWN_HOLD)


def test_a_hold_is_settled_once_and_its_fee_is_the_house_s(desk: Desk) -> None:
    house = desk.engine.balance(HOUSE, "USD")[0]
    hold(desk, 400)
    for fee_atoms in (-1, 401):
        command = SettleWithdrawal(reference="one", fee_atoms=fee_atoms)
        assert list(desk.do(command)) == refused(Reason.INVALID_AMOUNT)
    assert list(desk.do(SettleWithdrawal(reference="one", fee_atoms=7))) == [
        WithdrawalSettled(DAVE, "USD", 400, 7, "one"),
        BalanceChanged(DAVE, "USD", 100, 0),
    ]
    assert desk.engine.balance(HOUSE, "USD") == (house + 7, 0)
    assert list(desk.do(SettleWithdrawal(reference="one", fee_atoms=7))) == refused(Reason.UNKNOWN_HOLD)
    assert list(desk.do(ReleaseWithdrawal(reference="one"))) == refused(Reason.UNKNOWN_HOLD)


def test_a_withdrawal_may_be_free(desk: Desk) -> None:
    house = desk.engine.balance(HOUSE, "USD")
    hold(desk, 400)
    assert list(desk.do(SettleWithdrawal(reference="one", fee_atoms=0))) == [
        WithdrawalSettled(DAVE, "USD", 400, 0, "one"),
        BalanceChanged(DAVE, "USD", 100, 0),
    ]
    assert desk.engine.balance(HOUSE, "USD") == house


def test_what_is_held_for_a_withdrawal_buys_nothing_and_goes_to_nobody(desk: Desk) -> None:
    hold(desk, 400)
    assert ending(desk.buy(DAVE, 1, 101)) == Reason.INSUFFICIENT_FUNDS
    transfer = TransferFunds(account=DAVE, to_account=ALICE, asset="USD", amount_atoms=101, reference="rent")
    assert list(desk.do(transfer)) == refused(Reason.INSUFFICIENT_FUNDS)
    reversal = ReverseCredit(account=DAVE, asset="USD", amount_atoms=101, source="faucet", credit=1, reason="")
    assert list(desk.do(reversal)) == refused(Reason.INSUFFICIENT_FUNDS)
    assert hold(desk, 101, "two") == refused(Reason.INSUFFICIENT_FUNDS)
    desk.do(CancelAll(account=DAVE))
    assert desk.engine.balance(DAVE, "USD") == (100, 400)


def test_what_an_order_holds_is_not_withdrawn(desk: Desk) -> None:
    desk.buy(DAVE, 1, 300)
    assert hold(desk, 201) == refused(Reason.INSUFFICIENT_FUNDS)
    hold(desk, 200)
    assert desk.engine.balance(DAVE, "USD") == (0, 500)
    desk.sell(BOB, 1, 300)
    assert desk.engine.balance(DAVE, "USD") == (0, 200), "the order's part was spent, the withdrawal's is still held"


def test_a_hold_is_positive_of_an_account_in_an_asset_under_a_reference_that_is_free(desk: Desk) -> None:
    hold(desk, 1)
    for changes, reason in (
        ({"asset": "DOGE"}, Reason.UNKNOWN_ASSET),
        ({"account": HOUSE}, Reason.INVALID_ACCOUNT),
        ({"atoms": 0}, Reason.INVALID_AMOUNT),
        ({"atoms": -1}, Reason.INVALID_AMOUNT),
        ({"reference": "one"}, Reason.REFERENCE_IN_USE),
        ({"reference": "one", "account": ALICE}, Reason.REFERENCE_IN_USE),
        ({"atoms": 10**40}, Reason.INSUFFICIENT_FUNDS),
    ):
        asked: dict[str, Any] = {"atoms": 1, "reference": "two"} | changes
        assert hold(desk, **asked) == refused(reason)


def test_custody_moves_between_the_house_s_places_and_no_balance_changes(desk: Desk) -> None:
    before = list(desk.engine.all_balances())
    fields: dict[str, Any] = {"asset": "BTC", "amount_atoms": 5, "source": "custody_hot", "target": "custody_cold"}

    def move(**changes: Any) -> list[object]:
        return list(desk.do(MoveCustody(**(fields | changes), reference="sweep")))

    assert move() == [CustodyMoved("BTC", 5, "custody_hot", "custody_cold", "sweep")]
    assert move(amount_atoms=10**36) == [CustodyMoved("BTC", 10**36, "custody_hot", "custody_cold", "sweep")]
    assert move(target="network_fees") == [CustodyMoved("BTC", 5, "custody_hot", "network_fees", "sweep")]
    for changes, reason in (
        ({"asset": "DOGE"}, Reason.UNKNOWN_ASSET),
        ({"target": "custody_hot"}, Reason.INVALID_ACCOUNT),
        ({"target": "fees"}, Reason.INVALID_ACCOUNT),
        ({"source": "user"}, Reason.INVALID_ACCOUNT),
        ({"amount_atoms": 0}, Reason.INVALID_AMOUNT),
        ({"amount_atoms": 10**36 + 1}, Reason.INVALID_AMOUNT),
    ):
        assert move(**changes) == refused(reason)
    assert list(desk.engine.all_balances()) == before


def test_a_snapshot_keeps_the_holds_and_one_without_them_is_as_before_there_were_any(desk: Desk) -> None:
    hold(desk, 400)
    again = load(dump(desk.engine))
    assert state_hash(again) == state_hash(desk.engine)
    assert again.withdrawals.holds == desk.engine.withdrawals.holds
    state = json.loads(dump(desk.engine))
    assert state["format"] == FORMAT
    del state["withdrawals"]
    with pytest.raises(SnapshotInvalid):
        load(json.dumps(state).encode())
    desk.do(ReleaseWithdrawal(reference="one"))
    assert json.loads(dump(desk.engine)).keys() == state.keys()
    assert json.loads(dump(desk.engine))["format"] == FORMAT - 1
