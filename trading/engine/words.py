"""Packed words: signed 64-bit integers, little-endian, one after the other.

The only part of the engine that tells how it runs: compiled by mypyc it writes them in place, by mypyc's own runtime library
(librt); interpreted it collects them and packs all at once. A test compares the bytes of both.
"""

import contextlib
from struct import pack, unpack
from typing import Final

with contextlib.suppress(ImportError):  # only compiled code needs it
    from librt.strings import BytesWriter, write_i64_le

IS_NATIVE: Final = not __file__.endswith(".py")
WORD: Final = 8


class WordWriter:
    """Collects words, some at a time."""

    def __init__(self) -> None:
        if IS_NATIVE:
            self._writer = BytesWriter()
        else:
            self._list: list[int] = []

    def joined(self) -> bytes:
        return self._writer.getvalue() if IS_NATIVE else pack(f"<{len(self._list)}q", *self._list)

    def put_1(self, a: int) -> None:
        if IS_NATIVE:
            write_i64_le(self._writer, a)
        else:
            self._list += (a,)

    def put_3(self, a: int, b: int, c: int) -> None:
        if IS_NATIVE:
            writer = self._writer
            write_i64_le(writer, a)
            write_i64_le(writer, b)
            write_i64_le(writer, c)
        else:
            self._list += (a, b, c)

    def put_4(self, a: int, b: int, c: int, d: int) -> None:
        if IS_NATIVE:
            writer = self._writer
            write_i64_le(writer, a)
            write_i64_le(writer, b)
            write_i64_le(writer, c)
            write_i64_le(writer, d)
        else:
            self._list += (a, b, c, d)

    def put_5(self, a: int, b: int, c: int, d: int, e: int) -> None:
        if IS_NATIVE:
            writer = self._writer
            write_i64_le(writer, a)
            write_i64_le(writer, b)
            write_i64_le(writer, c)
            write_i64_le(writer, d)
            write_i64_le(writer, e)
        else:
            self._list += (a, b, c, d, e)

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
            self._list += (a, b, c, d, e, f)

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
            self._list += (a, b, c, d, e, f, g)

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
            self._list += (a, b, c, d, e, f, g, h, i, j, k, m, n)

    def put_text(self, text: bytes) -> None:
        """A whole number of words."""
        if IS_NATIVE:
            self._writer.write(text)
        else:
            self._list += unpack(f"<{len(text) // WORD}q", text)
