"""What an event does to the books: one entry per event, its lines merged by account and kind."""

from collections import defaultdict
from collections.abc import Iterable

from ledger.models import Kind
from ledger.posting import EntryDraft, LineKey
from trading.engine.commands import Credit, DefineMarket
from trading.engine.outcomes import Credited, Filled
from trading.fold import Applied

_USER, _FEES = Kind.USER.value, Kind.FEES.value
_SOURCES = {"faucet": Kind.FAUCET.value, "adjustment": Kind.ADJUSTMENT.value}


def entries(applied: Iterable[Applied], markets: dict[str, DefineMarket]) -> list[EntryDraft]:
    """The entries of these events; an event that moves no money has none."""
    drafts = []
    for event in applied:
        amounts: defaultdict[LineKey, int] = defaultdict(int)
        for outcome in event.outcomes:
            if type(outcome) is Filled:
                _add_fill(amounts, outcome, markets[outcome.market])
            elif type(outcome) is Credited:
                _add_credit(amounts, outcome, event)
        lines = {key: amount for key, amount in amounts.items() if amount}
        if lines:
            drafts.append(EntryDraft(cause=event.seq, at_us=event.at_us, lines=lines))
    return drafts


def _add_fill(amounts: defaultdict[LineKey, int], fill: Filled, market: DefineMarket) -> None:
    base, quote = market.base, market.quote
    if fill.taker_side == "buy":
        buyer, seller = fill.taker_account, fill.maker_account
    else:
        buyer, seller = fill.maker_account, fill.taker_account
    amounts[buyer, base, _USER, "trade"] += fill.base_atoms
    amounts[seller, base, _USER, "trade"] -= fill.base_atoms
    amounts[seller, quote, _USER, "trade"] += fill.quote_atoms
    amounts[buyer, quote, _USER, "trade"] -= fill.quote_atoms
    amounts[fill.taker_account, quote, _USER, "fee"] -= fill.taker_fee_atoms
    amounts[fill.maker_account, quote, _USER, "fee"] -= fill.maker_fee_atoms
    amounts[None, quote, _FEES, "fee"] += fill.taker_fee_atoms + fill.maker_fee_atoms


def _add_credit(amounts: defaultdict[LineKey, int], credited: Credited, event: Applied) -> None:
    if not isinstance(event.command, Credit):
        raise TypeError(f"event {event.seq} credits, but is {type(event.command).__name__}")
    source = event.command.source
    amounts[credited.account, credited.asset, _USER, source] += credited.amount_atoms
    amounts[None, credited.asset, _SOURCES[source], source] -= credited.amount_atoms
