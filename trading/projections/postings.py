"""What an event does to the books: one entry per event that changes a balance, its lines merged by account and kind.

Any event may do anything: timers and what was set off before act in whichever comes next. So it is posted by its outcomes;
the command only says where a credit is from. The engine says in ``BalanceChanged`` what each account holds after the event.
docs/ledger.md has the table of all cases.
"""

from collections.abc import Iterable, Mapping, Sequence

from ledger.chart import Kind
from ledger.posting import EntryDraft, Line
from trading.applied import Applied
from trading.engine import outcomes as told
from trading.engine.commands import Credit, DefineMarket, MoveCustody, ReverseCredit
from trading.engine.outcomes import (
    BalanceChanged,
    Credited,
    CreditReversed,
    CustodyMoved,
    Filled,
    Transferred,
    WithdrawalSettled,
)

_USER, _FEES, _ROUNDING = Kind.USER.value, Kind.FEES.value, Kind.ROUNDING.value
_SOURCES = {
    "faucet": Kind.FAUCET.value,
    "adjustment": Kind.ADJUSTMENT.value,
    "deposit": Kind.CUSTODY_HOT.value,
}
"""Where a credit is from, in the chart: a deposit is in the wallet whose address it came to."""

_MOVES_NOTHING = frozenset(
    (
        told.AssetDefined,
        told.MarketDefined,
        told.MarketStateChanged,
        told.RulesSet,
        told.FeeTierSet,
        told.CommandRejected,
        told.OrderRejected,
        told.OrderAccepted,
        told.OrderFilled,
        told.OrderRested,
        told.OrderCancelled,
        told.OwnerSet,
        told.CancelAfterSet,
        told.LegPlaced,
        told.OrderWaiting,
        told.OrderTriggered,
        told.OrderAmended,
        told.OrderRepriced,
        told.OrderRefreshed,
        told.SelfTradePrevented,
        told.AuctionUncrossed,
        told.WithdrawalHeld,
        told.WithdrawalReleased,
    )
)
"""After these, and no other, a balance can only differ in what is held of it."""

Owned = tuple[int, str]
"""Account and asset."""


def entries(applied: Iterable[Applied], markets: Mapping[str, DefineMarket]) -> list[EntryDraft]:
    """The entries of these events; an event that changes no balance has none."""
    return [draft for event in applied if (draft := entry(event, markets)) is not None]


def entry(event: Applied, markets: Mapping[str, DefineMarket]) -> EntryDraft | None:
    """The entry of this event, if it changes a balance. Raises TypeError if it is not known how to post an outcome."""
    outcomes = event.outcomes
    if not outcomes or (type(outcomes[-1]) is not BalanceChanged and type(event.command) is not MoveCustody):
        return None
    fills: list[Filled] = []
    changed: list[BalanceChanged] = []
    credit: Credited | CreditReversed | None = None
    move: Transferred | WithdrawalSettled | CustodyMoved | None = None
    for outcome in outcomes:
        kind = type(outcome)
        if kind is BalanceChanged:
            changed.append(outcome)  # type: ignore[arg-type]
        elif kind is Filled:
            fills.append(outcome)  # type: ignore[arg-type]
        elif kind is Credited or kind is CreditReversed:
            credit = outcome  # type: ignore[assignment]
        elif kind is Transferred or kind is WithdrawalSettled or kind is CustodyMoved:
            move = outcome  # type: ignore[assignment]
        elif kind not in _MOVES_NOTHING:
            raise TypeError(f"event {event.seq} changes a balance, but nobody knows how to post {kind.__name__}")
    if not fills and credit is None and move is None:
        return EntryDraft(event.seq, event.at_us, _hold_lines(changed)) if changed else None
    moves = _Moves()
    for fill in fills:
        moves.add_fill(fill, markets[fill.market])
    if move is not None:
        moves.add_move(move)
    if credit is None:
        return EntryDraft(event.seq, event.at_us, moves.lines(changed))
    moves.add_credit(event, credit)
    reverses = event.command.credit if type(event.command) is ReverseCredit else None
    return EntryDraft(event.seq, event.at_us, moves.lines(changed), reverses)


def _hold_lines(changed: Iterable[BalanceChanged]) -> list[Line]:
    """Nothing moves but between available and held."""
    return [((account, asset, _USER), "hold", 0, held) for account, asset, _, held in changed]


class _Moves:
    """What an event moves: by user and asset what was credited, transferred, traded, charged; by asset what the house takes."""

    def __init__(self) -> None:
        self._credits: dict[Owned, tuple[str, int]] = {}
        self._trades: dict[Owned, int] = {}
        self._fees: dict[Owned, int] = {}
        self._house: list[Line] = []
        self._earned: dict[str, int] = {}
        self._rounded: dict[str, int] = {}

    def add_credit(self, event: Applied, credit: Credited | CreditReversed) -> None:
        command, asset, amount = event.command, credit.asset, credit.amount_atoms
        if not isinstance(command, Credit | ReverseCredit):
            raise TypeError(f"event {event.seq} credits, but is {type(command).__name__}")
        kind: str = command.source
        if type(command) is ReverseCredit:
            kind, amount = "reversal", -amount
        self._credits[credit.account, asset] = kind, amount
        self._house.append(((None, asset, _SOURCES[command.source]), kind, -amount, 0))

    def add_move(self, move: Transferred | WithdrawalSettled | CustodyMoved) -> None:
        if type(move) is Transferred:
            account, to_account, asset, amount = move
            self._credits[account, asset] = "transfer", -amount
            self._credits[to_account, asset] = "transfer", amount
        elif type(move) is WithdrawalSettled:
            self._add_withdrawal(move)
        elif type(move) is CustodyMoved:
            self._house.append(((None, move.asset, move.source), "custody", move.amount_atoms, 0))
            self._house.append(((None, move.asset, move.target), "custody", -move.amount_atoms, 0))

    def _add_withdrawal(self, withdrawal: WithdrawalSettled) -> None:
        account, asset, amount, fee, _ = withdrawal
        if paid := amount - fee:
            self._credits[account, asset] = "withdrawal", -paid
            self._house.append(((None, asset, Kind.CUSTODY_HOT.value), "withdrawal", paid, 0))
        if fee:
            self._fees[account, asset] = self._fees.get((account, asset), 0) + fee
            self._earned[asset] = self._earned.get(asset, 0) + fee
            self._rounded.setdefault(asset, 0)

    def add_fill(self, fill: Filled, market: DefineMarket) -> None:
        base, quote, trades, fees = market.base, market.quote, self._trades, self._fees
        base_atoms, quote_atoms = fill.base_atoms, fill.quote_atoms
        if fill.taker_side == "sell":
            base_atoms, quote_atoms = -base_atoms, -quote_atoms
        taker_base, taker_quote = (fill.taker_account, base), (fill.taker_account, quote)
        maker_base, maker_quote = (fill.maker_account, base), (fill.maker_account, quote)
        trades[taker_base] = trades.get(taker_base, 0) + base_atoms
        trades[taker_quote] = trades.get(taker_quote, 0) - quote_atoms
        trades[maker_base] = trades.get(maker_base, 0) - base_atoms
        trades[maker_quote] = trades.get(maker_quote, 0) + quote_atoms
        taker_fee, maker_fee, rounding = fill.taker_fee_atoms, fill.maker_fee_atoms, fill.rounding_atoms
        fees[taker_quote] = fees.get(taker_quote, 0) + taker_fee
        fees[maker_quote] = fees.get(maker_quote, 0) + maker_fee
        self._earned[quote] = self._earned.get(quote, 0) + taker_fee + maker_fee - rounding
        self._rounded[quote] = self._rounded.get(quote, 0) + rounding

    def lines(self, changed: Sequence[BalanceChanged]) -> list[Line]:
        """The users' in the order in which they are told; then the house's, the residue of rounding apart.

        What comes to nothing is left out. A user for whom nothing is left has one that says what is held.
        """
        lines: list[Line] = []
        for account, asset, _, held in changed:
            key, owned, before = (account, asset, _USER), (account, asset), len(lines)
            if owned in self._credits:
                kind, amount = self._credits[owned]
                lines.append((key, kind, amount, held))
            fee = self._fees.get(owned, 0)
            if fee < 0:
                lines.append((key, "fee", -fee, held))  # a rebate may be part of what is paid for the trade
            if traded := self._trades.get(owned):
                lines.append((key, "trade", traded, held))
            if fee > 0:
                lines.append((key, "fee", -fee, held))
            if len(lines) == before:
                lines.append((key, "hold", 0, held))
        lines += self._house
        for asset, earned in self._earned.items():
            if earned:
                lines.append(((None, asset, _FEES), "fee", earned, 0))
            if rounded := self._rounded[asset]:
                lines.append(((None, asset, _ROUNDING), "rounding", rounded, 0))
        return lines
