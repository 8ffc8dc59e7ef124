"""F126: an address is checked against the network that is meant, whatever it looks like."""

import pytest
from embit import base58, bech32
from embit.script import address_to_scriptpubkey

from bitcoind_proxy.networks import NETWORKS
from funding.scripts import NotAnAddress, script_of

HASH = bytes(range(20))
PROGRAM = list(range(32))
SHAPES = ("p2pkh", "p2sh", "p2wpkh", "p2wsh", "p2tr")


def address(chain: str, shape: str) -> str:
    network = NETWORKS[chain]
    match shape:
        case "p2pkh":
            return str(base58.encode_check(network.p2pkh + HASH))
        case "p2sh":
            return str(base58.encode_check(network.p2sh + HASH))
        case "p2wpkh":
            return str(bech32.encode(network.bech32, 0, list(HASH)))
        case "p2wsh":
            return str(bech32.encode(network.bech32, 0, PROGRAM))
    return str(bech32.encode(network.bech32, 1, PROGRAM))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("chain", NETWORKS)
def test_an_address_comes_to_the_script_that_pays_it(chain: str, shape: str) -> None:
    scripts = {
        "p2pkh": "76a914" + HASH.hex() + "88ac",
        "p2sh": "a914" + HASH.hex() + "87",
        "p2wpkh": "0014" + HASH.hex(),
        "p2wsh": "0020" + bytes(PROGRAM).hex(),
        "p2tr": "5120" + bytes(PROGRAM).hex(),
    }
    assert script_of(address(chain, shape), chain) == scripts[shape]


def test_an_address_is_read_as_the_library_reads_it() -> None:
    """On the network whose versions the library knows."""
    for shape in SHAPES:
        text = address("bitcoin:regtest", shape)
        assert script_of(text, "bitcoin:regtest") == address_to_scriptpubkey(text).data.hex()
    assert script_of(address("bitcoin:regtest", "p2wpkh").upper(), "bitcoin:regtest") == "0014" + HASH.hex()


@pytest.mark.parametrize("meant", ["bitcoin:regtest", "bitcoin:mainnet", "litecoin:mainnet"])
@pytest.mark.parametrize("shape", SHAPES)
def test_f126_an_address_of_another_network_is_refused(meant: str, shape: str) -> None:
    for chain in NETWORKS:
        text = address(chain, shape)
        if text not in {address(meant, shape) for shape in SHAPES}:
            with pytest.raises(NotAnAddress, match=f"This is an address of .*, and {meant} is meant"):
                script_of(text, meant)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "bcrt1q" + "q" * 80,
        address("bitcoin:regtest", "p2wpkh")[:-1],
        address("bitcoin:regtest", "p2wpkh")[:-1] + "z",
        address("bitcoin:regtest", "p2pkh")[:-1] + "1",
        address("bitcoin:regtest", "p2wpkh").replace("b", "B", 1),
        " " + address("bitcoin:regtest", "p2wpkh"),
        str(base58.encode_check(NETWORKS["bitcoin:regtest"].p2pkh + HASH[:19])),
        str(bech32.encode("bcrt", 1, list(HASH))),
        str(bech32.encode("bcrt", 2, PROGRAM)),
        str(bech32.encode("bcrt", 16, [1, 2])),
        "bcrt1" + "é" * 20,
    ],
)
def test_what_is_no_address_is_refused_in_words(text: str) -> None:
    with pytest.raises(NotAnAddress):
        script_of(text, "bitcoin:regtest")
