"""Whom custody talks to: the sidecar of a chain's node, and the chain's signer, where FUNDING_NODES and FUNDING_SIGNERS say.

A unix socket needs no more; to another host it goes by mutual TLS with the files of FUNDING_TLS.
"""

from pathlib import Path

from django.conf import settings

from bitcoind_proxy.client import ChainClient
from bitcoind_proxy.tls import UNIX, TlsFiles
from bitcoind_proxy.wire import TIMEOUT_S

from .signer.client import SignerClient


class NotConfigured(Exception):
    """The settings do not say whom to ask. The message says what is missing."""


def node_of(chain: str, *, timeout_s: float = TIMEOUT_S) -> ChainClient:
    """Raises NotConfigured."""
    target = _target(settings.FUNDING_NODES, chain, "FUNDING_NODES")
    return ChainClient(target, _tls(target), timeout_s=timeout_s)


def signer_of(chain: str) -> SignerClient:
    """Raises NotConfigured."""
    target = _target(settings.FUNDING_SIGNERS, chain, "FUNDING_SIGNERS")
    return SignerClient(target, _tls(target))


def _target(targets: dict[str, str], chain: str, setting: str) -> str:
    if chain not in targets:
        raise NotConfigured(f"{setting} does not have {chain}: CHAIN=TARGET, with commas between.")
    return targets[chain]


def _tls(target: str) -> TlsFiles | None:
    if target.startswith(UNIX):
        return None
    names = ("CERTIFICATE", "KEY", "AUTHORITY")
    files = [Path(settings.FUNDING_TLS[name]) if settings.FUNDING_TLS.get(name) else None for name in names]
    for name, file in zip(names, files, strict=True):
        if file is None or not file.is_file():
            raise NotConfigured(f"{target} takes mutual TLS: FUNDING_TLS_{name} has to name a file.")
    certificate, key, authority = (Path(str(file)) for file in files)
    return TlsFiles(certificate=certificate, key=key, authority=authority)
