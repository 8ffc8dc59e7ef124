"""Decimal strings at the edge, integers inside. Nothing here rounds: what does not fit is an error.

A decimal string is ASCII digits with at most one point: no sign, no exponent, no blanks, no grouping.
"""

from functools import lru_cache

DIGITS_LIMIT = 30
"""Before the point, and behind it."""


class NotADecimal(ValueError):
    """The text is not a decimal string."""


class TooPrecise(ValueError):
    """The text has more places than the unit."""


def parse(text: str, decimals: int) -> int:
    """The number of units of ``10**-decimals`` that the text says. Raises NotADecimal or TooPrecise."""
    whole, point, places = text.partition(".")
    if not (_is_digits(whole) and (_is_digits(places) or not point)):
        raise NotADecimal("Write a decimal number such as 12.5, without sign or exponent.")
    if len(places) > decimals:
        places = places.rstrip("0")
        if len(places) > decimals:
            raise TooPrecise(f"At most {decimals} decimal places.")
    return int(whole + places.ljust(decimals, "0"))


def _is_digits(text: str) -> bool:
    """One to DIGITS_LIMIT of them; ``isdigit`` alone would take those of other scripts too."""
    return text.isdigit() and text.isascii() and len(text) <= DIGITS_LIMIT


class Fixed:
    """Writes units of ``10**-decimals`` with exactly that many places."""

    __slots__ = ("_format", "_scale")

    def __init__(self, decimals: int) -> None:
        self._scale = 10**decimals
        self._format = f"%d.%0{decimals}d" if decimals else "%d"

    def __call__(self, units: int) -> str:
        if units < 0:
            return f"-{self(-units)}"
        return self._format % (divmod(units, self._scale) if self._scale > 1 else units)


def shown(units: int, decimals: int, at_least: int) -> str:
    """``units`` of ``10**-decimals``, without the zeros at the end beyond ``at_least`` places."""
    text = _fixed(decimals)(units)
    extra = decimals - at_least
    while extra > 0 and text[-1] == "0":
        text, extra = text[:-1], extra - 1
    return text[:-1] if text[-1] == "." else text


@lru_cache
def _fixed(decimals: int) -> Fixed:
    return Fixed(decimals)


def places(units: int, decimals: int) -> int:
    """How many decimal places ``units`` of ``10**-decimals`` needs."""
    while decimals > 0 and units % 10 == 0:
        units, decimals = units // 10, decimals - 1
    return decimals
