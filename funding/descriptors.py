"""Addresses from a descriptor that holds public keys alone (BIP 380): derived again by whoever wants to be sure."""

from functools import lru_cache
from typing import Any, NamedTuple

from embit.descriptor import Descriptor
from embit.descriptor.checksum import add_checksum

from bitcoind_proxy.networks import NETWORKS

HARDENED = 2**31


class WrongDescriptor(ValueError):
    """The descriptor is not to be used. The message says why, and never holds it: it might be a private key."""


class Derived(NamedTuple):
    """``script`` in hex."""

    address: str
    script: str


def checked(text: str, chain: str) -> str:
    """The descriptor in one canonical form, with its checksum. Raises WrongDescriptor, for private keys above all."""
    if chain not in NETWORKS:
        raise WrongDescriptor(f"there is no chain {chain!r}; there are {', '.join(NETWORKS)}")
    descriptor = _parsed(text)
    keys = descriptor.keys
    if any(key.is_private for key in keys):
        raise WrongDescriptor("the descriptor holds a private key: the web host takes public keys alone")
    if any(not key.is_extended for key in keys) or not descriptor.is_wildcard:
        raise WrongDescriptor("the descriptor has to derive from extended public keys, and end in /*")
    versions = {key.key.version for key in keys}
    if versions != {NETWORKS[chain].xpub}:
        raise WrongDescriptor(f"the keys are not of {chain}: xpub on main networks, tpub on all others")
    canonical: str = add_checksum(str(descriptor))
    return canonical


@lru_cache(maxsize=10_000)
def derive(descriptor: str, chain: str, index: int) -> Derived:
    """The address of an index. Raises WrongDescriptor or ValueError for an index beyond BIP 32's."""
    if not 0 <= index < HARDENED:
        raise ValueError(f"{index} is no index")
    derived = _parsed(descriptor).derive(index)
    network = NETWORKS[chain]
    script = derived.script_pubkey()
    shapes = {"bech32": network.bech32, "p2pkh": network.p2pkh, "p2sh": network.p2sh}
    return Derived(address=str(script.address(shapes)), script=str(script.data.hex()))


@lru_cache(maxsize=64)
def _parsed(text: str) -> Any:
    body, mark, given = text.strip().partition("#")
    if mark and add_checksum(body) != f"{body}#{given}":  # embit itself takes any checksum
        raise WrongDescriptor("the descriptor's checksum is wrong: it was mistyped, or cut off")
    try:
        return Descriptor.from_string(body)
    except Exception as error:  # embit raises whatever parsing came to
        raise WrongDescriptor(f"this is no descriptor: {type(error).__name__}") from None
