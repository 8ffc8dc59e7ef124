"""The chains that a node may be on, by name, with the hash of their first block and the shapes of their addresses.

A chain's name is COIN:NETWORK. Genesis hashes are from the chainparams.cpp of Bitcoin Core and Litecoin Core, address
versions from there too; the first block of a signet is the same whatever its challenge.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """``node_name``: what getblockchaininfo calls it. ``bech32``: the prefix of SegWit addresses (BIP 173)."""

    chain: str
    node_name: str
    genesis_hash: str
    bech32: str
    p2pkh: bytes
    p2sh: bytes
    xpub: bytes


_TEST_XPUB = bytes.fromhex("043587cf")
_MAIN_XPUB = bytes.fromhex("0488b21e")


def _network(chain: str, node_name: str, genesis_hash: str, bech32: str, versions: str) -> Network:
    is_main = node_name == "main"
    return Network(
        chain=chain,
        node_name=node_name,
        genesis_hash=genesis_hash,
        bech32=bech32,
        p2pkh=bytes.fromhex(versions[:2]),
        p2sh=bytes.fromhex(versions[2:]),
        xpub=_MAIN_XPUB if is_main else _TEST_XPUB,
    )


NETWORKS: dict[str, Network] = {
    network.chain: network
    for network in (
        _network(
            "bitcoin:mainnet", "main", "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f", "bc", "0005"
        ),
        _network(
            "bitcoin:testnet", "test", "000000000933ea01ad0ee984209779baaec3ced90fa3f408719526f8d77f4943", "tb", "6fc4"
        ),
        _network(
            "bitcoin:testnet4",
            "testnet4",
            "00000000da84f2bafbbc53dee25a72ae507ff4914b867c565be350b0da8bf043",
            "tb",
            "6fc4",
        ),
        _network(
            "bitcoin:signet", "signet", "00000008819873e925422c1ff0f99f7cc9bbb232af63a077a480a3633bee1ef6", "tb", "6fc4"
        ),
        _network(
            "bitcoin:regtest",
            "regtest",
            "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206",
            "bcrt",
            "6fc4",
        ),
        _network(
            "litecoin:mainnet",
            "main",
            "12a765e31ffd4059bada1e25190f6e98c99d9714d334efa41a195a7e7e04bfe2",
            "ltc",
            "3032",
        ),
        _network(
            "litecoin:testnet",
            "test",
            "4966625a4b2851d9fdee139e56211a0d88575f59ed816ff5e6a63deb4e3e29a0",
            "tltc",
            "6f3a",
        ),
        _network(
            "litecoin:regtest",
            "regtest",
            "530827f38f93b43ed12af0b3ad25a288dc02ed74d6d7857862df51fc56c416f9",
            "rltc",
            "6f3a",
        ),
    )
}
"""By chain name."""
