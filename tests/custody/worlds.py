"""What happens on a chain, at will: a simulated one, or a node of the Bitcoin Core family on a network of its own.

Both are reached by the exchange as in production, over gRPC. The simulated world is always there; a node's where its program
is: Debian's litecoind, and whatever BITCOIND names.
"""

import contextlib
import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

from embit.script import address_to_scriptpubkey

from bitcoind_proxy.checks import check
from bitcoind_proxy.client import ChainClient
from bitcoind_proxy.errors import Unreachable
from bitcoind_proxy.networks import NETWORKS
from bitcoind_proxy.rpc import Rpc, amount
from bitcoind_proxy.server import NodeServer
from bitcoind_proxy.service import ChainService, MinerService, WalletService
from bitcoind_proxy.simulator.chain import SimulatedChain
from bitcoind_proxy.simulator.coins import MATURITY
from bitcoind_proxy.simulator.faults import Faults
from tests.server import free_port, wait_until

LITECOIND = Path("/usr/lib/litecoin/litecoind")
START_LIMIT_S = 60.0
STOP_LIMIT_S = 60.0
RPC_TIMEOUT_S = 30.0
WALLET = "the miner's wallet/1"
"""With characters that have to be quoted in a path."""
_numbers = itertools.count(1)


class World(Protocol):
    """``pay`` takes (address, atomic units); ``mine_empty`` leaves what waits waiting; ``reorganise`` as the simulated chain's."""

    chain: str
    asset: str
    target: str

    def pay(self, *payments: tuple[str, int]) -> str: ...
    def mine(self, count: int = 1) -> None: ...
    def mine_empty(self, count: int = 1) -> None: ...
    def reorganise(self, depth: int, *, double_spent: Sequence[str] = ()) -> None: ...


class SimulatedWorld:
    """``simulated``: the chain itself, for what only it can do. ``faults``: between it and the exchange."""

    asset = "BTC"
    chain = "bitcoin:regtest"

    def __init__(self, folder: Path) -> None:
        self.target = f"unix:{folder}/{next(_numbers)}.sock"
        self.simulated = SimulatedChain()
        self.simulated.mine(MATURITY + 40)
        self.faults = Faults()

    @contextlib.contextmanager
    def served(self) -> Iterator["SimulatedWorld"]:
        chain, miner = ChainService(self.simulated), MinerService(self.simulated)
        with NodeServer(chain, miner=miner, listen=self.target, interceptors=[self.faults]):
            yield self

    def pay(self, *payments: tuple[str, int]) -> str:
        return self.simulated.pay(*((address_to_scriptpubkey(address).data, atoms) for address, atoms in payments))

    def mine(self, count: int = 1) -> None:
        self.simulated.mine(count)

    def mine_empty(self, count: int = 1) -> None:
        self.simulated.mine(count, with_mempool=False)

    def reorganise(self, depth: int, *, double_spent: Sequence[str] = ()) -> None:
        self.simulated.reorganise(depth, double_spent=double_spent)


class NodeWorld:
    """A node started for the tests, with a wallet that mines."""

    def __init__(self, program: Path, folder: Path) -> None:
        is_litecoin = "litecoin" in program.name
        self.chain = "litecoin:regtest" if is_litecoin else "bitcoin:regtest"
        self.asset = "LTC" if is_litecoin else "BTC"
        self.target = f"unix:{folder}/node.sock"
        self._folder = folder
        self._port = free_port()
        # Litecoin's extension block would take the part of height 432 that a regtest miner cannot make; and its nodes take
        # no replacements (BIP 125) unless told to.
        own = ["-vbparams=mweb:-2:0", "-mempoolreplacement=1"] if is_litecoin else []
        self._command = [
            *(str(program), "-regtest", f"-datadir={folder}", f"-rpcport={self._port}", "-rpcbind=127.0.0.1"),
            *("-rpcallowip=127.0.0.1", "-listen=0", "-connect=0", "-fallbackfee=0.0002", "-server=1", *own),
        ]
        self.rpc = Rpc("127.0.0.1", self._port, self._cookie)
        self._address = ""

    def _cookie(self) -> tuple[str, str]:
        try:
            user, _, password = (self._folder / "regtest" / ".cookie").read_text().partition(":")
        except OSError as error:
            raise Unreachable("there is no cookie yet") from error
        return user, password

    @contextlib.contextmanager
    def served(self) -> Iterator["NodeWorld"]:
        with self._running():
            self.rpc.call("createwallet", WALLET, timeout_s=RPC_TIMEOUT_S)
            self._address = self.ask("getnewaddress")
            self.mine(MATURITY + 20)
            node = check(self.rpc, NETWORKS[self.chain], (WALLET,))
            with NodeServer(ChainService(node), WalletService(node, (WALLET,)), listen=self.target):
                yield self

    @contextlib.contextmanager
    def _running(self) -> Iterator[None]:
        self._start()
        try:
            yield
        finally:
            self.stop()

    def _start(self) -> None:
        with (self._folder / "node.log").open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=subprocess.STDOUT)
        try:
            wait_until(self._answers, limit_s=START_LIMIT_S, what=(self._folder / "node.log").read_text())
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(STOP_LIMIT_S)

    def start_again(self) -> None:
        """With what it had on its disk; the sidecar goes on asking."""
        self._start()
        self.rpc.call("loadwallet", WALLET, timeout_s=RPC_TIMEOUT_S)

    def _answers(self) -> bool:
        try:
            self.rpc.call("getblockcount", timeout_s=RPC_TIMEOUT_S)
        except Unreachable:
            return False
        return True

    def ask(self, method: str, *parameters: Any) -> Any:
        """A question to the miner's wallet."""
        return self.rpc.call(method, *parameters, timeout_s=RPC_TIMEOUT_S, wallet=WALLET)

    def pay(self, *payments: tuple[str, int]) -> str:
        return str(self.ask("sendmany", "", {address: amount(atoms) for address, atoms in payments}))

    def mine(self, count: int = 1) -> None:
        self.ask("generatetoaddress", count, self._address)

    def mine_empty(self, count: int = 1) -> None:
        for _ in range(count):
            self.ask("generateblock", self._address, [])

    def reorganise(self, depth: int, *, double_spent: Sequence[str] = ()) -> None:
        tip = self.ask("getblockcount")
        hashes = [self.ask("getblockhash", height) for height in range(tip - depth + 1, tip + 1)]
        gone = [one for block in hashes for one in self.ask("getblock", block, 2)["tx"][1:]]
        raw = {one["txid"]: one["hex"] for one in gone}
        self.ask("invalidateblock", hashes[0])
        # The node puts those of ten blocks back into the mempool; what it left out its owner would send again.
        for txid in set(raw) - set(self.ask("getrawmempool")):
            self.ask("sendrawtransaction", raw[txid])
        conflicts = [self._conflict(raw[txid]) for txid in double_spent]
        # Another address: a block like the one that was declared invalid, in the same second, would be that one.
        address = self.ask("getnewaddress")
        for number in range(depth + 1):
            self.ask("generateblock", address, [] if number else conflicts)

    def _conflict(self, raw: str) -> str:
        """The same coins, spent to the miner instead; signed, in hex."""
        paid = self.ask("decoderawtransaction", raw)
        total = sum(Decimal(output["value"]) for output in paid["vout"])
        spent = [{"txid": one["txid"], "vout": one["vout"]} for one in paid["vin"]]
        other = self.ask("createrawtransaction", spent, [{self._address: str(total)}])
        return str(self.ask("signrawtransactionwithwallet", other)["hex"])


def programs() -> dict[str, Path]:
    """The nodes of this machine, by the names of the tests."""
    found = {"litecoind": LITECOIND} if LITECOIND.exists() else {}
    if named := os.environ.get("BITCOIND"):
        found["bitcoind"] = Path(named)
    return found


@contextlib.contextmanager
def world(name: str) -> Iterator[World]:
    folder = Path(tempfile.mkdtemp(prefix="kontor-node-"))
    try:
        made = SimulatedWorld(folder) if name == "simulated" else NodeWorld(programs()[name], folder)
        with made.served() as served:
            yield served
    finally:
        shutil.rmtree(folder)


def client(of: World, timeout_s: float = 10.0) -> ChainClient:
    return ChainClient(of.target, timeout_s=timeout_s)
