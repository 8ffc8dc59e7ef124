"""Chains that are made at will, for demos: the miner's wallet of a node on regtest, blocks as time passes, and the client.

The simulated chain has a miner of its own. Amounts in atomic units.
"""

import logging
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import grpc

from .errors import BrokenAnswer, NodeFailure, Refused, from_call
from .networks import Network
from .proto import miner_pb2 as pb
from .proto import miner_pb2_grpc as rpc
from .rpc import Rpc, amount
from .service import LONGEST_CALL_S, MinerSource
from .wire import WireClient

log = logging.getLogger(__name__)
T = TypeVar("T")

COINBASE_MATURITY = 100


class NodeMiner:
    """A wallet of a node on regtest. The node makes and keeps it; a network of other people is refused."""

    def __init__(self, node: Rpc, network: Network, wallet: str) -> None:
        if network.node_name != "regtest":
            raise Refused(f"nobody mines at will on {network.chain}")
        self._rpc = node
        self._wallet = wallet

    def open(self) -> None:
        """Makes or loads the wallet, and mines until it can pay. Raises NodeFailure."""
        if self._wallet not in self._ask("listwallets", LONGEST_CALL_S):
            known = {one["name"] for one in self._ask("listwalletdir", LONGEST_CALL_S)["wallets"]}
            self._ask("loadwallet" if self._wallet in known else "createwallet", LONGEST_CALL_S, self._wallet)
        if not self._of_wallet("getbalance", LONGEST_CALL_S):
            self.mine_blocks(COINBASE_MATURITY + 1, LONGEST_CALL_S)

    def pay_address(self, address: str, amount_sats: int, timeout_s: float) -> str:
        return str(self._of_wallet("sendtoaddress", timeout_s, address, amount(amount_sats)))

    def mine_blocks(self, count: int, timeout_s: float) -> tuple[str, int]:
        hashes = self._ask("generatetoaddress", timeout_s, count, self._of_wallet("getnewaddress", timeout_s))
        if not hashes:
            raise BrokenAnswer("the node mined nothing")
        # It makes the node write to the disk what it would write once an hour: blocks that were shown outlive a kill -9.
        self._ask("gettxoutsetinfo", timeout_s, "none")
        return str(hashes[-1]), int(self._ask("getblockheader", timeout_s, hashes[-1])["height"])

    def _ask(self, method: str, timeout_s: float, *parameters: Any) -> Any:
        return self._rpc.call(method, *parameters, timeout_s=timeout_s)

    def _of_wallet(self, method: str, timeout_s: float, *parameters: Any) -> Any:
        return self._rpc.call(method, *parameters, timeout_s=timeout_s, wallet=self._wallet)


def mine_regularly(miner: MinerSource, *, every_s: float, stop: threading.Event) -> None:
    """A block every so many seconds until ``stop``; a failure is logged, and passes."""
    while not stop.wait(every_s):
        try:
            miner.mine_blocks(1, LONGEST_CALL_S)
        except NodeFailure as failure:
            log.warning("no block was mined: %s", failure)


class MinerClient(WireClient):
    """The demo's side."""

    stub_class = rpc.MinerStub

    def pay_address(self, address: str, amount_sats: int) -> str:
        """The payment's txid. Raises NodeFailure."""
        request = pb.PayAddressRequest(address=address, amount_sats=amount_sats)
        return str(self._ask(lambda: self._stub.PayAddress(request, timeout=self._timeout_s)).txid)

    def mine_blocks(self, count: int) -> pb.MinedBlocks:
        """The new tip. Raises NodeFailure."""
        request = pb.MineBlocksRequest(count=count)
        answered: pb.MinedBlocks = self._ask(lambda: self._stub.MineBlocks(request, timeout=self._timeout_s))
        return answered

    def _ask(self, call: Callable[[], T]) -> T:
        try:
            return call()
        except grpc.RpcError as error:
            raise from_call(error) from error
