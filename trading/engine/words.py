"""Packed words: signed 64-bit integers, little-endian, one after the other.

The only part of the engine that tells how it runs: compiled by mypyc it reads and writes them in place, by mypyc's own
runtime library (librt); interpreted it does several at once by ``struct``. A test compares the bytes of both.
"""

import contextlib
from struct import Struct
from typing import Final

with contextlib.suppress(ImportError):  # only compiled code needs it
    from librt.strings import BytesWriter, write_i64_le

IS_NATIVE: Final = not __file__.endswith(".py")
WORD: Final = 8

_pack_1, _pack_3, _pack_4, _pack_5, _pack_6, _pack_7, _pack_13 = (Struct(f"<{n}q").pack for n in (1, 3, 4, 5, 6, 7, 13))


class WordWriter:
    """Collects words, some at a time."""

    def __init__(self) -> None:
        if IS_NATIVE:
            self._writer = BytesWriter()
        else:
            self._parts: list[bytes] = []

    def joined(self) -> bytes:
        return self._writer.getvalue() if IS_NATIVE else b"".join(self._parts)

    def put_1(self, a: int) -> None:
        if IS_NATIVE:
            write_i64_le(self._writer, a)
        else:
            self._parts.append(_pack_1(a))

    def put_3(self, a: int, b: int, c: int) -> None:
        if IS_NATIVE:
            writer = self._writer
            write_i64_le(writer, a)
            write_i64_le(writer, b)
            write_i64_le(writer, c)
        else:
            self._parts.append(_pack_3(a, b, c))

    def put_4(self, a: int, b: int, c: int, d: int) -> None:
        if IS_NATIVE:
            writer = self._writer
            write_i64_le(writer, a)
            write_i64_le(writer, b)
            write_i64_le(writer, c)
            write_i64_le(writer, d)
        else:
            self._parts.append(_pack_4(a, b, c, d))

    def put_5(self, a: int, b: int, c: int, d: int, e: int) -> None:
        if IS_NATIVE:
            writer = self._writer
            write_i64_le(writer, a)
            write_i64_le(writer, b)
            write_i64_le(writer, c)
            write_i64_le(writer, d)
            write_i64_le(writer, e)
        else:
            self._parts.append(_pack_5(a, b, c, d, e))

    def put_6(self, a: int, b: int, c: int, d: int, e: int, f: int) -> None:
        if IS_NATIVE:
            writer = self._writer
            write_i64_le(writer, a)
            write_i64_le(writer, b)
            write_i64_le(writer, c)
            write_i64_le(writer, d)
            write_i64_le(writer, e)
            write_i64_le(writer, f)
        else:
            self._parts.append(_pack_6(a, b, c, d, e, f))

    def put_7(self, a: int, b: int, c: int, d: int, e: int, f: int, g: int) -> None:
        if IS_NATIVE:
            writer = self._writer
            write_i64_le(writer, a)
            write_i64_le(writer, b)
            write_i64_le(writer, c)
            write_i64_le(writer, d)
            write_i64_le(writer, e)
            write_i64_le(writer, f)
            write_i64_le(writer, g)
        else:
            self._parts.append(_pack_7(a, b, c, d, e, f, g))

    def put_13(
        self,
        a: int,
        b: int,
        c: int,
        d: int,
        e: int,
        f: int,
        g: int,
        h: int,
        i: int,
        j: int,
        k: int,
        m: int,
        n: int,
    ) -> None:
        if IS_NATIVE:
            writer = self._writer
            write_i64_le(writer, a)
            write_i64_le(writer, b)
            write_i64_le(writer, c)
            write_i64_le(writer, d)
            write_i64_le(writer, e)
            write_i64_le(writer, f)
            write_i64_le(writer, g)
            write_i64_le(writer, h)
            write_i64_le(writer, i)
            write_i64_le(writer, j)
            write_i64_le(writer, k)
            write_i64_le(writer, m)
            write_i64_le(writer, n)
        else:
            self._parts.append(_pack_13(a, b, c, d, e, f, g, h, i, j, k, m, n))

    def put_text(self, text: bytes) -> None:
        """A whole number of words."""
        if IS_NATIVE:
            self._writer.write(text)
        else:
            self._parts.append(text)
