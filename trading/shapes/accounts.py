"""What an account has, and what happened to it."""

from msgspec import Struct


class BalanceBody(Struct):
    asset: str
    total: str
    available: str
    held: str


class BalanceList(Struct):
    items: list[BalanceBody]
    next_cursor: str | None
    sequence: int


class LedgerLine(Struct):
    id: int
    asset: str
    amount: str
    balance: str
    kind: str
    cause: str
    at: str
    sequence: int


class LedgerPage(Struct):
    items: list[LedgerLine]
    next_cursor: str | None


class TransferBody(Struct, kw_only=True):
    """A transfer that was carried out, by the event ``sequence``."""

    id: str
    asset: str
    quantity: str
    to_account: int | None
    to_email: str | None
    sequence: int


class FaucetBody(Struct):
    asset: str
    quantity: str
    sequence: int


class StreamToken(Struct):
    token: str
    expires_at: str
