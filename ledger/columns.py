"""A column of values as one text, its values apart by a control character: ``string_to_table`` takes it apart on the server."""

from collections.abc import Sequence

import msgspec

SEPARATOR = "\x1e"
"""No value may hold it. JSON escapes control characters, all other texts of ours are names and numbers."""

_encode = msgspec.json.Encoder().encode


def apart(values: Sequence[object]) -> str:
    """The values as texts; None is an empty one. Whole numbers of any size are written together, for most columns hold them."""
    try:
        return SEPARATOR.join(values)  # type: ignore[arg-type]
    except TypeError:
        numbers = _encode(values)
    if b'"' in numbers:  # there are texts among them
        return SEPARATOR.join(["" if value is None else f"{value}" for value in values])
    return numbers[1:-1].decode().replace(",", SEPARATOR).replace("null", "")
