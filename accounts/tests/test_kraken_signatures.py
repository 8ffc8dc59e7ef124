"""The signature of Kraken's clients: the example of its documentation, and what is read of a nonce."""

import base64
import uuid

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from accounts.kraken_signatures import read_kraken_signed
from accounts.problems import Problem
from accounts.signatures import Ed25519Verifier, HmacVerifier, Signed

KEY = str(uuid.UUID(int=7)).encode()
SECRET = "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg=="
NONCE = "1616492376594"
BODY = b"nonce=1616492376594&ordertype=limit&pair=XBTUSD&price=37500&type=buy&volume=1.25"
SIGNATURE = b"4/dpxb3iT4tp/ZCVEwSnEsLxx0bqyhLpdfOpc6fn7OR8+UClSV5n9E6aSS8MPtnRfp32bAb0nmbRn6H8ndwLUQ=="
PATH = b"/0/private/AddOrder"


def read(*, path: bytes = PATH, nonce: str = NONCE, body: bytes = BODY, **headers: bytes) -> Signed:
    return read_kraken_signed({b"api-key": KEY, b"api-sign": SIGNATURE} | _named(headers), path, nonce, body)


def _named(headers: dict[str, bytes]) -> dict[bytes, bytes]:
    return {name.replace("_", "-").encode(): value for name, value in headers.items()}


def verifies(signed: Signed) -> bool:
    return HmacVerifier(base64.b64decode(SECRET)).verifies(signed.signature, signed.message, signed.digest)


def test_the_example_of_krakens_documentation_verifies() -> None:
    assert verifies(read())


@pytest.mark.parametrize(
    "change",
    [{"path": b"/0/private/CancelOrder"}, {"nonce": "1616492376595"}, {"body": BODY.replace(b"1.25", b"9.25")}],
)
def test_whatever_is_changed_after_signing_fails(change: dict[str, bytes]) -> None:
    assert not verifies(read(**change))  # type: ignore[arg-type]


def test_no_other_kind_of_signature_verifies() -> None:
    signed = read()
    assert not HmacVerifier(base64.b64decode(SECRET)).verifies(signed.signature, signed.message, "sha256")
    private = Ed25519PrivateKey.generate()
    verifier = Ed25519Verifier(private.public_key().public_bytes_raw())
    assert not verifier.verifies(private.sign(signed.message), signed.message, signed.digest)


@pytest.mark.parametrize(
    ("nonce", "wanted_ms"),
    [
        ("1616492376", 1616492376000),
        ("1616492376594", 1616492376594),
        ("16164923765941", 1616492376594),
        ("1616492376594123", 1616492376594),
        ("161649237659412345", 1616492376594),
        ("1616492376594123456", 1616492376594),
    ],
)
def test_a_nonce_is_a_time_in_whatever_part_of_a_second(nonce: str, wanted_ms: int) -> None:
    assert read(nonce=nonce).timestamp_ms == wanted_ms


@pytest.mark.parametrize(
    "nonce", ["", "1", "161649237", "-1616492376594", "0161649237659", "1.6e12", "9" * 21, "١٦١٦٤٩٢٣٧٦٥"]
)
def test_what_is_no_time_is_no_nonce(nonce: str) -> None:
    with pytest.raises(Problem) as refused:
        read(nonce=nonce)
    assert refused.value.kind.code == "timestamp_outside_window"


@pytest.mark.parametrize("header", [{"api_key": b""}, {"api_key": b"\xff"}, {"api_sign": b"?"}, {"api_key": b"x" * 56}])
def test_headers_that_cannot_be_read_are_refused(header: dict[str, bytes]) -> None:
    with pytest.raises(Problem) as refused:
        read(**header)  # type: ignore[arg-type]
    assert refused.value.kind.code == "signature_incomplete"


def test_what_counts_once_is_a_nonce_with_its_request() -> None:
    assert read().proof == read().proof
    assert len({read().proof, read(body=b"nonce=1").proof, read(path=b"/0/private/Balance").proof}) == 3
    assert len(read().proof) <= 128  # what a row of UsedNonce holds
