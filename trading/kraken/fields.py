"""What a client asks with: a form, a query or JSON, as names and values. Fields that are not known are passed over.

Numbers may be JSON numbers or texts; what is read here are exact texts. ``close[price]`` and ``orders[0][type]`` of a form are
the same as an object or a list of JSON.
"""

import datetime as dt
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from .errors import INVALID_ARGUMENTS, Refused, invalid

FORM = b"application/x-www-form-urlencoded"
FIELDS_LIMIT = 2000
NESTING_LIMIT = 3
TEXT_LIMIT = 4000
"""Characters of one value: fifty ids, with room."""
EXPONENT_LIMIT = 30
_PART = re.compile(r"\[([^\[\]]{0,40})\]")
_NAMED = re.compile(r"([^\[\]]{1,64})((?:\[[^\[\]]{0,40}\]){0,3})")
_TIME = re.compile(r"([0-9]{1,20})(?:\.([0-9]{1,12}))?")
_US_DIGITS = 16
_read_json = msgspec.json.Decoder(float_hook=str).decode


class Fields:
    """The fields of a request. What is missing, empty or null is None."""

    def __init__(self, values: Mapping[Any, Any]) -> None:
        self._values = values

    def has(self, name: str) -> bool:
        return self._values.get(name) not in (None, "")

    def text(self, name: str) -> str | None:
        """A text, or a number as it was written. Raises Refused."""
        value = self._values.get(name)
        if value is None or value == "":
            return None
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, str | int):
            text = str(value) if not isinstance(value, int) or abs(value) < 10**30 else ""
            if text and len(text) <= TEXT_LIMIT and text.isprintable():
                return text
        raise invalid(name)

    def required(self, name: str) -> str:
        text = self.text(name)
        if text is None:
            raise invalid(name)
        return text

    def decimal(self, name: str) -> str | None:
        """A decimal number, its exponent written out. Raises Refused."""
        text = self.text(name)
        if text is None or ("e" not in text and "E" not in text):
            return text
        try:
            number = Decimal(text)
            if not number.is_finite() or abs(number.adjusted()) > EXPONENT_LIMIT:
                raise InvalidOperation
        except InvalidOperation as error:
            raise invalid(name) from error
        return format(number, "f")

    def whole(self, name: str, default: int, *, least: int, most: int) -> int:
        """A whole number within bounds. Raises Refused."""
        text = self.text(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdigit() and len(text) <= 12 and least <= int(text) <= most):
            raise invalid(name)
        return int(text)

    def flag(self, name: str) -> bool:
        """Raises Refused."""
        text = (self.text(name) or "false").lower()
        if text not in ("true", "false", "1", "0"):
            raise invalid(name)
        return text in ("true", "1")

    def names(self, name: str, *, most: int) -> list[str]:
        """Texts: a list, or one with commas between them. Raises Refused."""
        value = self._values.get(name)
        if isinstance(value, list):
            found = [Fields({name: one}).required(name) for one in value[: most + 1]]
        else:
            found = [one.strip() for one in (self.text(name) or "").split(",") if one.strip()]
        if len(found) > most:
            raise invalid(name)
        return list(dict.fromkeys(found))

    def inner(self, name: str) -> "Fields | None":
        """The fields of an object. Raises Refused."""
        value = self._values.get(name)
        if value is None or value == "":
            return None
        if not isinstance(value, dict):
            raise invalid(name)
        return Fields(value)

    def each(self, name: str, *, most: int) -> "list[Fields]":
        """The objects of a list. Raises Refused."""
        value = self._values.get(name)
        if not isinstance(value, list) or len(value) > most or not all(isinstance(one, dict) for one in value):
            raise invalid(name)
        return [Fields(one) for one in value]

    def over(self, defaults: Mapping[str, str]) -> "Fields":
        """The same, with these where nothing is given."""
        return Fields({**defaults, **{name: value for name, value in self._values.items() if value not in (None, "")}})

    def with_these(self, values: Mapping[str, str]) -> "Fields":
        """The same, but for these."""
        return Fields({**self._values, **values})

    def time_us(self, name: str) -> int | None:
        """A time since the epoch in seconds, with a fraction or without, or in finer parts of one. Raises Refused."""
        text = self.text(name)
        if text is None:
            return None
        found = time_us(text)
        if found is None:
            raise invalid(name)
        return found


def time_us(text: str) -> int | None:
    """Microseconds of a time that is written in seconds, or in as many digits as ms, µs or ns have. None if it is none."""
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    whole, fraction = match[1], match[2] or ""
    if len(whole) > 10:
        return int(whole[:_US_DIGITS].ljust(_US_DIGITS, "0")) if not whole.startswith("0") else None
    return int(whole) * 1_000_000 + int(fraction[:6].ljust(6, "0"))


def moment(us: int) -> dt.datetime | None:
    """None for a time that no calendar has."""
    try:
        return dt.datetime.fromtimestamp(us // 1_000_000, dt.UTC).replace(microsecond=us % 1_000_000)
    except (ValueError, OverflowError, OSError):
        return None


def read_query(query: bytes) -> Fields:
    """Raises Refused."""
    return Fields(_form(query))


def read_body(body: bytes, kind: bytes) -> Fields:
    """A form, or JSON if it says so. Raises Refused."""
    if kind == b"application/json":
        try:
            value = _read_json(body) if body else {}
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
            raise Refused(INVALID_ARGUMENTS) from error
        if not isinstance(value, dict):
            raise Refused(INVALID_ARGUMENTS)
        return Fields(value)
    return Fields(_form(body))


def _form(text: bytes) -> dict[str, Any]:
    try:
        pairs = parse_qsl(text.decode("ascii"), keep_blank_values=True, max_num_fields=FIELDS_LIMIT, errors="strict")
    except (UnicodeDecodeError, ValueError) as error:
        raise Refused(INVALID_ARGUMENTS) from error
    found: dict[str, Any] = {}
    for name, value in pairs:
        match = _NAMED.fullmatch(name)
        if match is not None:
            _put(found, [match[1], *_PART.findall(match[2])], value)
    return {name: _lists(value) for name, value in found.items()}


def _put(into: dict[str, Any], path: list[str], value: str) -> None:
    """Places a value where its name says. Raises Refused if another is there already."""
    *outer, last = path
    for part in outer:
        into = into.setdefault(part or str(len(into)), {})
        if not isinstance(into, dict):
            raise invalid(path[0])
    last = last or str(len(into))
    if last in into:
        raise invalid(path[0])
    into[last] = value


def _lists(value: Any) -> Any:
    """Objects whose names are 0, 1, 2… are lists."""
    if not isinstance(value, dict):
        return value
    inner = {name: _lists(one) for name, one in value.items()}
    if all(name.isascii() and name.isdigit() and len(name) <= 4 for name in inner):
        return [inner[name] for name in sorted(inner, key=int)]
    return inner
