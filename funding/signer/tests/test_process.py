"""`python -m funding.signer` as a process: what it refuses to start with, and that no word of its keys ever leaves it."""

import contextlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bitcoind_proxy.networks import NETWORKS
from funding.signer.client import SignerClient, SignerFailure
from funding.signer.keys import WrongKeyFile, read_keys
from funding.signer.policy import WrongPolicy, read_policy
from funding.signer.proto import signer_pb2 as pb
from funding.signer.record import NoRecord, Record
from tests.certificates import certificate, files
from tests.fixtures import ROOT
from tests.server import free_port, wait_until

from .wallet import CHAIN, SEED, In, Out, private_descriptor, psbt, write_keys

WAIT_S = 60.0
POLICY = """
maximum_fee_sats = 50_000
maximum_fee_sats_per_kvbyte = 200_000
daily_sats = 10_000_000
daily_fee_sats = 60_000
approvals = [[1_000_000, 1]]
cold = ["bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"]
"""


def environment(folder: Path) -> dict[str, str]:
    return {
        "SIGNER_CHAIN": CHAIN,
        "SIGNER_LISTEN": f"unix:{folder}/signer.sock",
        "SIGNER_KEY_FILE": f"{folder}/keys",
        "SIGNER_POLICY_FILE": f"{folder}/policy.toml",
        "SIGNER_RECORD_FILE": f"{folder}/record",
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_keys(tmp_path / "keys")
    (tmp_path / "policy.toml").write_text(POLICY)
    return tmp_path


def start(folder: Path, *arguments: str, **changes: str) -> "subprocess.Popen[bytes]":
    """What it says goes to the file ``log``."""
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "funding.signer", *arguments],
            env={**os.environ, **environment(folder), **changes},
            cwd=ROOT,
            stdout=log,
            stderr=subprocess.STDOUT,
        )


@contextlib.contextmanager
def running(folder: Path, *arguments: str) -> Iterator["tuple[subprocess.Popen[bytes], SignerClient]"]:
    with start(folder, *arguments) as process, SignerClient(f"unix:{folder}/signer.sock", timeout_s=5) as client:
        try:
            wait_until(lambda: answers(client), limit_s=WAIT_S, what="the signer serves")
            yield process, client
        finally:
            process.terminate()


def test_it_signs_ends_at_a_signal_and_says_nothing_of_its_keys(folder: Path) -> None:
    made = psbt([In()], [Out(amount_sats=1_990_000, home=(1, 0))])
    with running(folder, "--begin") as (process, client):
        assert client.sign(chain=CHAIN, purpose=pb.HOME, psbt=made.serialize(), anchor=In().name).txid
        with pytest.raises(SignerFailure):
            client.sign(chain=CHAIN, purpose=pb.SWEEP, psbt=b"garbage", anchor=("", 0))
        shown = Path(f"/proc/{process.pid}/cmdline").read_bytes()
        socket_mode = (folder / "signer.sock").stat().st_mode
    said = (folder / "log").read_text()
    assert process.returncode == 0
    assert "home of" in said
    assert socket_mode & 0o007 == 0
    (secret,) = [part.partition("/<")[0] for part in private_descriptor().split("]")[1:]]
    kept = (folder / "record").read_bytes()
    for canary in (secret, secret[20:60], SEED.hex()):
        assert canary not in said
        assert canary.encode() not in kept + shown


def test_it_starts_with_nothing_less_than_it_needs(folder: Path) -> None:
    for arguments, changes, words in (
        ((), {}, "there is no record"),
        (("--begin",), {"SIGNER_CHAIN": "bitcoin:main"}, "SIGNER_CHAIN is 'bitcoin:main'"),
        (("--begin",), {"SIGNER_LISTEN": "127.0.0.1:1"}, "SIGNER_TLS_CERTIFICATE is not set"),
    ):
        with start(folder, *arguments, **changes) as process:
            assert process.wait(WAIT_S) == 2
        assert words in (folder / "log").read_text()


def test_over_tcp_both_sides_show_a_certificate_of_their_authority(folder: Path) -> None:
    authority = certificate(folder, "authority", None)
    for name in ("signer", "exchange"):
        certificate(folder, name, authority)
    certificate(folder, "thief", certificate(folder, "other", None))
    ours = files(folder, "signer", "authority")
    variables = {"CERTIFICATE": ours.certificate, "KEY": ours.key, "AUTHORITY": ours.authority}
    target = f"localhost:{free_port()}"
    with (
        start(
            folder,
            "--begin",
            SIGNER_LISTEN=target,
            **{f"SIGNER_TLS_{name}": str(file) for name, file in variables.items()},
        ) as process,
        SignerClient(target, files(folder, "exchange", "authority"), timeout_s=5) as exchange,
        SignerClient(target, files(folder, "thief", "authority"), timeout_s=1) as thief,
        SignerClient(target, timeout_s=1) as nobody,
    ):
        try:
            wait_until(lambda: answers(exchange), limit_s=WAIT_S, what="the signer answers")
            assert not answers(thief)
            assert not answers(nobody)
        finally:
            process.terminate()


def answers(client: SignerClient) -> bool:
    with contextlib.suppress(SignerFailure):
        return client.wallets().chain == CHAIN
    return False


def test_it_knows_neither_django_nor_the_rest_of_the_exchange() -> None:
    words = "import sys, funding.signer.__main__; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", words], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert "funding.signer.policy" in loaded
    assert {name.partition(".")[0] for name in loaded}.isdisjoint(
        ("django", "psycopg", "trading", "accounts", "ledger", "exchange")
    )
    assert [name for name in loaded if name.startswith("funding.") and not name.startswith("funding.signer")] == []


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o700, 0o660])
def test_a_key_file_that_others_may_read_is_refused(folder: Path, mode: int) -> None:
    (folder / "keys").chmod(mode)
    with pytest.raises(WrongKeyFile, match=f"mode {mode:04o}; it has to be 0600"):
        read_keys(folder / "keys", NETWORKS[CHAIN])


def test_a_wrong_key_file_is_told_by_line_and_never_quoted(folder: Path) -> None:
    good = private_descriptor()
    link = folder / "link"
    link.symlink_to(folder / "keys")
    with pytest.raises(WrongKeyFile, match="cannot be read"):
        read_keys(link, NETWORKS[CHAIN])
    for line, words in (
        ("", "is empty"),
        (good[:-4], "line 1 is no descriptor"),
        (good + "x", "line 1 is no descriptor"),
        (good.replace("/<0;1>/*", "/0/*"), "line 1 is not of the form"),
        (good.replace("wpkh(", "pkh("), "line 1 is not of the form"),
        (f"{good}\n{good.replace('wpkh(', 'sh(wpkh(')})", "line 2 is not of the form"),
        (private_descriptor("bitcoin:mainnet"), "line 1 holds no key of bitcoin:regtest"),
    ):
        write_keys(folder / "keys", line or " ")
        with pytest.raises(WrongKeyFile, match=words) as raised:
            read_keys(folder / "keys", NETWORKS[CHAIN])
        assert "prv" not in str(raised.value).replace("xprv…", "")
        assert raised.value.__cause__ is None


def test_a_policy_sets_everything_and_nothing_else(folder: Path) -> None:
    file = folder / "policy.toml"
    for text in (POLICY + "more = 1", POLICY.replace("[[1_000_000, 1]]", "[[1]]"), POLICY.replace("50_000", "-1"), "="):
        file.write_text(text)
        with pytest.raises(WrongPolicy, match=r"policy\.toml"):
            read_policy(file)
    file.write_text(POLICY.replace("bcrt1qw5", "bcrt1qw6"))
    with pytest.raises(WrongPolicy, match="is no address"):
        read_policy(file)


def test_the_record_is_begun_once_and_only_grows(folder: Path) -> None:
    path = folder / "record"
    with pytest.raises(NoRecord, match="there is no record"):
        Record(path)
    Record(path, begin=True).close()
    with pytest.raises(NoRecord, match="is there already"):
        Record(path, begin=True)
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("INSERT INTO paid VALUES (1, 1, 'a', 'b', 1)")
        for act in ("UPDATE paid SET anchor = 'c'", "DELETE FROM paid"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                database.execute(act)
    (folder / "other").write_text("no database at all, but long enough to be looked at" * 30)
    with pytest.raises(NoRecord, match="is no record"):
        Record(folder / "other")
