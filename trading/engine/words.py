"""Packed words: signed 64-bit integers, little-endian, one after the other.

Compiled by mypyc they are written and read in place, by mypyc's own runtime library (librt); interpreted they are collected
in a list. A test compares the bytes of both.
"""

import contextlib
from struct import pack, unpack
from typing import Final

with contextlib.suppress(ImportError):  # only compiled code needs it
    from librt.strings import BytesWriter, read_i64_le, write_i64_le

IS_NATIVE: Final = not __file__.endswith(".py")
WORD: Final = 8

Words3 = tuple[int, int, int]
Words4 = tuple[int, int, int, int]
Words5 = tuple[int, int, int, int, int]
Words6 = tuple[int, int, int, int, int, int]
Words7 = tuple[int, int, int, int, int, int, int]
Words13 = tuple[int, int, int, int, int, int, int, int, int, int, int, int, int]


class WordWriter:
    """Collects words, some at a time. ``list`` has them all where the engine is interpreted: who is in a hurry adds there."""

    def __init__(self) -> None:
        self.list: list[int] = []
        if IS_NATIVE:
            self._writer = BytesWriter()

    def clear(self) -> None:
        if IS_NATIVE:
            self._writer.truncate(0)
        else:
            self.list.clear()

    def joined(self) -> bytes:
        return self._writer.getvalue() if IS_NATIVE else pack(f"<{len(self.list)}q", *self.list)

    def reader(self) -> "WordReader":
        """Of the words so far."""
        return WordReader(self._writer.getvalue(), []) if IS_NATIVE else WordReader(b"", self.list)

    def put_1(self, word: int) -> None:
        if IS_NATIVE:
            write_i64_le(self._writer, word)
        else:
            self.list.append(word)

    def put_3(self, words: Words3) -> None:
        if IS_NATIVE:
            writer = self._writer
            write_i64_le(writer, words[0])
            write_i64_le(writer, words[1])
            write_i64_le(writer, words[2])
        else:
            self.list.extend(words)

    def put_4(self, words: Words4) -> None:
        if IS_NATIVE:
            writer = self._writer
            write_i64_le(writer, words[0])
            write_i64_le(writer, words[1])
            write_i64_le(writer, words[2])
            write_i64_le(writer, words[3])
        else:
            self.list.extend(words)

    def put_5(self, words: Words5) -> None:
        if IS_NATIVE:
            writer = self._writer
            write_i64_le(writer, words[0])
            write_i64_le(writer, words[1])
            write_i64_le(writer, words[2])
            write_i64_le(writer, words[3])
            write_i64_le(writer, words[4])
        else:
            self.list.extend(words)

    def put_7(self, words: Words7) -> None:
        if IS_NATIVE:
            writer = self._writer
            write_i64_le(writer, words[0])
            write_i64_le(writer, words[1])
            write_i64_le(writer, words[2])
            write_i64_le(writer, words[3])
            write_i64_le(writer, words[4])
            write_i64_le(writer, words[5])
            write_i64_le(writer, words[6])
        else:
            self.list.extend(words)

    def put_13(self, words: Words13) -> None:
        if IS_NATIVE:
            writer = self._writer
            write_i64_le(writer, words[0])
            write_i64_le(writer, words[1])
            write_i64_le(writer, words[2])
            write_i64_le(writer, words[3])
            write_i64_le(writer, words[4])
            write_i64_le(writer, words[5])
            write_i64_le(writer, words[6])
            write_i64_le(writer, words[7])
            write_i64_le(writer, words[8])
            write_i64_le(writer, words[9])
            write_i64_le(writer, words[10])
            write_i64_le(writer, words[11])
            write_i64_le(writer, words[12])
        else:
            self.list.extend(words)


class WordReader:
    """Reads words, some at a time, from bytes where the engine is compiled, else from a list."""

    def __init__(self, data: bytes, words: list[int]) -> None:
        self._data = data
        self._list = words
        self._at = 0
        self._end = len(data) // WORD if IS_NATIVE else len(words)

    @property
    def is_at_end(self) -> bool:
        return self._at >= self._end

    def take_1(self) -> int:
        at = self._at
        self._at = at + 1
        return read_i64_le(self._data, at * WORD) if IS_NATIVE else self._list[at]

    def take_2(self) -> tuple[int, int]:
        a = self.take_1()
        return a, self.take_1()

    def take_3(self) -> Words3:
        at = self._at
        self._at = at + 3
        if not IS_NATIVE:
            a, b, c = self._list[at : at + 3]
            return a, b, c
        data, at = self._data, at * WORD
        return read_i64_le(data, at), read_i64_le(data, at + 8), read_i64_le(data, at + 16)

    def take_6(self) -> Words6:
        at = self._at
        self._at = at + 6
        if not IS_NATIVE:
            a, b, c, d, e, f = self._list[at : at + 6]
            return a, b, c, d, e, f
        data, at = self._data, at * WORD
        return (
            read_i64_le(data, at),
            read_i64_le(data, at + 8),
            read_i64_le(data, at + 16),
            read_i64_le(data, at + 24),
            read_i64_le(data, at + 32),
            read_i64_le(data, at + 40),
        )

    def take_4(self) -> Words4:
        a = self.take_1()
        b, c, d = self.take_3()
        return a, b, c, d


def reader(data: bytes) -> WordReader:
    """Of packed words."""
    return WordReader(data, []) if IS_NATIVE else WordReader(b"", list(unpack(f"<{len(data) // WORD}q", data)))
