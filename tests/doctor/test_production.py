"""Settings that are wrong where money is real: each named, with what to set."""

import base64
import socket
from typing import Any

import pytest

from exchange.doctor.findings import Finding
from tests.fixtures import Database
from tests.production import ENVIRONMENT, SEALING_KEY
from tests.server import free_port

from .said import examined, only, settings_of

ZEROS = base64.urlsafe_b64encode(bytes(32)).decode()


@pytest.fixture
def environment(tmp_path: Any) -> dict[str, str]:
    return {**ENVIRONMENT, "ALLOWED_HOSTS": "exchange.example", "SMTP_PORT": str(free_port())}


def test_sound_settings_are_said_to_be(demo_database: Database, environment: dict[str, str]) -> None:
    """But for the files of the site, which only some tests gather, and the mail server."""
    _, findings = examined(demo_database.url, **environment)
    ungathered = "Gather them: manage.py collectstatic --noinput."
    assert {finding.fix for finding in findings if finding.severity == "wrong"} <= {ungathered}
    assert "SMTP_HOST" in settings_of(findings, "warning")
    with socket.create_server(("127.0.0.1", int(environment["SMTP_PORT"]))):
        _, findings = examined(demo_database.url, **environment, SMTP_HOST="127.0.0.1")
    assert "SMTP_HOST" not in settings_of(findings, "warning")


def faults(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(finding.setting, finding.says) for finding in findings if finding.severity == "wrong"]


@pytest.mark.parametrize(
    ("changes", "setting", "words"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY", "Set SECRET_KEY, or SECRET_KEY_FILE"),
        ({"SEALING_KEYS": "short"}, "SEALING_KEYS", "keys of 32 bytes"),
        ({"RATE_LIMITS": "off"}, "RATE_LIMITS", "production refuses it"),
        ({"DJANGO_SETTINGS_MODULE": "exchange.settings.prod"}, "DJANGO_SETTINGS_MODULE", "exchange.settings.prod"),
    ],
)
def test_what_nothing_can_start_with_is_said(
    demo_database: Database, environment: dict[str, str], changes: dict[str, str], setting: str, words: str
) -> None:
    code, findings = examined(demo_database.url, **{**environment, **changes})
    ((said, why),) = faults(findings)
    assert (code, said) == (1, setting) and words in why


def test_weak_and_shared_secrets_all_hosts_and_no_tls_are_said(
    demo_database: Database, environment: dict[str, str]
) -> None:
    """As many as there are, in one go."""
    for changes, expected in (
        (
            {
                "SECRET_KEY": "short",
                "SEALING_KEYS": ZEROS,
                "ALLOWED_HOSTS": "*",
                "SITE_ADDRESS": "http://exchange.example",
                "SMTP_USER": "kontor",
                "SMTP_PASSWORD": "p" * 9,
            },
            {
                "SECRET_KEY": "(security.W009)",
                "SEALING_KEYS": "can be guessed",
                "ALLOWED_HOSTS": "allows every host",
                "SITE_ADDRESS": "without TLS",
                "SMTP_SECURITY": "goes over the wire as it is",
            },
        ),
        (
            {"SECRET_KEY_FALLBACKS": environment["SECRET_KEY"] + ",a", "ALLOWED_HOSTS": ""},
            {"SECRET_KEY_FALLBACKS": "the same secret is used", "ALLOWED_HOSTS": "(security.W020)"},
        ),
    ):
        code, findings = examined(demo_database.url, **{**environment, **changes})
        for setting, words in expected.items():
            assert any(said == setting and words in why for said, why in faults(findings)), (setting, findings)
        assert code == 1
    assert ("SECRET_KEY_FALLBACKS", True) in [(said, "(security.W025)" in why) for said, why in faults(findings)]


def test_links_that_lead_elsewhere_are_said(demo_database: Database, environment: dict[str, str]) -> None:
    _, findings = examined(demo_database.url, **environment, SITE_ADDRESS="https://other.example")
    assert "SITE_ADDRESS" in settings_of(findings, "warning")


def test_a_demo_that_others_can_reach_is_said(demo_database: Database) -> None:
    code, findings = examined(demo_database.url, BIND="0.0.0.0:8000")
    assert code == 1 and "listens on 0.0.0.0:8000" in only(findings).says


def test_no_secret_is_ever_said(demo_database: Database, environment: dict[str, str]) -> None:
    secrets = {"SECRET_KEY_FALLBACKS": "old0one" * 9, "SMTP_PASSWORD": "mail0word" * 4, "SMTP_USER": "kontor"}
    _, findings = examined(demo_database.url, **environment, **secrets)
    text = " ".join(finding.line for finding in findings)
    for secret in (environment["SECRET_KEY"], SEALING_KEY, *list(secrets.values())[:2]):
        assert secret not in text
