"""The simulated chain is as strict as a node with what is sent to it, and goes on where it was."""

from collections.abc import Callable
from pathlib import Path

import pytest
from embit.ec import PrivateKey
from embit.script import Script, Witness, p2wpkh
from embit.transaction import Transaction, TransactionInput, TransactionOutput

from bitcoind_proxy.errors import InvalidQuestion, NodeFailure, Refused
from bitcoind_proxy.simulator import scripts
from bitcoind_proxy.simulator.chain import SimulatedChain
from bitcoind_proxy.simulator.coins import ANYBODY, MATURITY, MINER_SCRIPT, Coin
from bitcoind_proxy.simulator.file import BrokenFile, ChainFile
from bitcoind_proxy.simulator.policy import dust_sats, size_vbytes

KEY, OTHER = PrivateKey(b"\x11" * 32), PrivateKey(b"\x22" * 32)
SCRIPT = p2wpkh(KEY.get_public_key()).data
AMOUNT = 10_000_000
REPLACEABLE, NOT = 0xFFFFFFFD, 0xFFFFFFFE
Judge = Callable[[Transaction, list[Coin]], None]
JUDGES = [scripts.verify_by_embit, *([] if scripts.pbk is None else [scripts.verify_by_kernel])]


def payment(
    txid: str, vout: int = 0, *, fee: int = 1_000, to: bytes = SCRIPT, sequence: int = REPLACEABLE, locktime: int = 0
) -> Transaction:
    """Of the one coin of AMOUNT, all but the fee; not signed."""
    spends = [TransactionInput(bytes.fromhex(txid), vout, sequence=sequence)]
    return Transaction(version=2, vin=spends, vout=[TransactionOutput(AMOUNT - fee, Script(to))], locktime=locktime)


def signed(transaction: Transaction, key: PrivateKey = KEY, *, amount: int = AMOUNT) -> Transaction:
    code = Script(b"\x76\xa9\x14" + SCRIPT[2:] + b"\x88\xac")
    digest = transaction.sighash_segwit(0, code, amount)
    signature = key.sign(digest).serialize() + b"\x01"
    transaction.vin[0].witness = Witness([signature, key.get_public_key().serialize()])
    return transaction


@pytest.fixture
def chain() -> SimulatedChain:
    chain = SimulatedChain()
    chain.mine(MATURITY + 2)
    return chain


@pytest.fixture
def coin(chain: SimulatedChain) -> str:
    """The txid of a coin of AMOUNT that KEY may spend, its first output."""
    txid = chain.pay((SCRIPT, AMOUNT))
    chain.mine()
    return txid


def send(chain: SimulatedChain, transaction: Transaction) -> str:
    return chain.send(transaction.serialize(), 1.0).txid


def refusal(chain: SimulatedChain, transaction: Transaction) -> str:
    with pytest.raises(Refused) as raised:
        send(chain, transaction)
    return raised.value.words


def test_a_payment_that_its_key_signed_is_taken_and_mined_and_may_be_sent_again(
    chain: SimulatedChain, coin: str
) -> None:
    one = signed(payment(coin))
    assert send(chain, one) == one.txid().hex()
    assert chain.mempool_entry(one.txid().hex(), 1.0).fee_sats == 1_000
    assert chain.send(one.serialize(), 1.0).was_known
    chain.mine()
    assert chain.mempool(1.0) == []
    assert chain.send(one.serialize(), 1.0).was_known
    assert refusal(chain, signed(payment(coin, fee=2_000))) == "bad-txns-inputs-missingorspent"


@pytest.mark.parametrize("judge", JUDGES)
@pytest.mark.parametrize(
    "wrong",
    [
        lambda one: signed(one, OTHER),
        lambda one: signed(one, amount=AMOUNT + 1),
        lambda one: one,
        lambda one: _with_witness(one, [b"", KEY.get_public_key().serialize()]),
        lambda one: _with_witness(one, [b"\x30\x00\x01", KEY.get_public_key().serialize()]),
        lambda one: _with_witness(one, [ANYBODY]),
        lambda one: _changed_after(signed(one)),
    ],
    ids=["another key", "another amount", "no signature", "empty", "no DER", "a script", "changed after"],
)
def test_what_its_owner_did_not_sign_is_refused(judge: Judge, wrong: Callable[[Transaction], Transaction]) -> None:
    coin = Coin(SCRIPT, AMOUNT, 1, False)
    judge(signed(payment("ab" * 32)), [coin])
    with pytest.raises(Refused, match="mandatory-script-verify-flag-failed"):
        judge(wrong(payment("ab" * 32)), [coin])


@pytest.mark.parametrize("judge", JUDGES)
def test_the_miners_coins_take_no_signature_and_only_their_script(judge: Judge) -> None:
    coin = Coin(MINER_SCRIPT, AMOUNT, 1, False)
    judge(_with_witness(payment("ab" * 32), [ANYBODY]), [coin])
    with pytest.raises(Refused):
        judge(_with_witness(payment("ab" * 32), [b"\x52"]), [coin])
    with pytest.raises(Refused):
        judge(payment("ab" * 32), [coin])


def test_what_the_chain_refuses_is_refused_in_a_nodes_words(chain: SimulatedChain, coin: str) -> None:
    height = chain.tip(1.0).height
    one_output_twice = signed(payment(coin))
    one_output_twice.vin *= 2
    for words, wrong in (
        ("bad-txns-inputs-missingorspent", signed(payment("ab" * 32))),
        ("bad-txns-inputs-missingorspent", signed(payment(coin, 7))),
        ("bad-txns-inputs-duplicate", one_output_twice),
        ("bad-txns-in-belowout", signed(payment(coin, fee=-1))),
        ("mandatory-script-verify-flag-failed", signed(payment(coin), OTHER)),
        ("min relay fee not met, 109 < 110", signed(payment(coin, fee=109))),
        ("max-fee-exceeded", signed(payment(coin, fee=AMOUNT - 1_000))),
        ("dust", signed(payment(coin, fee=AMOUNT - 293))),
        ("non-final", signed(payment(coin, locktime=height + 1))),
    ):
        assert refusal(chain, wrong).startswith(words)
    assert send(chain, signed(payment(coin, fee=110, locktime=height)))
    with pytest.raises(InvalidQuestion):
        chain.send(b"no transaction", 1.0)


def test_dust_is_what_core_takes_for_dust() -> None:
    assert [dust_sats(bytes.fromhex(script)) for script in ("0014" + "00" * 20, "0020" + "00" * 32, "6a00")] == [
        294,
        330,
        0,
    ]
    assert dust_sats(b"\x76\xa9\x14" + bytes(20) + b"\x88\xac") == 546


def test_a_replacement_pays_for_those_it_replaces_and_for_itself(chain: SimulatedChain, coin: str) -> None:
    first = signed(payment(coin, fee=1_000))
    send(chain, first)
    child = signed(payment(first.txid().hex(), fee=3_000), amount=AMOUNT - 1_000)
    child.vout[0].value = AMOUNT - 3_000
    send(chain, signed(child, amount=AMOUNT - 1_000))
    assert "the new fee rate is not above" in refusal(chain, signed(payment(coin, fee=999)))
    assert "less than conflicting: 2999 < 3000" in refusal(chain, signed(payment(coin, fee=2_999)))
    size = size_vbytes(first)
    assert "not enough additional fees to relay" in refusal(chain, signed(payment(coin, fee=3_000 + size - 1)))
    replacement = signed(payment(coin, fee=3_000 + size))
    send(chain, replacement)
    assert chain.mempool(1.0) == [replacement.txid().hex()]


def test_what_does_not_say_that_it_may_be_replaced_is_not(chain: SimulatedChain, coin: str) -> None:
    final = signed(payment(coin, sequence=NOT))
    send(chain, final)
    assert not chain.mempool_entry(final.txid().hex(), 1.0).is_replaceable
    assert refusal(chain, signed(payment(coin, fee=50_000))) == "txn-mempool-conflict"


def test_a_replacement_brings_no_coin_that_waits_itself(chain: SimulatedChain, coin: str) -> None:
    other = chain.pay((SCRIPT, AMOUNT))
    send(chain, signed(payment(coin)))
    both = payment(coin, fee=50_000)
    both.vin.append(TransactionInput(bytes.fromhex(other), 0, sequence=REPLACEABLE))
    both.vout[0].value = 2 * AMOUNT - 50_000
    code = Script(b"\x76\xa9\x14" + SCRIPT[2:] + b"\x88\xac")
    for place in range(2):
        signature = KEY.sign(both.sighash_segwit(place, code, AMOUNT)).serialize() + b"\x01"
        both.vin[place].witness = Witness([signature, KEY.get_public_key().serialize()])
    assert refusal(chain, both) == "replacement-adds-unconfirmed"


def test_the_fees_of_what_must_be_mined_before_count(chain: SimulatedChain, coin: str) -> None:
    first = signed(payment(coin, fee=1_000))
    send(chain, first)
    child = payment(first.txid().hex())
    child.vout[0].value = AMOUNT - 1_500
    send(chain, signed(child, amount=AMOUNT - 1_000))
    entry = chain.mempool_entry(child.txid().hex(), 1.0)
    assert (entry.fee_sats, entry.ancestor_fees_sats) == (500, 1_500)
    assert entry.ancestor_size_vbytes == size_vbytes(first) + size_vbytes(child)


# What outlives the process


def state(chain: SimulatedChain) -> tuple[object, ...]:
    tip = chain.tip(1.0)
    outputs = [chain.block_outputs(chain.block_hash(height, 1.0), 1.0) for height in range(1, tip.height + 1)]
    return tip, outputs, sorted(chain.mempool(1.0))


def test_a_chain_goes_on_from_its_file_whatever_happened_to_it(tmp_path: Path) -> None:
    path = tmp_path / "chain"
    chain = SimulatedChain(file=ChainFile(path))
    chain.mine(MATURITY + 5)
    paid = [chain.pay((SCRIPT, AMOUNT)) for _ in range(3)]
    chain.mine(2)
    acts: list[Callable[[SimulatedChain], object]] = [
        lambda one: one.reorganise(2, double_spent=paid[:1]),
        lambda one: one.mine(),
        lambda one: send(one, signed(payment(paid[1]))),
        lambda one: send(one, signed(payment(paid[1], fee=5_000))),
        lambda one: one.pay((SCRIPT, AMOUNT)),
        lambda one: one.evict(one.mempool(1.0)[0]),
        lambda one: one.double_spend(one.pay((SCRIPT, AMOUNT))),
        lambda one: one.reorganise(3, blocks=0),
        lambda one: one.mine(1, with_mempool=False),
        lambda one: one.mine(),
    ]
    for act in acts:
        act(chain)
        again = SimulatedChain(file=ChainFile(path))
        assert state(again) == state(chain)
        chain = again


def test_a_line_that_was_cut_short_never_happened(tmp_path: Path) -> None:
    path = tmp_path / "chain"
    chain = SimulatedChain(file=ChainFile(path))
    chain.mine(3)
    before = state(chain)
    whole = path.read_bytes()
    chain.mine()
    path.write_bytes(path.read_bytes()[: len(whole) + 5])
    again = SimulatedChain(file=ChainFile(path))
    assert state(again) == before
    again.mine()
    assert state(SimulatedChain(file=ChainFile(path))) == state(again)


def test_a_file_that_is_no_chain_is_named(tmp_path: Path) -> None:
    path = tmp_path / "chain"
    path.write_text("nonsense\n")
    with pytest.raises(BrokenFile, match="line 1 of"):
        SimulatedChain(file=ChainFile(path))


def test_the_miner_pays_addresses_of_its_network_alone(chain: SimulatedChain) -> None:
    address = p2wpkh(KEY.get_public_key()).address({"bech32": "bcrt"})
    assert chain.pay_address(address, AMOUNT, 1.0) in chain.mempool(1.0)
    for wrong in (p2wpkh(KEY.get_public_key()).address({"bech32": "bc"}), "nonsense", ""):
        with pytest.raises(InvalidQuestion):
            chain.pay_address(wrong, AMOUNT, 1.0)
    with pytest.raises(NodeFailure, match="mine more blocks"):
        chain.pay_address(address, 10**15, 1.0)


def _with_witness(transaction: Transaction, items: list[bytes]) -> Transaction:
    transaction.vin[0].witness = Witness(items)
    return transaction


def _changed_after(transaction: Transaction) -> Transaction:
    transaction.vout[0].value -= 1
    transaction.clear_cache()
    return transaction
