from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ErrorKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ERROR_KIND_UNSPECIFIED: _ClassVar[ErrorKind]
    UNREACHABLE: _ClassVar[ErrorKind]
    OUTCOME_UNKNOWN: _ClassVar[ErrorKind]
    NOT_FOUND: _ClassVar[ErrorKind]
    INVALID: _ClassVar[ErrorKind]
    REFUSED: _ClassVar[ErrorKind]
    UNAVAILABLE_ESTIMATE: _ClassVar[ErrorKind]
    BROKEN: _ClassVar[ErrorKind]
ERROR_KIND_UNSPECIFIED: ErrorKind
UNREACHABLE: ErrorKind
OUTCOME_UNKNOWN: ErrorKind
NOT_FOUND: ErrorKind
INVALID: ErrorKind
REFUSED: ErrorKind
UNAVAILABLE_ESTIMATE: ErrorKind
BROKEN: ErrorKind

class NodeError(_message.Message):
    __slots__ = ("kind", "words", "node_code")
    KIND_FIELD_NUMBER: _ClassVar[int]
    WORDS_FIELD_NUMBER: _ClassVar[int]
    NODE_CODE_FIELD_NUMBER: _ClassVar[int]
    kind: ErrorKind
    words: str
    node_code: int
    def __init__(self, kind: _Optional[_Union[ErrorKind, str]] = ..., words: _Optional[str] = ..., node_code: _Optional[int] = ...) -> None: ...

class GetTipRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Tip(_message.Message):
    __slots__ = ("block_hash", "height", "chain", "genesis_hash", "is_synced", "node_version")
    BLOCK_HASH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    CHAIN_FIELD_NUMBER: _ClassVar[int]
    GENESIS_HASH_FIELD_NUMBER: _ClassVar[int]
    IS_SYNCED_FIELD_NUMBER: _ClassVar[int]
    NODE_VERSION_FIELD_NUMBER: _ClassVar[int]
    block_hash: str
    height: int
    chain: str
    genesis_hash: str
    is_synced: bool
    node_version: int
    def __init__(self, block_hash: _Optional[str] = ..., height: _Optional[int] = ..., chain: _Optional[str] = ..., genesis_hash: _Optional[str] = ..., is_synced: _Optional[bool] = ..., node_version: _Optional[int] = ...) -> None: ...

class GetBlockHashRequest(_message.Message):
    __slots__ = ("height",)
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    height: int
    def __init__(self, height: _Optional[int] = ...) -> None: ...

class BlockHash(_message.Message):
    __slots__ = ("block_hash",)
    BLOCK_HASH_FIELD_NUMBER: _ClassVar[int]
    block_hash: str
    def __init__(self, block_hash: _Optional[str] = ...) -> None: ...

class GetHeaderRequest(_message.Message):
    __slots__ = ("block_hash",)
    BLOCK_HASH_FIELD_NUMBER: _ClassVar[int]
    block_hash: str
    def __init__(self, block_hash: _Optional[str] = ...) -> None: ...

class Header(_message.Message):
    __slots__ = ("block_hash", "previous_hash", "height", "time_s", "is_in_active_chain")
    BLOCK_HASH_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_HASH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    TIME_S_FIELD_NUMBER: _ClassVar[int]
    IS_IN_ACTIVE_CHAIN_FIELD_NUMBER: _ClassVar[int]
    block_hash: str
    previous_hash: str
    height: int
    time_s: int
    is_in_active_chain: bool
    def __init__(self, block_hash: _Optional[str] = ..., previous_hash: _Optional[str] = ..., height: _Optional[int] = ..., time_s: _Optional[int] = ..., is_in_active_chain: _Optional[bool] = ...) -> None: ...

class GetBlockOutputsRequest(_message.Message):
    __slots__ = ("block_hash",)
    BLOCK_HASH_FIELD_NUMBER: _ClassVar[int]
    block_hash: str
    def __init__(self, block_hash: _Optional[str] = ...) -> None: ...

class Output(_message.Message):
    __slots__ = ("txid", "vout", "script", "amount_sats", "is_coinbase")
    TXID_FIELD_NUMBER: _ClassVar[int]
    VOUT_FIELD_NUMBER: _ClassVar[int]
    SCRIPT_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_SATS_FIELD_NUMBER: _ClassVar[int]
    IS_COINBASE_FIELD_NUMBER: _ClassVar[int]
    txid: str
    vout: int
    script: bytes
    amount_sats: int
    is_coinbase: bool
    def __init__(self, txid: _Optional[str] = ..., vout: _Optional[int] = ..., script: _Optional[bytes] = ..., amount_sats: _Optional[int] = ..., is_coinbase: _Optional[bool] = ...) -> None: ...

class Outputs(_message.Message):
    __slots__ = ("outputs",)
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    outputs: _containers.RepeatedCompositeFieldContainer[Output]
    def __init__(self, outputs: _Optional[_Iterable[_Union[Output, _Mapping]]] = ...) -> None: ...

class ListMempoolRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class MempoolTransactions(_message.Message):
    __slots__ = ("txids",)
    TXIDS_FIELD_NUMBER: _ClassVar[int]
    txids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, txids: _Optional[_Iterable[str]] = ...) -> None: ...

class GetMempoolOutputsRequest(_message.Message):
    __slots__ = ("txids",)
    TXIDS_FIELD_NUMBER: _ClassVar[int]
    txids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, txids: _Optional[_Iterable[str]] = ...) -> None: ...

class GetMempoolEntryRequest(_message.Message):
    __slots__ = ("txid",)
    TXID_FIELD_NUMBER: _ClassVar[int]
    txid: str
    def __init__(self, txid: _Optional[str] = ...) -> None: ...

class MempoolEntry(_message.Message):
    __slots__ = ("size_vbytes", "fee_sats", "ancestor_fees_sats", "ancestor_size_vbytes", "is_replaceable")
    SIZE_VBYTES_FIELD_NUMBER: _ClassVar[int]
    FEE_SATS_FIELD_NUMBER: _ClassVar[int]
    ANCESTOR_FEES_SATS_FIELD_NUMBER: _ClassVar[int]
    ANCESTOR_SIZE_VBYTES_FIELD_NUMBER: _ClassVar[int]
    IS_REPLACEABLE_FIELD_NUMBER: _ClassVar[int]
    size_vbytes: int
    fee_sats: int
    ancestor_fees_sats: int
    ancestor_size_vbytes: int
    is_replaceable: bool
    def __init__(self, size_vbytes: _Optional[int] = ..., fee_sats: _Optional[int] = ..., ancestor_fees_sats: _Optional[int] = ..., ancestor_size_vbytes: _Optional[int] = ..., is_replaceable: _Optional[bool] = ...) -> None: ...

class EstimateFeeRequest(_message.Message):
    __slots__ = ("target_blocks",)
    TARGET_BLOCKS_FIELD_NUMBER: _ClassVar[int]
    target_blocks: int
    def __init__(self, target_blocks: _Optional[int] = ...) -> None: ...

class FeeEstimate(_message.Message):
    __slots__ = ("fee_sats_per_kvbyte",)
    FEE_SATS_PER_KVBYTE_FIELD_NUMBER: _ClassVar[int]
    fee_sats_per_kvbyte: int
    def __init__(self, fee_sats_per_kvbyte: _Optional[int] = ...) -> None: ...

class OutPoint(_message.Message):
    __slots__ = ("txid", "vout")
    TXID_FIELD_NUMBER: _ClassVar[int]
    VOUT_FIELD_NUMBER: _ClassVar[int]
    txid: str
    vout: int
    def __init__(self, txid: _Optional[str] = ..., vout: _Optional[int] = ...) -> None: ...

class GetUnspentRequest(_message.Message):
    __slots__ = ("points",)
    POINTS_FIELD_NUMBER: _ClassVar[int]
    points: _containers.RepeatedCompositeFieldContainer[OutPoint]
    def __init__(self, points: _Optional[_Iterable[_Union[OutPoint, _Mapping]]] = ...) -> None: ...

class UnspentOutputs(_message.Message):
    __slots__ = ("outputs",)
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    outputs: _containers.RepeatedCompositeFieldContainer[Output]
    def __init__(self, outputs: _Optional[_Iterable[_Union[Output, _Mapping]]] = ...) -> None: ...

class SendTransactionRequest(_message.Message):
    __slots__ = ("transaction",)
    TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    transaction: bytes
    def __init__(self, transaction: _Optional[bytes] = ...) -> None: ...

class SentTransaction(_message.Message):
    __slots__ = ("txid", "was_known")
    TXID_FIELD_NUMBER: _ClassVar[int]
    WAS_KNOWN_FIELD_NUMBER: _ClassVar[int]
    txid: str
    was_known: bool
    def __init__(self, txid: _Optional[str] = ..., was_known: _Optional[bool] = ...) -> None: ...

class WatchTipRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Payment(_message.Message):
    __slots__ = ("address", "amount_sats")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_SATS_FIELD_NUMBER: _ClassVar[int]
    address: str
    amount_sats: int
    def __init__(self, address: _Optional[str] = ..., amount_sats: _Optional[int] = ...) -> None: ...

class CreatePsbtRequest(_message.Message):
    __slots__ = ("wallet", "payments", "fee_sats_per_kvbyte")
    WALLET_FIELD_NUMBER: _ClassVar[int]
    PAYMENTS_FIELD_NUMBER: _ClassVar[int]
    FEE_SATS_PER_KVBYTE_FIELD_NUMBER: _ClassVar[int]
    wallet: str
    payments: _containers.RepeatedCompositeFieldContainer[Payment]
    fee_sats_per_kvbyte: int
    def __init__(self, wallet: _Optional[str] = ..., payments: _Optional[_Iterable[_Union[Payment, _Mapping]]] = ..., fee_sats_per_kvbyte: _Optional[int] = ...) -> None: ...

class FundedPsbt(_message.Message):
    __slots__ = ("psbt", "fee_sats")
    PSBT_FIELD_NUMBER: _ClassVar[int]
    FEE_SATS_FIELD_NUMBER: _ClassVar[int]
    psbt: str
    fee_sats: int
    def __init__(self, psbt: _Optional[str] = ..., fee_sats: _Optional[int] = ...) -> None: ...

class ProcessPsbtRequest(_message.Message):
    __slots__ = ("wallet", "psbt", "sign")
    WALLET_FIELD_NUMBER: _ClassVar[int]
    PSBT_FIELD_NUMBER: _ClassVar[int]
    SIGN_FIELD_NUMBER: _ClassVar[int]
    wallet: str
    psbt: str
    sign: bool
    def __init__(self, wallet: _Optional[str] = ..., psbt: _Optional[str] = ..., sign: _Optional[bool] = ...) -> None: ...

class ProcessedPsbt(_message.Message):
    __slots__ = ("psbt", "is_complete")
    PSBT_FIELD_NUMBER: _ClassVar[int]
    IS_COMPLETE_FIELD_NUMBER: _ClassVar[int]
    psbt: str
    is_complete: bool
    def __init__(self, psbt: _Optional[str] = ..., is_complete: _Optional[bool] = ...) -> None: ...

class FinalizePsbtRequest(_message.Message):
    __slots__ = ("psbt",)
    PSBT_FIELD_NUMBER: _ClassVar[int]
    psbt: str
    def __init__(self, psbt: _Optional[str] = ...) -> None: ...

class FinalTransaction(_message.Message):
    __slots__ = ("txid", "transaction")
    TXID_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    txid: str
    transaction: bytes
    def __init__(self, txid: _Optional[str] = ..., transaction: _Optional[bytes] = ...) -> None: ...

class BumpFeeRequest(_message.Message):
    __slots__ = ("wallet", "txid", "fee_sats_per_kvbyte")
    WALLET_FIELD_NUMBER: _ClassVar[int]
    TXID_FIELD_NUMBER: _ClassVar[int]
    FEE_SATS_PER_KVBYTE_FIELD_NUMBER: _ClassVar[int]
    wallet: str
    txid: str
    fee_sats_per_kvbyte: int
    def __init__(self, wallet: _Optional[str] = ..., txid: _Optional[str] = ..., fee_sats_per_kvbyte: _Optional[int] = ...) -> None: ...

class BumpedPsbt(_message.Message):
    __slots__ = ("psbt", "old_fee_sats", "new_fee_sats")
    PSBT_FIELD_NUMBER: _ClassVar[int]
    OLD_FEE_SATS_FIELD_NUMBER: _ClassVar[int]
    NEW_FEE_SATS_FIELD_NUMBER: _ClassVar[int]
    psbt: str
    old_fee_sats: int
    new_fee_sats: int
    def __init__(self, psbt: _Optional[str] = ..., old_fee_sats: _Optional[int] = ..., new_fee_sats: _Optional[int] = ...) -> None: ...
