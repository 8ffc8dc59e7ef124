"""What the signer signs and what it does not, asked over its socket: outputs, change, fees, days, approvals, repeats, shapes."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from embit.ec import Signature
from embit.psbt import PSBT
from embit.script import Script
from embit.transaction import SIGHASH, Transaction

from bitcoind_proxy.networks import NETWORKS
from funding.signer.client import SignerClient, SignerRefused
from funding.signer.keys import read_keys
from funding.signer.policy import DAY_US, Policy, ShownPayment
from funding.signer.proto import signer_pb2 as pb
from funding.signer.record import Record
from funding.signer.server import SignerServer
from funding.signer.service import SignerService

from .wallet import CHAIN, COLD, POLICY, STRANGER, In, Out, key_of, psbt, stricter, write_keys

PAID = 500_000
CHANGE = Out(amount_sats=1_490_000, home=(1, 0))
COIN = In()


class Signer:
    """A signer whose clock stands still, and who asks it."""

    def __init__(self, folder: Path, policy: Policy) -> None:
        keys = read_keys(write_keys(folder / "keys"), NETWORKS[CHAIN])
        self._record = Record(folder / "record", begin=not (folder / "record").exists())
        service = SignerService(NETWORKS[CHAIN], keys, policy, self._record, lambda: self.now_us)
        self._server = SignerServer(service, listen=f"unix:{folder}/signer.sock")
        self.client = SignerClient(f"unix:{folder}/signer.sock", timeout_s=10)
        self.now_us = 1_800_000_000_000_000

    def __enter__(self) -> "Signer":
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        self._server.stop()
        self._record.close()

    def pay(self, made: PSBT, *shown: ShownPayment, anchor: In = COIN) -> Transaction:
        return self.ask(pb.WITHDRAWALS, made, shown, anchor)

    def home(self, made: PSBT, anchor: In = COIN) -> Transaction:
        return self.ask(pb.HOME, made, (), anchor)

    def ask(
        self, purpose: pb.Purpose, made: PSBT | bytes, shown: Sequence[ShownPayment] = (), anchor: In = COIN
    ) -> Transaction:
        raw = made if isinstance(made, bytes) else made.serialize()
        signed = self.client.sign(chain=CHAIN, purpose=purpose, psbt=raw, anchor=anchor.name, payments=shown)
        transaction = Transaction.parse(signed.transaction)
        assert transaction.txid().hex() == signed.txid
        return transaction


@pytest.fixture
def signer(tmp_path: Path) -> Iterator[Signer]:
    with Signer(tmp_path, POLICY) as signer:
        yield signer


def payment(number: int = 1, amount_sats: int = PAID, script: bytes = STRANGER, **more: Any) -> ShownPayment:
    fields: dict[str, Any] = {"requester": "ada", "approvers": (), **more}
    return ShownPayment(withdrawal_id=number, script=script, amount_sats=amount_sats, **fields)


def to(shown: ShownPayment) -> Out:
    return Out(amount_sats=shown.amount_sats, script=shown.script)


def test_a_payment_with_change_is_signed_and_the_signature_holds(signer: Signer) -> None:
    signed = signer.pay(psbt([COIN], [to(payment()), CHANGE]), payment())
    signature, public = signed.vin[0].witness.items
    derived = key_of(COIN.branch, COIN.index)
    assert public == derived.key.get_public_key().sec()
    digest = signed.sighash_segwit(
        0, Script(b"\x76\xa9\x14" + derived.script_pubkey().data[2:] + b"\x88\xac"), 2_000_000
    )
    assert derived.key.get_public_key().verify(Signature.parse(signature[:-1]), digest)
    assert signature[-1] == SIGHASH.ALL


def test_asked_again_it_gives_the_same_bytes(signer: Signer) -> None:
    made = psbt([COIN], [to(payment()), CHANGE])
    assert signer.pay(made, payment()).serialize() == signer.pay(made, payment()).serialize()


@pytest.mark.parametrize(
    ("outs", "shown", "words"),
    [
        ([to(payment()), CHANGE, Out(amount_sats=1_000, script=STRANGER)], [payment()], "not the payments"),
        ([Out(amount_sats=PAID + 1, script=STRANGER), CHANGE], [payment()], "not the payments"),
        ([Out(amount_sats=PAID, script=COLD), CHANGE], [payment()], "not the payments"),
        ([Out(amount_sats=1_990_000, home=(1, 0))], [payment()], "not the payments"),
        ([CHANGE, Out(amount_sats=PAID, home=(1, 1))], [], "not the payments"),
        ([to(payment()), to(payment()), Out(amount_sats=990_000, home=(1, 0))], [payment()], "not the payments"),
        ([to(payment()), to(payment()), Out(amount_sats=990_000, home=(1, 0))], [payment(), payment()], "paid twice"),
        ([to(payment()), Out(amount_sats=1_490_000, home=(1, 0), script=STRANGER)], [payment()], "not the payments"),
        ([to(payment()), Out(amount_sats=1_490_000, home=(0, 0))], [payment()], "change branch"),
        ([to(payment()), Out(amount_sats=1_490_000, home=(1, 1_000))], [payment()], "so far ahead"),
    ],
    ids=["another output", "more", "elsewhere", "nobody", "all home", "twice", "one id twice", "forged", "0", "far"],
)
def test_no_other_output_is_signed(signer: Signer, outs: list[Out], shown: list[ShownPayment], words: str) -> None:
    with pytest.raises(SignerRefused, match=words):
        signer.pay(psbt([COIN], outs), *shown)


def test_a_fee_is_bounded_in_all_and_by_size_and_by_day(signer: Signer) -> None:
    def change(fee: int) -> Out:
        return Out(amount_sats=COIN.amount_sats - PAID - fee, home=(1, 0))

    for fee in (50_001, 30_000, -1):  # 141 vbytes at 200 sat/vB are 28,200
        with pytest.raises(SignerRefused, match=f"the fee of {fee} is not within"):
            signer.pay(psbt([COIN], [to(payment()), change(fee)]), payment())
    signer.pay(psbt([COIN], [to(payment()), change(28_000)]), payment())
    other, last = In(number=2), In(number=3)
    signer.pay(psbt([other], [to(payment(2)), change(28_000)]), payment(2), anchor=other)
    with pytest.raises(SignerRefused, match="a fee of 28000 after 56000 in 24 hours"):
        signer.pay(psbt([last], [to(payment(3)), change(28_000)]), payment(3), anchor=last)
    signer.pay(psbt([other], [to(payment(2)), change(28_100)]), payment(2), anchor=other)
    signer.now_us += DAY_US
    signer.pay(psbt([last], [to(payment(3)), change(28_000)]), payment(3), anchor=last)


def test_a_day_s_withdrawals_are_bounded_and_a_bump_counts_once(tmp_path: Path) -> None:
    with Signer(tmp_path, stricter(daily_sats=2 * PAID)) as signer:
        for number, fee in ((1, 1_000), (1, 2_000), (2, 1_000)):
            coin = In(number=number)
            change = Out(amount_sats=COIN.amount_sats - PAID - fee, home=(1, 0))
            signer.pay(psbt([coin], [to(payment(number)), change]), payment(number), anchor=coin)
        coin = In(number=3)
        with pytest.raises(SignerRefused, match="over the daily limit of 1000000"):
            signer.pay(psbt([coin], [to(payment(3)), CHANGE]), payment(3), anchor=coin)
        signer.now_us += DAY_US
        signer.pay(psbt([coin], [to(payment(3)), CHANGE]), payment(3), anchor=coin)


@pytest.mark.parametrize(
    ("amount", "requester", "approvers", "words"),
    [
        (1_000_000, "", (), ""),
        (1_000_001, "ada", (), "takes 1 approvers and has 0"),
        (1_000_001, "ada", ("bob",), ""),
        (1_000_001, "ada", ("ada",), "approved by who asked"),
        (1_000_001, "", ("bob",), "nobody says who did"),
        (5_000_001, "ada", ("bob", "bob"), "takes 2 approvers and has 1"),
        (5_000_001, "ada", ("bob", "ada", "eve"), "approved by who asked"),
        (5_000_001, "ada", ("bob", "eve"), ""),
    ],
)
def test_a_large_payment_takes_other_people_s_names(
    signer: Signer, amount: int, requester: str, approvers: tuple[str, ...], words: str
) -> None:
    coin = In(amount_sats=6_000_000)
    shown = payment(1, amount, requester=requester, approvers=approvers)
    made = psbt([coin], [to(shown), Out(amount_sats=coin.amount_sats - amount - 1_000, home=(1, 0))])
    if not words:
        signer.pay(made, shown)
        return
    with pytest.raises(SignerRefused, match=words):
        signer.pay(made, shown)


def test_a_withdrawal_is_signed_for_again_only_beside_the_same_coin(signer: Signer) -> None:
    signer.pay(psbt([COIN], [to(payment()), CHANGE]), payment())
    other = In(number=2)
    dearer = Out(amount_sats=CHANGE.amount_sats - 1_000, home=(1, 0))
    signer.pay(psbt([COIN], [to(payment()), dearer]), payment())
    signer.pay(psbt([other, COIN], [to(payment()), CHANGE, Out(amount_sats=1_990_000, home=(1, 1))]), payment())
    with pytest.raises(SignerRefused, match="was signed for before"):
        signer.pay(psbt([other], [to(payment()), CHANGE]), payment(), anchor=other)
    with pytest.raises(SignerRefused, match="anchor is not among"):
        signer.pay(psbt([other], [to(payment()), CHANGE]), payment(), anchor=COIN)
    for changed in (payment(1, PAID - 1), payment(1, PAID, COLD)):
        with pytest.raises(SignerRefused, match="was signed for before"):
            signer.pay(psbt([COIN], [to(changed), CHANGE]), changed)


def test_what_was_signed_is_remembered_by_the_next_process(tmp_path: Path) -> None:
    with Signer(tmp_path, POLICY) as signer:
        signer.pay(psbt([COIN], [to(payment()), CHANGE]), payment())
    other = In(number=2)
    with Signer(tmp_path, POLICY) as signer, pytest.raises(SignerRefused, match="was signed for before"):
        signer.pay(psbt([other], [to(payment()), CHANGE]), payment(), anchor=other)


def test_a_coin_cannot_be_said_to_be_smaller_the_second_time(signer: Signer) -> None:
    """Two signatures, each beside a lie about the other coin, would together burn what nobody was shown."""
    other = In(number=2)
    signer.pay(psbt([COIN, other], [to(payment()), Out(amount_sats=3_490_000, home=(1, 0))]), payment())
    lie = In(number=2, amount_sats=600_000)
    with pytest.raises(SignerRefused, match="was said to be another"):
        signer.home(psbt([lie], [Out(amount_sats=590_000, home=(1, 0))]), anchor=lie)


def test_a_cancellation_and_a_consolidation_come_home(signer: Signer) -> None:
    other = In(number=2, branch=1, index=5)
    signer.home(psbt([COIN], [Out(amount_sats=1_999_000, home=(1, 0))]))
    signer.home(psbt([COIN, other], [Out(amount_sats=3_998_000, home=(1, 1))]))
    with pytest.raises(SignerRefused, match="an output does not come home"):
        signer.home(psbt([COIN], [Out(amount_sats=1_990_000, home=(1, 0)), Out(amount_sats=9_000, script=COLD)]))


def test_a_sweep_goes_to_a_cold_address_of_the_policy_and_nowhere_else(signer: Signer) -> None:
    signer.ask(pb.SWEEP, psbt([COIN], [Out(amount_sats=1_000_000, script=COLD), Out(amount_sats=990_000, home=(1, 0))]))
    with pytest.raises(SignerRefused, match="neither comes home nor pays a cold address"):
        signer.ask(pb.SWEEP, psbt([COIN], [Out(amount_sats=1_990_000, script=STRANGER)]))
    with pytest.raises(SignerRefused, match="only withdrawals pay what is shown"):
        signer.ask(pb.SWEEP, psbt([COIN], [to(payment()), CHANGE]), [payment()])
    with pytest.raises(SignerRefused, match="no such purpose"):
        signer.ask(pb.PURPOSE_UNSPECIFIED, psbt([COIN], [CHANGE]))


def _with(made: PSBT, **fields: Any) -> PSBT:
    for name, value in fields.items():
        setattr(made.inputs[0], name, value)
    return made


def test_only_the_one_shape_is_signed(signer: Signer) -> None:
    outs = [to(payment()), CHANGE]
    stranger = psbt([COIN], outs)
    stranger.inputs[0].witness_utxo.script_pubkey = Script(STRANGER)
    final = _with(psbt([COIN], outs), redeem_script=Script(b"\x51"))
    for made, words in (
        (_with(psbt([COIN], outs), sighash_type=SIGHASH.NONE), "SIGHASH_ALL"),
        (_with(psbt([COIN], outs), sighash_type=SIGHASH.ALL | SIGHASH.ANYONECANPAY), "SIGHASH_ALL"),
        (_with(psbt([COIN], outs), sighash_type=SIGHASH.SINGLE), "SIGHASH_ALL"),
        (_with(psbt([COIN], outs), witness_utxo=None), "does not say what it spends"),
        (stranger, "none of our coins"),
        (final, "holds more than"),
        (psbt([COIN, COIN], outs), "spends a coin twice"),
        (psbt([In(sequence=0xFFFFFFFF)], outs), "not replaceable"),
        (psbt([COIN], outs, version=1), "version 2"),
        (psbt([COIN], outs, locktime=9), "lock time"),
        (b"nothing", "is no PSBT"),
        (psbt([COIN], outs).serialize() + b"\x00", "is no PSBT"),
    ):
        with pytest.raises(SignerRefused, match=words):
            signer.ask(pb.WITHDRAWALS, made, [payment()])
    signer.pay(_with(psbt([COIN], outs), sighash_type=SIGHASH.ALL), payment())


def test_another_chain_s_transactions_are_not_signed(signer: Signer) -> None:
    made = psbt([COIN], [CHANGE]).serialize()
    with pytest.raises(SignerRefused, match="not of litecoin:regtest"):
        signer.client.sign(chain="litecoin:regtest", purpose=pb.HOME, psbt=made, anchor=COIN.name)
