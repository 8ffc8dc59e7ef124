"""Ed25519 as a key's owner may rely on: one signature of one message by one key, and no other form of it."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from accounts.signatures import Ed25519Verifier

ORDER_OF_BASE = 2**252 + 27742317777372353535851937790883648493
"""L of RFC 8032, 5.1."""
MESSAGE = b"1800000000000\nnonce"


@pytest.fixture
def private() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@pytest.fixture
def verifier(private: Ed25519PrivateKey) -> Ed25519Verifier:
    return Ed25519Verifier(private.public_key().public_bytes_raw())


def test_the_third_example_of_rfc_8032_verifies() -> None:
    public = "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025"
    signature = (
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
    )
    verifier = Ed25519Verifier(bytes.fromhex(public))
    assert verifier.verifies(bytes.fromhex(signature), bytes.fromhex("af82"), "sha256")
    assert not verifier.verifies(bytes.fromhex(signature), bytes.fromhex("af83"), "sha256")


def test_bytes_cannot_move_between_signature_and_message(private: Ed25519PrivateKey, verifier: Ed25519Verifier) -> None:
    signature = private.sign(MESSAGE)
    assert verifier.verifies(signature, MESSAGE, "sha256")
    assert not verifier.verifies(signature + MESSAGE[:1], MESSAGE[1:], "sha256")
    assert not verifier.verifies(signature[:-1], signature[-1:] + MESSAGE, "sha256")
    assert not verifier.verifies(b"", signature + MESSAGE, "sha256")


def test_a_signature_has_no_second_form(private: Ed25519PrivateKey, verifier: Ed25519Verifier) -> None:
    signature = private.sign(MESSAGE)
    scalar = int.from_bytes(signature[32:], "little") + ORDER_OF_BASE
    assert not verifier.verifies(signature[:32] + scalar.to_bytes(32, "little"), MESSAGE, "sha256")


@pytest.mark.parametrize("public_key", [bytes(32), (1).to_bytes(32, "little")])
def test_a_key_under_which_anything_would_verify_verifies_nothing(public_key: bytes) -> None:
    neutral = (1).to_bytes(32, "little") + bytes(32)
    assert not Ed25519Verifier(public_key).verifies(neutral, MESSAGE, "sha256")


def test_another_digest_is_another_scheme(private: Ed25519PrivateKey, verifier: Ed25519Verifier) -> None:
    assert not verifier.verifies(private.sign(MESSAGE), MESSAGE, "sha512")
