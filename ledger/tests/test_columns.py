"""Columns as texts, beside what they were made of."""

from hypothesis import given
from hypothesis import strategies as st

from ledger.columns import SEPARATOR, apart

texts = st.text(st.characters(exclude_characters=SEPARATOR, exclude_categories=["Cs"]))


@given(st.lists(st.integers() | st.none(), min_size=1) | st.lists(st.integers() | texts | st.none(), min_size=1))
def test_every_value_is_where_it_was_and_none_is_empty(values: list[int | str | None]) -> None:
    assert apart(values).split(SEPARATOR) == ["" if value is None else str(value) for value in values]
