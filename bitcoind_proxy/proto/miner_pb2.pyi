from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class PayAddressRequest(_message.Message):
    __slots__ = ("address", "amount_sats")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_SATS_FIELD_NUMBER: _ClassVar[int]
    address: str
    amount_sats: int
    def __init__(self, address: _Optional[str] = ..., amount_sats: _Optional[int] = ...) -> None: ...

class PaidAddress(_message.Message):
    __slots__ = ("txid",)
    TXID_FIELD_NUMBER: _ClassVar[int]
    txid: str
    def __init__(self, txid: _Optional[str] = ...) -> None: ...

class MineBlocksRequest(_message.Message):
    __slots__ = ("count",)
    COUNT_FIELD_NUMBER: _ClassVar[int]
    count: int
    def __init__(self, count: _Optional[int] = ...) -> None: ...

class MinedBlocks(_message.Message):
    __slots__ = ("tip_hash", "tip_height")
    TIP_HASH_FIELD_NUMBER: _ClassVar[int]
    TIP_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    tip_hash: str
    tip_height: int
    def __init__(self, tip_hash: _Optional[str] = ..., tip_height: _Optional[int] = ...) -> None: ...
