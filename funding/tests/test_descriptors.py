"""Which descriptors the web host takes, and that addresses come out as the standards say; how many confirmations."""

import pytest
from embit.bip32 import HDKey

from bitcoind_proxy.networks import NETWORKS
from funding.descriptors import WrongDescriptor, checked, derive
from funding.rules import DepositRules
from funding.states import TRANSITIONS, DepositState

ROOT = HDKey.from_seed(bytes(range(32)))
BIP84_ACCOUNT = (
    "xpub6CatWdiZiodmUeTDp8LT5or8nmbKNcuyvz7WyksVFkKB4RHwCD3XyuvPEbvqAQY3rAPshWcMLoP2fMFMKHPJ4ZeZXYVUhLv1VMrjPC7PW6V"
)
"""Account 0 of the words "abandon … about" (BIP 84's test vectors), with the version bytes of an xpub."""


def public(chain: str, end: str = "/0/*)") -> str:
    account = ROOT.derive("m/84h/0h/0h").to_public()
    account.version = NETWORKS[chain].xpub
    return f"wpkh({account.to_base58()}{end}"


def test_addresses_are_those_of_bip_84() -> None:
    descriptor = checked(f"wpkh({BIP84_ACCOUNT}/0/*)", "bitcoin:mainnet")
    assert derive(descriptor, "bitcoin:mainnet", 0).address == "bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu"
    assert derive(descriptor, "bitcoin:mainnet", 1).address == "bc1qnjg0jd8228aq7egyzacy8cys3knf9xvrerkf9g"


@pytest.mark.parametrize("chain", NETWORKS)
def test_an_address_is_of_its_network(chain: str) -> None:
    derived = derive(checked(public(chain), chain), chain, 7)
    assert derived.address.startswith(NETWORKS[chain].bech32 + "1q")
    assert derived.script.startswith("0014")


def test_a_descriptor_has_one_form_with_its_checksum() -> None:
    once = checked(public("bitcoin:regtest"), "bitcoin:regtest")
    assert "#" in once
    assert checked(once, "bitcoin:regtest") == once


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"wpkh({ROOT.derive('m/84h/0h/0h').to_base58()}/0/*)", "holds a private key"),
        (public("bitcoin:regtest"), "not of bitcoin:mainnet"),
        (public("bitcoin:mainnet", "/0/1)"), r"end in /\*"),
        ("wpkh(02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5)", "extended public keys"),
        ("nonsense", "no descriptor"),
        (public("bitcoin:mainnet") + "#aaaaaaaa", "checksum is wrong"),
    ],
)
def test_what_the_web_host_does_not_take(text: str, words: str) -> None:
    with pytest.raises(WrongDescriptor, match=words) as raised:
        checked(text, "bitcoin:mainnet")
    assert "prv" not in str(raised.value)


def test_confirmations_by_amount_and_for_new_coins() -> None:
    rules = DepositRules(minimum_atoms=1, confirmations=((10, 1), (100, 3), (None, 6)), deepest_reorganisation=9)
    assert [rules.needed(atoms, is_coinbase=False) for atoms in (1, 10, 11, 100, 101)] == [1, 1, 3, 3, 6]
    assert rules.needed(1, is_coinbase=True) == 101


def test_every_state_but_the_last_ones_has_an_exit() -> None:
    ends = {state for state in DepositState if not TRANSITIONS[state]}
    assert ends == {DepositState.DUST, DepositState.REFUSED}
    assert {follower for state in DepositState for follower in TRANSITIONS[state]} <= set(DepositState)
