"""A real node's chain and wallets: each method is one or a few JSON-RPC questions.

Deposits are found by reading whole blocks, not by a watch-only wallet: a wallet must be told of every address (importaddress,
gone from current Core) or of every descriptor (unknown to litecoind 0.21), rescans when it is told late, and is one more
thing to lose. ``getblock HASH 2`` is the same on all of them, and a block on disk is all that catching up takes.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from .errors import BrokenAnswer, InvalidQuestion, NodeFailure, NotFound, Refused, UnavailableEstimate
from .networks import Network
from .proto.node_pb2 import (
    BumpedPsbt,
    FinalTransaction,
    FundedPsbt,
    Header,
    MempoolEntry,
    OutPoint,
    Output,
    Payment,
    ProcessedPsbt,
    SentTransaction,
    Tip,
)
from .rpc import Rpc, amount, sats

ALREADY_IN_CHAIN = -27
"""RPC_VERIFY_ALREADY_IN_CHAIN: somebody who sends the same transaction again has succeeded."""

ALREADY_IN_MEMPOOL = ("txn-already-in-mempool", "txn-already-known")
_HASH = re.compile(r"[0-9a-f]{64}")


class CoreNode:
    """A node that has been checked, see ``checks``. Any thread."""

    def __init__(self, rpc: Rpc, network: Network, node_version: int) -> None:
        self._rpc = rpc
        self._network = network
        self._version = node_version

    # The chain

    def tip(self, timeout_s: float) -> Tip:
        info = self._rpc.call("getblockchaininfo", timeout_s=timeout_s)
        if info["chain"] != self._network.node_name:
            raise Refused(f"the node is on {info['chain']!r} now, not on {self._network.chain}")
        return Tip(
            block_hash=info["bestblockhash"],
            height=info["blocks"],
            chain=self._network.chain,
            genesis_hash=self._network.genesis_hash,
            is_synced=not info["initialblockdownload"],
            node_version=self._version,
        )

    def block_hash(self, height: int, timeout_s: float) -> str:
        return str(self._rpc.call("getblockhash", height, timeout_s=timeout_s))

    def header(self, block_hash: str, timeout_s: float) -> Header:
        found = self._rpc.call("getblockheader", _hash(block_hash), timeout_s=timeout_s)
        return Header(
            block_hash=found["hash"],
            previous_hash=found.get("previousblockhash", ""),
            height=found["height"],
            time_s=found["time"],
            is_in_active_chain=found["confirmations"] > 0,
        )

    def block_outputs(self, block_hash: str, timeout_s: float) -> list[Output]:
        block = self._rpc.call("getblock", _hash(block_hash), 2, timeout_s=timeout_s)
        return [output for transaction in block["tx"] for output in _outputs(transaction)]

    # The mempool

    def mempool(self, timeout_s: float) -> list[str]:
        return [str(txid) for txid in self._rpc.call("getrawmempool", timeout_s=timeout_s)]

    def mempool_outputs(self, txids: Iterable[str], timeout_s: float) -> Iterator[Output]:
        """Of those that still wait. Without a transaction index the node knows waiting ones only; with one it may
        answer from a stale block, so what has a block hash is left out."""
        for txid in txids:
            try:
                transaction = self._rpc.call("getrawtransaction", _hash(txid), True, timeout_s=timeout_s)
            except NotFound:
                continue
            if "blockhash" not in transaction:
                yield from _outputs(transaction)

    def mempool_entry(self, txid: str, timeout_s: float) -> MempoolEntry:
        entry = self._rpc.call("getmempoolentry", _hash(txid), timeout_s=timeout_s)
        return MempoolEntry(
            size_vbytes=entry["vsize"],
            fee_sats=sats(entry["fees"]["base"]),
            ancestor_fees_sats=sats(entry["fees"]["ancestor"]),
            ancestor_size_vbytes=entry["ancestorsize"],
            is_replaceable=entry.get("bip125-replaceable", True),
        )

    def fee_estimate(self, target_blocks: int, timeout_s: float) -> int:
        """Atomic units for a thousand virtual bytes."""
        found = self._rpc.call("estimatesmartfee", target_blocks, timeout_s=timeout_s)
        if "feerate" not in found:
            raise UnavailableEstimate("; ".join(map(str, found.get("errors", ["the node gives no fee rate"]))))
        return sats(found["feerate"])

    def unspent(self, points: Iterable[OutPoint], timeout_s: float) -> Iterator[Output]:
        for point in points:
            found = self._rpc.call("gettxout", _hash(point.txid), point.vout, False, timeout_s=timeout_s)
            if found is not None:
                yield Output(
                    txid=point.txid,
                    vout=point.vout,
                    script=bytes.fromhex(found["scriptPubKey"]["hex"]),
                    amount_sats=sats(found["value"]),
                    is_coinbase=found["coinbase"],
                )

    def send(self, transaction: bytes, timeout_s: float) -> SentTransaction:
        """Never asked twice by itself. The caller may ask again with the same bytes, and learns the same txid."""
        raw = transaction.hex()
        txid = str(self._rpc.call("decoderawtransaction", raw, timeout_s=timeout_s)["txid"])
        try:
            self._rpc.call("sendrawtransaction", raw, timeout_s=timeout_s)
        except NodeFailure as failure:
            if failure.node_code != ALREADY_IN_CHAIN and not any(
                words in failure.words for words in ALREADY_IN_MEMPOOL
            ):
                raise
            return SentTransaction(txid=txid, was_known=True)
        return SentTransaction(txid=txid)

    # The wallets

    def create_psbt(
        self, wallet: str, payments: Sequence[Payment], fee_sats_per_kvbyte: int, timeout_s: float
    ) -> FundedPsbt:
        outputs = [{payment.address: amount(payment.amount_sats)} for payment in payments]
        options = {
            "feeRate": amount(fee_sats_per_kvbyte),
            "lockUnspents": True,
            "includeWatching": True,
            "replaceable": True,
        }
        found = self._rpc.call(
            "walletcreatefundedpsbt", [], outputs, 0, options, True, timeout_s=timeout_s, wallet=wallet
        )
        return FundedPsbt(psbt=found["psbt"], fee_sats=sats(found["fee"]))

    def process_psbt(self, wallet: str, psbt: str, sign: bool, timeout_s: float) -> ProcessedPsbt:
        found = self._rpc.call("walletprocesspsbt", psbt, sign, timeout_s=timeout_s, wallet=wallet)
        return ProcessedPsbt(psbt=found["psbt"], is_complete=found["complete"])

    def finalize_psbt(self, psbt: str, timeout_s: float) -> FinalTransaction:
        found = self._rpc.call("finalizepsbt", psbt, timeout_s=timeout_s)
        if not found["complete"]:
            raise Refused("the transaction is not signed by all who have to")
        decoded = self._rpc.call("decoderawtransaction", found["hex"], timeout_s=timeout_s)
        return FinalTransaction(txid=decoded["txid"], transaction=bytes.fromhex(found["hex"]))

    def bump_fee(self, wallet: str, txid: str, fee_sats_per_kvbyte: int, timeout_s: float) -> BumpedPsbt:
        # fee_rate is in sat/vB since 0.21 of both families; a string, that no float rounds it.
        rate = f"{fee_sats_per_kvbyte // 1000}.{fee_sats_per_kvbyte % 1000:03d}"
        found = self._rpc.call("psbtbumpfee", _hash(txid), {"fee_rate": rate}, timeout_s=timeout_s, wallet=wallet)
        return BumpedPsbt(psbt=found["psbt"], old_fee_sats=sats(found["origfee"]), new_fee_sats=sats(found["fee"]))


def _outputs(transaction: dict[str, Any]) -> Iterator[Output]:
    """The outputs that a script guards. Litecoin's extension block (MWEB) has others, which nobody pays us by."""
    is_coinbase = bool(transaction["vin"]) and "coinbase" in transaction["vin"][0]
    for output in transaction["vout"]:
        script = output.get("scriptPubKey", {}).get("hex")
        if script is None:
            continue
        try:
            yield Output(
                txid=transaction["txid"],
                vout=output["n"],
                script=bytes.fromhex(script),
                amount_sats=sats(output["value"]),
                is_coinbase=is_coinbase,
            )
        except (KeyError, ValueError) as error:
            raise BrokenAnswer(f"output of {transaction.get('txid')}: {error!r}") from error


def _hash(text: str) -> str:
    if not _HASH.fullmatch(text):
        raise InvalidQuestion("a hash has 64 hexadecimal digits, in lower case")
    return text
