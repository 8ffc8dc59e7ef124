"""The sidecar's edges: generated code, configuration, credentials, mutual TLS, amounts."""

import contextlib
import logging
import os
import socket
import subprocess
import sys
import threading
from decimal import Decimal
from pathlib import Path

import pytest

from bitcoind_proxy.client import ChainClient
from bitcoind_proxy.config import WrongConfiguration, read_configuration
from bitcoind_proxy.errors import BrokenAnswer, OutcomeUnknown, Refused, Unreachable
from bitcoind_proxy.generate import drifted
from bitcoind_proxy.mining import NodeMiner
from bitcoind_proxy.networks import NETWORKS
from bitcoind_proxy.rpc import Rpc, amount, sats
from bitcoind_proxy.server import CannotListen, NodeServer
from bitcoind_proxy.service import ChainService
from bitcoind_proxy.simulator.chain import SimulatedChain
from tests.certificates import certificate, files

ENVIRONMENT = {
    "BITCOIND_CHAIN": "bitcoin:regtest",
    "BITCOIND_RPC": "127.0.0.1:18443",
    "BITCOIND_RPC_USER": "kontor",
    "BITCOIND_RPC_PASSWORD": "p@ss:/%41",
    "BITCOIND_PROXY_LISTEN": "unix:/nowhere.sock",
}


def test_the_generated_modules_are_what_the_proto_comes_to() -> None:
    assert drifted() == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"BITCOIND_CHAIN": ""}, "BITCOIND_CHAIN is not set"),
        ({"BITCOIND_CHAIN": "bitcoin:main"}, "it is one of bitcoin:mainnet"),
        ({"BITCOIND_RPC": "http://u:p@h:1"}, "BITCOIND_RPC is HOST:PORT"),
        ({"BITCOIND_RPC": "h:port"}, "BITCOIND_RPC is HOST:PORT"),
        ({"BITCOIND_RPC_USER": ""}, "BITCOIND_RPC_USER is not set"),
        ({"BITCOIND_RPC_PASSWORD": ""}, "BITCOIND_RPC_PASSWORD is not set"),
        ({"BITCOIND_PROXY_LISTEN": ""}, "BITCOIND_PROXY_LISTEN is not set"),
        ({"BITCOIND_PROXY_LISTEN": "127.0.0.1:1"}, "BITCOIND_PROXY_TLS_CERTIFICATE is not set"),
        ({"BITCOIND_START_LIMIT_S": "soon"}, "BITCOIND_START_LIMIT_S is a number of seconds"),
    ],
)
def test_a_wrong_variable_is_named(change: dict[str, str], words: str) -> None:
    with pytest.raises(WrongConfiguration, match=words):
        read_configuration(ENVIRONMENT | change)


def test_a_cookie_is_read_anew_at_each_call(tmp_path: Path) -> None:
    cookie = tmp_path / ".cookie"
    rpc = read_configuration(ENVIRONMENT | {"BITCOIND_COOKIE_FILE": str(cookie)}).rpc
    with pytest.raises(Unreachable, match="is the node running"):
        rpc.credentials()
    for password in ("first", "second"):
        cookie.write_text(f"__cookie__:{password}")
        assert rpc.credentials() == ("__cookie__", password)


def test_nobody_mines_at_will_on_a_network_of_other_people() -> None:
    rpc = read_configuration(ENVIRONMENT).rpc
    for chain in ("bitcoin:mainnet", "bitcoin:signet", "litecoin:testnet"):
        with pytest.raises(Refused, match="nobody mines at will"):
            NodeMiner(rpc, NETWORKS[chain], "miner")


def test_the_sidecar_refuses_in_words_when_there_is_no_node(tmp_path: Path) -> None:
    environment = {**os.environ, **ENVIRONMENT, "BITCOIND_RPC": "127.0.0.1:1"}
    ended = subprocess.run(
        [sys.executable, "-m", "bitcoind_proxy"], env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith("bitcoind_proxy: the node at 127.0.0.1:1 does not answer")
    assert "p@ss" not in ended.stderr


@pytest.mark.parametrize("text", ["0", "0.00000001", "20999999.97690000", "0.1"])
def test_amounts_go_both_ways_exactly(text: str) -> None:
    atoms = sats(Decimal(text))
    assert Decimal(amount(atoms)) == Decimal(text)


def test_an_amount_that_is_not_exact_is_a_broken_answer() -> None:
    for value in (Decimal("0.000000001"), 0.1, None):
        with pytest.raises(BrokenAnswer):
            sats(value)


def test_a_lost_answer_is_an_unknown_outcome_and_nothing_is_asked_twice() -> None:
    """A node that takes a question and hangs up, with the library's DEBUG log wide open."""
    asked: list[bytes] = []

    def hang_up(listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                asked.append(connection.recv(65536))
                connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        node = threading.Thread(target=hang_up, args=(listener,))
        node.start()
        rpc = Rpc("127.0.0.1", listener.getsockname()[1], lambda: ("kontor", "p@ss:/%41"))
        with pytest.raises(OutcomeUnknown):
            rpc.call("sendrawtransaction", "00", timeout_s=2.0, wallet="a/b c")
        listener.shutdown(socket.SHUT_RDWR)
        node.join()
    assert len(asked) == 1
    assert asked[0].startswith(b"POST /wallet/a%2Fb%20c HTTP/1.1")
    assert b"Authorization: Basic a29udG9yOnBAc3M6LyU0MQ==" in asked[0]


def test_the_librarys_log_is_silent(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="BitcoinRPC"):
        logging.getLogger("BitcoinRPC").debug("walletpassphrase secret")
    assert "secret" not in caplog.text


# Mutual TLS


def test_over_tcp_both_sides_show_a_certificate_of_their_authority(tmp_path: Path) -> None:
    authority, stranger = certificate(tmp_path, "authority", None), certificate(tmp_path, "stranger", None)
    certificate(tmp_path, "server", authority)
    certificate(tmp_path, "client", authority)
    certificate(tmp_path, "thief", stranger)
    chain = ChainService(SimulatedChain())
    with pytest.raises(CannotListen, match="mutual TLS"):
        NodeServer(chain, listen="localhost:0")
    with NodeServer(chain, listen="localhost:0", tls=files(tmp_path, "server", "authority")) as server:
        target = f"localhost:{server.port}"
        with ChainClient(target, files(tmp_path, "client", "authority"), timeout_s=5) as node:
            assert node.tip().height == 0
        for tls in (None, files(tmp_path, "thief", "authority")):
            with ChainClient(target, tls, timeout_s=2) as node, pytest.raises(OutcomeUnknown):
                node.tip()
