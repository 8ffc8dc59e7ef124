"""What a node must be before it is served: reachable, new enough, on the right chain, with the wallets that were named."""

from .core_node import CoreNode
from .errors import NodeFailure
from .networks import Network
from .rpc import Rpc

OLDEST_VERSION = 210_000
"""0.21: psbtbumpfee, generateblock, and fee rates in sat/vB."""

CHECK_TIMEOUT_S = 15.0


class WrongNode(Exception):
    """This node is not to be served. The message says why, in a sentence."""


def check(rpc: Rpc, network: Network, wallets: tuple[str, ...] = ()) -> CoreNode:
    """The node, if it is what the configuration says. Raises WrongNode, or NodeFailure if it does not answer."""
    version = int(rpc.call("getnetworkinfo", timeout_s=CHECK_TIMEOUT_S)["version"])
    if version < OLDEST_VERSION:
        raise WrongNode(f"the node's version is {version}; {OLDEST_VERSION} is the oldest that is served")
    name = rpc.call("getblockchaininfo", timeout_s=CHECK_TIMEOUT_S)["chain"]
    if name != network.node_name:
        raise WrongNode(
            f"the node is on {name!r}, but BITCOIND_CHAIN says {network.chain}, which it calls {network.node_name!r}"
        )
    genesis = rpc.call("getblockhash", 0, timeout_s=CHECK_TIMEOUT_S)
    if genesis != network.genesis_hash:
        raise WrongNode(f"the first block of the node is {genesis}, that of {network.chain} is {network.genesis_hash}")
    for wallet in wallets:
        try:
            rpc.call("getwalletinfo", timeout_s=CHECK_TIMEOUT_S, wallet=wallet)
        except NodeFailure as failure:
            raise WrongNode(f"the node has not loaded the wallet {wallet!r}: {failure}") from failure
    return CoreNode(rpc, network, version)
