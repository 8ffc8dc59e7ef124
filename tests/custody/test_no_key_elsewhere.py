"""A withdrawal by the real processes, and then a search: no key, seed or part of one is anywhere but with the signer.

Looked through are the memory and the environment of the web processes and of the ones that pay, all of their logs, and every table.
That the search finds what is there is shown by something that has to be there.
"""

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from embit.bip32 import HDKey
from embit.descriptor import Descriptor

from funding.models import Withdrawal
from tests.fixtures import ROOT, Database
from tests.server import Server, wait_until

from .till import Till

MUCH, SOME = 40 * 10**6, 10**6
WAIT_S = 60.0
POLICY = """
maximum_fee_sats = 200_000
maximum_fee_sats_per_kvbyte = 500_000
daily_sats = 1_000_000_000
daily_fee_sats = 1_000_000
approvals = []
cold = []
"""


@contextlib.contextmanager
def program(log: Path, *command: str, **environment: str) -> Iterator[int]:
    """Its process id; it says what it says into a file."""
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, *command],
            env={**os.environ, **environment},
            cwd=ROOT,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process.pid
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def secrets_of(line: str, till: Till) -> list[bytes]:
    """What nobody else may have: the key file's line, the key in it as bytes, and the key that signed."""
    text = re.search(r"tprv[0-9A-Za-z]+", line)
    assert text is not None
    account = HDKey.from_base58(text[0])
    deposit = till.deposits()[0].address
    spent = Descriptor.from_string(line.strip()).derive(deposit.index, branch_index=0)
    assert spent.script_pubkey().data.hex() == deposit.script
    return [
        text[0].encode(),
        text[0][20:70].encode(),
        account.key.secret,
        spent.key.secret,
        account.key.secret.hex().encode(),
    ]


def memory(pid: int) -> Iterator[bytes]:
    """What a process has written to, part by part; PermissionError if it is shut."""
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as file:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            bounds, access = line.split()[:2]
            start, end = (int(one, 16) for one in bounds.split("-"))
            if access.startswith("rw"):
                with contextlib.suppress(OSError, ValueError, OverflowError):
                    file.seek(start)
                    yield file.read(end - start)


def holds(pid: int, needle: bytes) -> bool:
    return any(needle in part for part in memory(pid))


def family(pid: int) -> list[int]:
    """A process and its children, theirs too."""
    found = [pid]
    for one in found:
        for task in Path(f"/proc/{one}/task").iterdir():
            found += [int(child) for child in (task / "children").read_text().split()]
    return found


def tables(database: Database) -> Iterator[bytes]:
    with database.connect_as_owner() as connection:
        names = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (name,) in names:
            with connection.cursor() as cursor, cursor.copy(f'COPY "{name}" TO STDOUT') as rows:
                yield b"".join(bytes(row) for row in rows)


def state() -> str:
    return Withdrawal.objects.get().state


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc")
def test_no_key_is_in_memory_environment_logs_or_tables(
    simulated_till: Till, database: Database, tmp_path: Path
) -> None:
    till = simulated_till
    till.fund(MUCH)
    till.close_signer()
    (tmp_path / "policy.toml").write_text(POLICY)
    custody = {
        "FUNDING_NODES": f"{till.world.chain}={till.world.target}",
        "FUNDING_SIGNERS": f"{till.world.chain}=unix:{tmp_path}/signer.sock",
    }
    signer = {
        "SIGNER_CHAIN": till.world.chain,
        "SIGNER_LISTEN": f"unix:{tmp_path}/signer.sock",
        "SIGNER_KEY_FILE": f"{tmp_path}/keys",
        "SIGNER_POLICY_FILE": f"{tmp_path}/policy.toml",
        "SIGNER_RECORD_FILE": f"{tmp_path}/new record",
    }
    logs = [tmp_path / "signer.log", tmp_path / "custody.log"]
    with (
        program(logs[0], "-m", "funding.signer", "--begin", **signer) as signing,
        Server(database.url, **custody) as server,
        program(logs[1], "manage.py", "watch_custody", DATABASE_URL=database.url, **custody) as paying,
    ):
        till.request(SOME)
        wait_until(lambda: state() == "broadcast", limit_s=WAIT_S, what="broadcast")
        till.world.mine(2)
        wait_until(lambda: state() == "settled", limit_s=WAIT_S, what="settled")
        server.trader()
        secrets = secrets_of((tmp_path / "keys").read_text(), till)
        pids = [*family(server.pid), *family(paying)]
        assert len(pids) >= 3
        for pid in pids:
            for secret in secrets:
                assert not holds(pid, secret), Path(f"/proc/{pid}/cmdline").read_bytes()
            assert not any(secret in Path(f"/proc/{pid}/environ").read_bytes() for secret in secrets)
            assert holds(pid, database.name.encode()), "what is there is found"
        assert not any(secret in Path(f"/proc/{signing}/environ").read_bytes() for secret in secrets)
        check_signer(signing, secrets)
    said = [log.read_bytes() for log in (*logs, server.log)]
    assert b"withdrawals of" in said[0]
    kept = [*tables(database), (tmp_path / "new record").read_bytes()]
    assert any(Withdrawal.objects.get().address.encode() in one for one in kept)
    for secret in secrets:
        assert not any(secret in one for one in (*said, *kept))


def check_signer(pid: int, secrets: list[bytes]) -> None:
    """It has the key, and shuts its memory to everybody but root."""
    try:
        assert any(holds(pid, secret) for secret in secrets)
    except PermissionError:
        assert os.geteuid() != 0
