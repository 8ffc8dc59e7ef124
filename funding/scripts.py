"""Addresses of a chain as scripts: what an output that pays them carries. An address of another network is none."""

from embit import base58, bech32

from bitcoind_proxy.networks import NETWORKS, Network

ADDRESS_LENGTH = 90
"""No address is longer (BIP 173)."""


class NotAnAddress(ValueError):
    """The text is no address of the chain. The message says why."""


def script_of(address: str, chain: str) -> str:
    """The script in hex. Raises NotAnAddress.

    Version 0 and taproot programs of SegWit (BIP 173, 350), and the two kinds in base58: later versions anybody may spend today.
    """
    network = NETWORKS[chain]
    if not address.isascii() or not address.isalnum() or len(address) > ADDRESS_LENGTH:
        raise NotAnAddress("An address has at most 90 letters and digits.")
    if address.lower().startswith(network.bech32 + "1"):
        return _segwit(address, network)
    try:
        data = base58.decode_check(address)
    except Exception:  # embit raises whatever decoding came to
        data = b""
    if len(data) == 21 and data[:1] == network.p2pkh:
        return f"76a914{data[1:].hex()}88ac"
    if len(data) == 21 and data[:1] == network.p2sh:
        return f"a914{data[1:].hex()}87"
    if other := _chain_of(address, data):
        raise NotAnAddress(f"This is an address of {other}, and {chain} is meant.")
    raise NotAnAddress(f"This is no address of {chain}: it was mistyped, or cut off.")


def _segwit(address: str, network: Network) -> str:
    version, program = bech32.decode(network.bech32, address)
    if program is None:
        raise NotAnAddress(f"The checksum of this address of {network.chain} is wrong: it was mistyped, or cut off.")
    if version > 1 or (version == 1 and len(program) != 32):
        raise NotAnAddress("SegWit addresses of this version are not paid to: their rules are not in force yet.")
    return f"{'51' if version else '00'}{len(program):02x}{bytes(program).hex()}"


def _chain_of(address: str, data: bytes) -> str | None:
    """A chain whose address this looks like, to say so."""
    for network in NETWORKS.values():
        in_base58 = len(data) == 21 and data[:1] in (network.p2pkh, network.p2sh)
        if in_base58 or bech32.decode(network.bech32, address.lower())[1] is not None:
            return network.chain
    return None
