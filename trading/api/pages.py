"""Pages of lists that are short and at hand whole. The long ones are cut by the database."""

from collections.abc import Callable, Iterable
from typing import Annotated, TypeVar

from msgspec import Meta, Struct

from trading.shapes.fields import Cursor, Limit

T = TypeVar("T")
NameCursor = Annotated[str, Meta(min_length=1, max_length=64, description="next_cursor of the page before.")]


class NamesQuery(Struct, forbid_unknown_fields=True):
    """A page of a list in the order of its names."""

    limit: Limit = 50
    cursor: NameCursor | None = None


class ListQuery(Struct, forbid_unknown_fields=True):
    """A page of a list in the order of its numbers."""

    limit: Limit = 50
    cursor: Cursor | None = None


def page_of_names(names: Iterable[str], query: NamesQuery) -> tuple[list[str], str | None]:
    """The names of the page, and the cursor of the next one. A name that comes or goes meanwhile moves no other."""
    after = query.cursor or ""
    left = sorted(name for name in names if name > after)
    page = left[: query.limit]
    return page, page[-1] if len(page) < len(left) else None


def page_of_numbered(
    rows: Iterable[T], query: ListQuery, number: Callable[[T], int], *, newest_first: bool = False
) -> tuple[list[T], str | None]:
    """The rows of the page, and the cursor of the next one. ``number`` rises along the rows, newest first it falls."""
    left = list(rows)
    if query.cursor is not None:
        last = int(query.cursor)
        left = [row for row in left if (number(row) < last if newest_first else number(row) > last)]
    page = left[: query.limit]
    return page, str(number(page[-1])) if len(page) < len(left) else None
