"""Addresses from a descriptor that holds public keys alone (BIP 380): derived again by whoever wants to be sure."""

from functools import lru_cache
from typing import Any, NamedTuple

from embit.descriptor import Descriptor
from embit.descriptor.checksum import add_checksum

from bitcoind_proxy.networks import NETWORKS

HARDENED = 2**31


class WrongDescriptor(ValueError):
    """The descriptor is not to be used. The message says why, and never holds it: it might be a private key."""


class Key(NamedTuple):
    """A public key of a single-key wallet, what its outputs carry, and where it comes from (BIP 32)."""

    public: Any
    script: Any
    fingerprint: bytes
    path: list[int]


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


def key_at(descriptor: str, index: int) -> Key:
    """For PSBTs. Raises WrongDescriptor unless it is wpkh([fingerprint/path]xpub…), whose outputs the signer spends."""
    derived = _parsed(descriptor).derive(index)
    if not is_single(descriptor):
        raise WrongDescriptor(
            "outputs of this descriptor cannot be spent here: it is not wpkh([fingerprint/path]xpub…)"
        )
    return Key(
        public=derived.key.get_public_key(),
        script=derived.script_pubkey(),
        fingerprint=derived.key.origin.fingerprint,
        path=derived.key.origin.derivation,
    )


def is_single(descriptor: str) -> bool:
    """Whether the signer can spend its outputs: one key in SegWit, of which is known where it comes from."""
    parsed = _parsed(descriptor)
    return bool(parsed.wpkh and not parsed.sh and not parsed.taproot and parsed.key is not None and parsed.key.origin)


def change_of(descriptor: str) -> str:
    """The change branch beside a deposit descriptor that ends in /0/*. Raises WrongDescriptor for any other."""
    body = descriptor.partition("#")[0]
    if not body.endswith("/0/*)") or not is_single(descriptor):
        raise WrongDescriptor("a wallet that pays is of the form wpkh([fingerprint/path]xpub…/0/*)")
    changed: str = add_checksum(body.removesuffix("/0/*)") + "/1/*)")
    return changed


@lru_cache(maxsize=64)
def _parsed(text: str) -> Any:
    body, mark, given = text.strip().partition("#")
    if mark and add_checksum(body) != f"{body}#{given}":  # embit itself takes any checksum
        raise WrongDescriptor("the descriptor's checksum is wrong: it was mistyped, or cut off")
    try:
        return Descriptor.from_string(body)
    except Exception as error:  # embit raises whatever parsing came to
        raise WrongDescriptor(f"this is no descriptor: {type(error).__name__}") from None
