"""Whom custody asks, by the settings; another host only by mutual TLS."""

from pathlib import Path

import pytest
from django.conf import settings

from funding.connections import NotConfigured, node_of, signer_of

CHAIN = "bitcoin:regtest"


@pytest.fixture(autouse=True)
def targets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "FUNDING_NODES", {CHAIN: "unix:/run/node.sock", "litecoin:regtest": "10.0.0.5:7443"})
    monkeypatch.setattr(settings, "FUNDING_SIGNERS", {CHAIN: "10.0.0.6:7444"})
    monkeypatch.setattr(settings, "FUNDING_TLS", {"CERTIFICATE": "", "KEY": "", "AUTHORITY": ""})


def test_a_unix_socket_needs_no_certificate() -> None:
    node_of(CHAIN).close()


def test_another_host_is_asked_by_mutual_tls_or_not_at_all(tmp_path: Path) -> None:
    with pytest.raises(NotConfigured, match="FUNDING_TLS_CERTIFICATE has to name a file"):
        signer_of(CHAIN)
    for name in ("CERTIFICATE", "KEY"):
        file = tmp_path / name
        file.touch()
        settings.FUNDING_TLS[name] = str(file)
    with pytest.raises(NotConfigured, match="FUNDING_TLS_AUTHORITY has to name a file"):
        node_of("litecoin:regtest")
    settings.FUNDING_TLS["AUTHORITY"] = str(tmp_path / "KEY")
    node_of("litecoin:regtest").close()
    signer_of(CHAIN).close()


def test_what_is_not_in_the_settings_is_named() -> None:
    with pytest.raises(NotConfigured, match="FUNDING_NODES does not have bitcoin:mainnet"):
        node_of("bitcoin:mainnet")
