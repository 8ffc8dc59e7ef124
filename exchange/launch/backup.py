"""Base backup, WAL archive, and restore to a moment, of embedded PostgreSQL servers. docs/backup.md does it on real ones.

A base backup is a copy of the cluster's files, taken while it is written to; the archive is every byte of WAL from then
on. Together they restore any moment after the backup, to the microsecond of a commit.
"""

import datetime as dt
import os
import shutil
import signal
import subprocess
from pathlib import Path

from exchange.launch.child import end_with_parent
from exchange.launch.postgres import SUPERUSER, EmbeddedPostgres, binaries
from exchange.launch.refusal import refusal_of_output

_SLOT = "archive"
_DRAIN_LIMIT_S = 30
_ARCHIVE_FOLDER = "archived_wal"


def prepare_for_backup(postgres: EmbeddedPostgres) -> None:
    """Lets the running server hand out its WAL, and keep the time of each commit. Restarts it."""
    with (postgres.data_dir / "pg_hba.conf").open("a") as access:
        access.write("local replication all trust\n")
    with (postgres.data_dir / "postgresql.conf").open("a") as settings:
        settings.write("track_commit_timestamp = on\n")
    postgres.stop()
    postgres.start()


class WalArchive:
    """Receives the WAL into a folder as it is written. A slot makes the server keep what has not arrived yet."""

    def __init__(self, postgres: EmbeddedPostgres, folder: Path) -> None:
        self.folder = folder
        self._command = _command("pg_receivewal", postgres, f"--directory={folder}", f"--slot={_SLOT}")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Before the base backup, so that no WAL is missing between the two. Raises Refusal."""
        self.folder.mkdir(mode=0o700)
        _run([*self._command, "--create-slot"], self.folder)
        with (self.folder.parent / "pg_receivewal.log").open("ab") as log:
            # Without --synchronous it would tell of a segment only when it is full, and hold up the server's stop.
            self._process = subprocess.Popen(
                [*self._command, "--synchronous", "--no-loop"],
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                process_group=0,
                preexec_fn=end_with_parent(signal.SIGTERM),
            )

    def finish(self) -> None:
        """After the server's stop, which hands out the last byte before it ends."""
        if self._process is not None:
            self._process.wait(_DRAIN_LIMIT_S)

    def end(self) -> None:
        """Ends it, wherever it is."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


def take_base_backup(postgres: EmbeddedPostgres, folder: Path) -> None:
    """Copies the running cluster into the folder; the server checks each page's checksum. Raises Refusal."""
    _run(_command("pg_basebackup", postgres, f"--pgdata={folder}", "--checkpoint=fast", "--wal-method=stream"), folder)


def restore(backup: Path, archive: Path, *, into: EmbeddedPostgres, until: dt.datetime) -> None:
    """Starts the server, new or stopped, on the backup and all that was committed up to ``until``, inclusive. Raises Refusal."""
    into.start()  # where its files lie, and whose they are, it decides by itself
    into.stop()
    data = into.data_dir
    owner = data.stat()
    shutil.rmtree(data)
    shutil.copytree(backup, data)
    shutil.copytree(archive, data / _ARCHIVE_FOLDER)
    with (data / "postgresql.auto.conf").open("a") as settings:
        settings.write(_recovery(until))
    (data / "recovery.signal").touch()
    if owner.st_uid != os.geteuid():
        for path in (data, *data.rglob("*")):
            os.chown(path, owner.st_uid, owner.st_gid)
    into.start()


def _recovery(until: dt.datetime) -> str:
    """The archive's last segment is still called partial: its end had not come yet."""
    fetch = f'cp "{_ARCHIVE_FOLDER}/%f" "%p" 2>/dev/null || cp "{_ARCHIVE_FOLDER}/%f.partial" "%p" 2>/dev/null'
    return (
        f"restore_command = '{fetch}'\n"
        f"recovery_target_time = '{until.isoformat()}'\n"
        "recovery_target_inclusive = on\n"
        "recovery_target_action = promote\n"
    )


def _command(program: str, postgres: EmbeddedPostgres, *arguments: str) -> list[str]:
    return [str(binaries() / program), f"--dbname={postgres.url('postgres', SUPERUSER)}", "--no-password", *arguments]


def _run(command: list[str], folder: Path) -> None:
    ended = subprocess.run(command, env=_environment(), stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if ended.returncode:
        output = (ended.stdout + ended.stderr).decode(errors="replace")
        raise refusal_of_output(output, folder, f"{Path(command[0]).name} failed:")


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
