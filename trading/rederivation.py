"""Re-deriving the books: what every row of the ledger must be, by the journal.

Fed with every event from the first on, it makes each entry anew and compares the ledger's rows with it, in order and in
bounded memory. The first row that differs is named; what comes after it would follow from it.
"""

from collections.abc import Iterator

import psycopg

from ledger.chart import Kind
from ledger.posting import AccountKey, EntryDraft, Line
from ledger.queries import as_int
from trading.applied import Applied
from trading.engine.commands import DefineMarket
from trading.projections.markets import listed
from trading.projections.postings import entry

Connection = psycopg.Connection[tuple[object, ...]]

Row = tuple[int, int, str]
"""The cause and the id of a row, and all else that it says as one text: comparing texts is quick."""

CHUNK = 5000
ENTRY_FIELDS = ("at_us", "reverses")
POSTING_FIELDS = ("account", "kind", "amount", "balance", "held")
NOT_RECORDED = "-"

_ENTRIES = "SELECT cause, cause, at_us || ' ' || coalesce(reverses::text, '-') FROM ledger_entry ORDER BY cause"
_POSTINGS = (
    "SELECT cause, id, account_id || ' ' || kind || ' ' || amount || ' ' || balance || ' ' || coalesce(held::text, '-')"
    " FROM ledger_posting ORDER BY id"
)
_ACCOUNTS = "SELECT id, owner, asset, kind, balance::text, coalesce(held::text, '-') FROM ledger_account ORDER BY id"


class Rederivation:
    """``check`` every event, then ``finish``. In one transaction, which sees the ledger as it is at event ``posted``."""

    def __init__(self, connection: Connection, *, posted: int) -> None:
        self._posted = posted
        self._held_since = _held_since(connection)
        self._accounts: dict[int, tuple[AccountKey, str, str]] = {}
        for id_, owner, asset, kind, balance, held in connection.execute(_ACCOUNTS).fetchall():
            key = (None if owner is None else as_int(owner), str(asset), str(kind))
            self._accounts[as_int(id_)] = key, str(balance), str(held)
        self._ids = {key: id_ for id_, (key, _, _) in self._accounts.items()}
        self._positions: dict[int, tuple[int, str]] = {}
        self._markets: dict[str, DefineMarket] = {}
        self._entries = _Rows(connection, "rederived_entries", _ENTRIES)
        self._postings = _Rows(connection, "rederived_postings", _POSTINGS)
        self._finding: str | None = None

    def check(self, event: Applied) -> None:
        """Compares what this event must have come to with the rows that are next."""
        if self._finding is not None or event.seq > self._posted:
            return
        if (market := listed(event)) is not None:
            self._markets[market.market] = market
        draft = entry(event, self._markets)
        if draft is not None and draft.cause < self._held_since:
            draft = _as_before_holds(draft)
        if draft is not None:
            self._finding = self._compare_entry(draft) or self._compare_postings(draft)

    def finish(self) -> list[str]:
        """The finding, if there is one."""
        if self._finding is None:
            self._finding = self._left_over() or self._compare_accounts()
        return [] if self._finding is None else [self._finding]

    def _compare_entry(self, draft: EntryDraft) -> str | None:
        cause, first = draft.cause, self._entries.next
        if first is not None and first[0] < cause:
            return f"entry {first[0]} should not be there"
        rows = self._entries.take(cause)
        if not rows:
            return f"entry {cause} is missing"
        expected = f"{draft.at_us} {NOT_RECORDED if draft.reverses is None else draft.reverses}"
        return _difference(f"entry {cause}", ENTRY_FIELDS, rows[0][2], expected)

    def _compare_postings(self, draft: EntryDraft) -> str | None:
        first = self._postings.next
        if first is not None and first[0] < draft.cause:
            return _extra(first)
        rows = self._postings.take(draft.cause)
        expected = []
        for number, line in enumerate(draft.lines):
            if line[0] not in self._ids:
                return self._missing_account(line[0], rows[number : number + 1])
            expected.append(self._carry_on(draft.cause, line))
        if draft.cause < self._held_since:  # an entry's lines stood in another order then; an account's did not
            rows.sort(key=lambda row: _account(row[2]))
            expected.sort(key=_account)
        if [text for _, _, text in rows] == expected:
            return None
        return self._explain(draft.cause, expected, rows)

    def _carry_on(self, cause: int, line: Line) -> str:
        """The text of the posting that this line must have become."""
        key, kind, amount, held = line
        id_ = self._ids[key]
        position = self._positions.get(id_)
        balance = amount if position is None else position[0] + amount
        held_text = str(held) if cause >= self._held_since else NOT_RECORDED
        self._positions[id_] = balance, held_text
        return f"{id_} {kind} {amount} {balance} {held_text}"

    def _explain(self, cause: int, expected: list[str], rows: list[Row]) -> str:
        """What is wrong with the postings of an entry."""
        for number, (row, text) in enumerate(zip(rows, expected, strict=False)):
            if row[2] != text and len(rows) > len(expected):
                return _extra(row)
            if row[2] != text and len(rows) < len(expected):
                return _lacking(cause, expected[number])
            said = _difference(f"posting {row[1]} of entry {cause}", POSTING_FIELDS, row[2], text)
            if said is not None:
                return said
        if len(rows) > len(expected):
            return _extra(rows[len(expected)])
        stray = self._postings.next
        if stray is not None and stray[2] == expected[len(rows)]:
            return f"posting {stray[1]} is of entry {stray[0]}, should be of entry {cause}"
        return _lacking(cause, expected[len(rows)])

    def _missing_account(self, key: AccountKey, rows: list[Row]) -> str:
        for _, _, text in rows:
            if (found := self._accounts.get(_account(text))) is not None:
                return f"ledger account {_account(text)} is {_words(found[0])}, should be {_words(key)}"
        return f"there is no ledger account that is {_words(key)}"

    def _left_over(self) -> str | None:
        if self._entries.next is not None:
            return f"entry {self._entries.next[0]} should not be there"
        return None if self._postings.next is None else _extra(self._postings.next)

    def _compare_accounts(self) -> str | None:
        for id_, (_, balance, held) in self._accounts.items():
            unused = (0, held if held == NOT_RECORDED else "0")
            expected = "{} {}".format(*self._positions.get(id_, unused))
            said = _difference(f"ledger account {id_}", ("balance", "held"), f"{balance} {held}", expected)
            if said is not None:
                return said
        return None


class _Rows:
    """The rows of a query in order, read in chunks. ``next`` is the first that was not taken yet."""

    def __init__(self, connection: Connection, name: str, query: str) -> None:
        self._rows = _read(connection, name, query)
        self.next: Row | None = next(self._rows, None)

    def take(self, cause: int) -> list[Row]:
        """The next rows, as far as they are of this cause."""
        taken = []
        row = self.next
        while row is not None and row[0] == cause:
            taken.append(row)
            row = next(self._rows, None)
        self.next = row
        return taken


def _read(connection: Connection, name: str, query: str) -> Iterator[Row]:
    with connection.cursor(name=name) as cursor:
        cursor.execute(query)
        while rows := cursor.fetchmany(CHUNK):
            yield from rows  # type: ignore[misc]


def _held_since(connection: Connection) -> int:
    """The first event whose postings say what is held."""
    row = connection.execute("SELECT ledger_held_since()").fetchone()
    return as_int(None if row is None else row[0])


def _as_before_holds(draft: EntryDraft) -> EntryDraft | None:
    """The entry as it was posted before holds were: without them, and with the residue of rounding among the fees."""
    amounts: dict[tuple[AccountKey, str], int] = {}
    for key, kind, amount, _ in draft.lines:
        if key[2] == Kind.ROUNDING:
            key, kind = (None, key[1], Kind.FEES.value), "fee"
        amounts[key, kind] = amounts.get((key, kind), 0) + amount
    lines: list[Line] = [(key, kind, amount, 0) for (key, kind), amount in amounts.items() if amount]
    return draft._replace(lines=lines) if lines else None


def _difference(what: str, fields: tuple[str, ...], is_: str, should_be: str) -> str | None:
    """The first field in which two texts differ, in words."""
    for field, one, other in zip(fields, is_.split(" "), should_be.split(" "), strict=False):
        if one != other:
            return f"{what} has {field} {one}, should be {other}"
    return None


def _account(text: str) -> int:
    return int(text.split(" ", 1)[0])


def _extra(row: Row) -> str:
    return f"posting {row[1]} of entry {row[0]} should not be there"


def _lacking(cause: int, text: str) -> str:
    account, kind, amount, *_ = text.split(" ")
    return f"entry {cause} lacks a posting: {kind} {amount} to ledger account {account}"


def _words(key: AccountKey) -> str:
    owner, asset, kind = key
    return f"{kind} {asset}" if owner is None else f"{kind} {owner} {asset}"
