from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Purpose(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PURPOSE_UNSPECIFIED: _ClassVar[Purpose]
    WITHDRAWALS: _ClassVar[Purpose]
    HOME: _ClassVar[Purpose]
    SWEEP: _ClassVar[Purpose]
PURPOSE_UNSPECIFIED: Purpose
WITHDRAWALS: Purpose
HOME: Purpose
SWEEP: Purpose

class GetWalletsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Wallets(_message.Message):
    __slots__ = ("chain", "descriptors")
    CHAIN_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTORS_FIELD_NUMBER: _ClassVar[int]
    chain: str
    descriptors: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, chain: _Optional[str] = ..., descriptors: _Optional[_Iterable[str]] = ...) -> None: ...

class Payment(_message.Message):
    __slots__ = ("withdrawal_id", "script", "amount_sats", "requester", "approvers")
    WITHDRAWAL_ID_FIELD_NUMBER: _ClassVar[int]
    SCRIPT_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_SATS_FIELD_NUMBER: _ClassVar[int]
    REQUESTER_FIELD_NUMBER: _ClassVar[int]
    APPROVERS_FIELD_NUMBER: _ClassVar[int]
    withdrawal_id: int
    script: bytes
    amount_sats: int
    requester: str
    approvers: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, withdrawal_id: _Optional[int] = ..., script: _Optional[bytes] = ..., amount_sats: _Optional[int] = ..., requester: _Optional[str] = ..., approvers: _Optional[_Iterable[str]] = ...) -> None: ...

class SignRequest(_message.Message):
    __slots__ = ("chain", "purpose", "psbt", "payments", "anchor_txid", "anchor_vout")
    CHAIN_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    PSBT_FIELD_NUMBER: _ClassVar[int]
    PAYMENTS_FIELD_NUMBER: _ClassVar[int]
    ANCHOR_TXID_FIELD_NUMBER: _ClassVar[int]
    ANCHOR_VOUT_FIELD_NUMBER: _ClassVar[int]
    chain: str
    purpose: Purpose
    psbt: bytes
    payments: _containers.RepeatedCompositeFieldContainer[Payment]
    anchor_txid: str
    anchor_vout: int
    def __init__(self, chain: _Optional[str] = ..., purpose: _Optional[_Union[Purpose, str]] = ..., psbt: _Optional[bytes] = ..., payments: _Optional[_Iterable[_Union[Payment, _Mapping]]] = ..., anchor_txid: _Optional[str] = ..., anchor_vout: _Optional[int] = ...) -> None: ...

class Signed(_message.Message):
    __slots__ = ("txid", "transaction")
    TXID_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    txid: str
    transaction: bytes
    def __init__(self, txid: _Optional[str] = ..., transaction: _Optional[bytes] = ...) -> None: ...
