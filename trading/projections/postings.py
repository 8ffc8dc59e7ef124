"""What an event does to the books: one entry per event that changes a balance, its lines merged by account and kind.

The engine says in ``BalanceChanged`` what each account holds after the event. docs/ledger.md has the table of all cases.
"""

from collections.abc import Iterable, Mapping

from ledger.models import Kind
from ledger.posting import EntryDraft, Line
from trading.engine.commands import CancelAll, CancelOrder, Credit, DefineMarket, PlaceOrder, ReverseCredit
from trading.engine.outcomes import BalanceChanged, Filled
from trading.fold import Applied

_USER, _FEES, _ROUNDING = Kind.USER.value, Kind.FEES.value, Kind.ROUNDING.value
_ABOUT_ORDERS = (PlaceOrder, CancelOrder, CancelAll)
_SOURCES = {"faucet": Kind.FAUCET.value, "adjustment": Kind.ADJUSTMENT.value}


def entries(applied: Iterable[Applied], markets: Mapping[str, DefineMarket]) -> list[EntryDraft]:
    """The entries of these events; an event that changes no balance has none."""
    return [draft for event in applied if (draft := entry(event, markets)) is not None]


def entry(event: Applied, markets: Mapping[str, DefineMarket]) -> EntryDraft | None:
    """The entry of this event, if it changes a balance. Raises TypeError if it is not known how to post its kind."""
    outcomes, command = event.outcomes, event.command
    if not outcomes or type(last := outcomes[-1]) is not BalanceChanged:
        return None
    if type(command) in _ABOUT_ORDERS:
        fills = [outcome for outcome in outcomes if type(outcome) is Filled]
        changed = [outcome for outcome in outcomes if type(outcome) is BalanceChanged]
        lines = _trade_lines(fills, changed, markets[fills[0].market]) if fills else _hold_lines(changed)
        return EntryDraft(event.seq, event.at_us, lines)
    if type(command) is Credit:
        lines = _credit_lines(last, command.amount_atoms, command.source, command.source)
        return EntryDraft(event.seq, event.at_us, lines)
    if type(command) is ReverseCredit:
        lines = _credit_lines(last, -command.amount_atoms, command.source, "reversal")
        return EntryDraft(event.seq, event.at_us, lines, command.credit)
    raise TypeError(f"event {event.seq} changes a balance, but is {type(command).__name__}")


def _hold_lines(changed: Iterable[BalanceChanged]) -> list[Line]:
    """Nothing moves but between available and held."""
    return [((account, asset, _USER), "hold", 0, held) for account, asset, _, held in changed]


def _credit_lines(changed: BalanceChanged, amount: int, source: str, kind: str) -> list[Line]:
    account, asset, _, held = changed
    return [((account, asset, _USER), kind, amount, held), ((None, asset, _SOURCES[source]), kind, -amount, 0)]


def _trade_lines(fills: Iterable[Filled], changed: Iterable[BalanceChanged], market: DefineMarket) -> list[Line]:
    """For each account what it traded and its fee; for the house what the fees came to, the residue of rounding apart."""
    base, quote = market.base, market.quote
    sums: dict[int, list[int]] = {}
    fees = rounding = 0
    for fill in fills:
        base_atoms, quote_atoms = fill.base_atoms, fill.quote_atoms
        if fill.taker_side == "sell":
            base_atoms, quote_atoms = -base_atoms, -quote_atoms
        taker_fee, maker_fee = fill.taker_fee_atoms, fill.maker_fee_atoms
        _add(sums, fill.taker_account, base_atoms, -quote_atoms, taker_fee)
        _add(sums, fill.maker_account, -base_atoms, quote_atoms, maker_fee)
        fees += taker_fee + maker_fee
        rounding += fill.rounding_atoms
    lines: list[Line] = []
    for account, asset, _, held in changed:
        key = (account, asset, _USER)
        base_sum, quote_sum, fee = sums[account]
        if asset == base:
            lines.append((key, "trade", base_sum, held))
        else:
            lines.append((key, "trade", quote_sum, held))
            if fee:
                lines.append((key, "fee", -fee, held))
    if fees != rounding:
        lines.append(((None, quote, _FEES), "fee", fees - rounding, 0))
    if rounding:
        lines.append(((None, quote, _ROUNDING), "rounding", rounding, 0))
    return lines


def _add(sums: dict[int, list[int]], account: int, base_atoms: int, quote_atoms: int, fee_atoms: int) -> None:
    traded = sums.get(account)
    if traded is None:
        sums[account] = [base_atoms, quote_atoms, fee_atoms]
    else:
        traded[0] += base_atoms
        traded[1] += quote_atoms
        traded[2] += fee_atoms
