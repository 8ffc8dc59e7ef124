"""Faults of environment, packages and machine, each made and found; and that what is healthy is said to be."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.test import override_settings

from exchange.doctor import machine
from exchange.doctor.packages import LOCK, package_versions, python_version
from exchange.doctor.variables import VARIABLES, malformed_values, secret_files, unknown_names
from tests.fixtures import ROOT, Database, manage

from .said import examined, only, settings_of

READS = re.compile(r'(?:environ\.get\(|environ\[|read\(|secret\(|_database_url\()"([A-Z][A-Z_]+)"')


def test_a_healthy_database_is_said_to_be_and_the_exit_code_is_0(demo_database: Database) -> None:
    ended = manage("doctor", url=demo_database.url)
    assert "\nwrong" not in ended.stdout and ended.stdout.splitlines()[-1].startswith("Nothing wrong,")
    for words in (
        "All migrations are applied",
        "can change or delete neither events, books",
        "The journal ends at event",
    ):
        assert words in ended.stdout


def test_every_variable_that_the_exchange_reads_is_known() -> None:
    """But those of the sidecar and the signer, which are processes of their own, and of other programs."""
    files = [*ROOT.glob("exchange/**/*.py"), *ROOT.glob("accounts/**/*.py"), *ROOT.glob("trading/**/*.py")]
    texts = [
        path.read_text() for path in [*files, ROOT / "etc" / "gunicorn.conf.py"] if "/node_modules/" not in str(path)
    ]
    read = {name for text in texts for name in READS.findall(text)}
    assert {"RATE_LIMIT_ORDERS", "SECRET_KEY", "KONTOR_ENGINE", "BIND", "BOTS"} <= read
    assert read - set(VARIABLES) == {"PATH"}


def test_a_mistyped_variable_is_named_with_the_nearest_that_is_known(demo_database: Database) -> None:
    code, findings = examined(demo_database.url, KONTOR_ENGIN="native", DATABASE_URI="postgresql://elsewhere")
    one = only(findings)
    assert (code, one.setting) == (1, "KONTOR_ENGIN") and "KONTOR_ENGINE" in one.fix
    (near,) = [finding for finding in findings if finding.setting == "DATABASE_URI"]
    assert near.severity == "warning" and "DATABASE_URL" in near.fix
    far = only(unknown_names({"FUNDING_ZZZ": "1", "HOME": "/root", "EDITOR": "ed"}))
    assert far.setting == "FUNDING_ZZZ"


def test_a_value_that_nothing_can_start_with_is_said_by_its_variable(demo_database: Database) -> None:
    """By its form, and as what keeps the settings from being read; nothing else can be looked at then."""
    for changes in (
        {"RATE_LIMIT_ACCOUNT": "many"},
        {"KONTOR_ENGINE": "fast"},
        {"DATABASE_URL": "mysql://kontor:a-password@db/kontor"},
    ):
        code, findings = examined(demo_database.url, **changes)
        assert code == 1 and settings_of(findings) == set(changes)
        assert findings[-1].fix == "Nothing else was looked at."
        assert not [finding for finding in findings if "a-password" in finding.line]


def test_each_value_has_a_form(tmp_path: Path) -> None:
    for name, value, words in (
        ("BIND", "8000", "ADDRESS:PORT"),
        ("BOTS", "none", "on or off"),
        ("DATABASE_URL", "mysql://db/kontor", "must have the form postgresql://"),
        ("FUNDING_NODES", "bitcoin:mainnet", "must have the form NAME=VALUE"),
        ("FUNDING_TLS_KEY", f"{tmp_path}/none", "cannot be read: No such file"),
        ("KONTOR_ENGINE", "fast", "must be one of auto, native, interpreted"),
        ("METRICS_FROM", "10.0.0.0/8 here", "'here' is none"),
        ("PORT", "0", "from 1 to 65535"),
        ("RATE_LIMITS", "no", "must be on or off"),
        ("RATE_LIMIT_ACCOUNT", "many", "must be a whole number"),
        ("REDIS_URL", "localhost", "must have the form redis://"),
        ("SECRET_KEY_FILE", f"{tmp_path}/none", "cannot be read: No such file"),
        ("SITE_ADDRESS", "exchange.example", "https://exchange.example.com"),
        ("SMTP_SECURITY", "ssl", "one of none, starttls, tls"),
        ("STREAM_ORIGINS", "desk.example", "'desk.example' is none"),
    ):
        found = only(malformed_values({name: value}))
        assert found.setting == name and words in found.says
    assert settings_of(malformed_values({"BIND": "", "REDIS_URL": "redis://localhost/0"})) == set()


def test_a_secret_that_everybody_can_read_or_that_is_said_twice_is_found(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("x")
    path.chmod(0o604)
    findings = list(secret_files({"SECRET_KEY_FILE": str(path), "SECRET_KEY": "y"}))
    assert settings_of(findings, "warning") == {"SECRET_KEY", "SECRET_KEY_FILE"}
    path.chmod(0o600)
    assert settings_of(secret_files({"SECRET_KEY_FILE": str(path)}), "warning") == set()


def test_packages_of_other_versions_are_named(tmp_path: Path) -> None:
    lock = tmp_path / "run.txt"
    locked = LOCK.read_text()
    lock.write_text(re.sub(r"^django==\S+", "django==1.0", locked, flags=re.M) + "\nnever-made==1.0 \\\n")
    says = {finding.setting: finding.says for finding in package_versions(lock) if finding.severity == "wrong"}
    assert set(says) == {"django", "never-made"}
    assert "1.0 is locked" in says["django"] and "none is installed" in says["never-made"]
    lock.write_text("\n".join(f"never-made-{number}==1" for number in range(9)))
    assert "4 more packages differ" in list(package_versions(lock))[-1].says
    assert settings_of(package_versions()) == set()


def test_an_old_python_is_said() -> None:
    assert "99.0 is the oldest" in only(python_version((99, 0))).says


def test_a_disk_that_is_nearly_full_is_said(tmp_path: Path) -> None:
    assert "GiB are free" in only(machine.free_disk(tmp_path, least=2**60)).says
    assert "GiB are free" in only(machine.free_disk(tmp_path, little=2**60), "warning").says


@pytest.mark.parametrize(("files", "severity"), [(200, "wrong"), (2000, "warning")])
def test_too_few_open_files_are_said(demo_database: Database, files: int, severity: str) -> None:
    command = f"ulimit -n {files}; exec {sys.executable} manage.py doctor"
    environment = {**os.environ, "DATABASE_URL": demo_database.url}
    ended = subprocess.run(
        ["sh", "-c", command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert f"{severity:<8}LimitNOFILE: a process may have {files} files open" in ended.stdout
    assert ended.returncode == (1 if severity == "wrong" else 0)


def test_a_state_directory_that_others_can_read_or_that_is_missing_is_said(tmp_path: Path) -> None:
    (tmp_path / "demo.json").touch(0o644)
    assert "demo.json" in only(machine.state_directory(tmp_path)).fix
    (tmp_path / "demo.json").unlink()
    assert settings_of(machine.state_directory(tmp_path)) == set()
    tmp_path.chmod(0o777)
    assert "everybody on this machine can write" in only(machine.state_directory(tmp_path)).says
    gone = tmp_path / "gone"
    assert "no folder" in only(machine.state_directory(gone), "warning").says
    with override_settings(DEMO=False):
        assert "no folder" in only(machine.state_directory(gone)).says


@pytest.mark.skipif(os.geteuid() == 0 and not Path("/usr/bin/setpriv").exists(), reason="root may write anywhere")
def test_a_state_directory_that_this_user_cannot_write_to_is_said(tmp_path: Path) -> None:
    program = (
        "import django; django.setup(); from pathlib import Path; from exchange.doctor import machine;"
        f"print([one.line for one in machine.state_directory(Path({str(tmp_path)!r}))])"
    )
    tmp_path.chmod(0o555)
    as_nobody = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
    ended = subprocess.run(
        [*as_nobody, sys.executable, "-c", program],
        cwd=ROOT,
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "this user cannot write" in ended.stdout, ended.stderr


def test_the_files_of_the_site_are_missed(tmp_path: Path) -> None:
    with override_settings(STATIC_ROOT=tmp_path):
        assert "collectstatic" in only(machine.site_files(), "warning").fix
        with override_settings(DEMO=False):
            assert "collectstatic" in only(machine.site_files()).fix
    with override_settings(NODE_MODULES=tmp_path / "none"):
        assert only(machine.site_files()).setting == "node_modules"


def test_the_engines_form_is_said(demo_database: Database) -> None:
    told = manage("doctor", url=demo_database.url, KONTOR_ENGINE="interpreted").stdout
    assert "ok      The engine is interpreted, as KONTOR_ENGINE says." in told
