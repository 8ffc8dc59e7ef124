"""Packed words: signed 64-bit integers, little-endian, one after the other.

Compiled by mypyc they are written and read in place, by mypyc's own runtime library (librt); interpreted by ``struct``, some
at a time. A test compares the bytes of both.
"""

import contextlib
from collections.abc import Callable
from struct import Struct
from typing import Final

with contextlib.suppress(ImportError):  # only compiled code needs it
    from librt.strings import BytesWriter, read_i64_le, write_i64_le

IS_NATIVE: Final = not __file__.endswith(".py")
WORD: Final = 8

PACK_1: Final = Struct("<q").pack
PACK_3: Final = Struct("<3q").pack
PACK_4: Final = Struct("<4q").pack
PACK_5: Final = Struct("<5q").pack
PACK_6: Final = Struct("<6q").pack
PACK_7: Final = Struct("<7q").pack
PACK_11: Final = Struct("<11q").pack
PACK_13: Final = Struct("<13q").pack

Words2 = tuple[int, int]
Words3 = tuple[int, int, int]
Words4 = tuple[int, int, int, int]
Words5 = tuple[int, int, int, int, int]
Words6 = tuple[int, int, int, int, int, int]
Words7 = tuple[int, int, int, int, int, int, int]
Words10 = tuple[int, int, int, int, int, int, int, int, int, int]
Words13 = tuple[int, int, int, int, int, int, int, int, int, int, int, int, int]

UNPACK_1: Final[Callable[[bytes, int], tuple[int]]] = Struct("<q").unpack_from
UNPACK_2: Final[Callable[[bytes, int], Words2]] = Struct("<2q").unpack_from
UNPACK_3: Final[Callable[[bytes, int], Words3]] = Struct("<3q").unpack_from
UNPACK_4: Final[Callable[[bytes, int], Words4]] = Struct("<4q").unpack_from
UNPACK_6: Final[Callable[[bytes, int], Words6]] = Struct("<6q").unpack_from
UNPACK_10: Final[Callable[[bytes, int], Words10]] = Struct("<10q").unpack_from


class WordWriter:
    """Collects words, some at a time. ``bytes`` has them all where the engine is interpreted: who is in a hurry adds there."""

    def __init__(self) -> None:
        self.bytes = bytearray()
        if IS_NATIVE:
            self._writer = BytesWriter()

    def clear(self) -> None:
        if IS_NATIVE:
            self._writer.truncate(0)
        else:
            self.bytes.clear()

    def joined(self) -> bytes:
        return self._writer.getvalue() if IS_NATIVE else bytes(self.bytes)

    def reader(self) -> "WordReader":
        """Of the words so far."""
        return WordReader(self.joined())

    def put_1(self, word: int) -> None:
        if IS_NATIVE:
            write_i64_le(self._writer, word)
        else:
            self.bytes += PACK_1(word)

    def put_3(self, words: Words3) -> None:
        if IS_NATIVE:
            writer = self._writer
            write_i64_le(writer, words[0])
            write_i64_le(writer, words[1])
            write_i64_le(writer, words[2])
        else:
            self.bytes += PACK_3(*words)

    def put_4(self, words: Words4) -> None:
        if IS_NATIVE:
            writer = self._writer
            write_i64_le(writer, words[0])
            write_i64_le(writer, words[1])
            write_i64_le(writer, words[2])
            write_i64_le(writer, words[3])
        else:
            self.bytes += PACK_4(*words)

    def put_5(self, words: Words5) -> None:
        if IS_NATIVE:
            writer = self._writer
            write_i64_le(writer, words[0])
            write_i64_le(writer, words[1])
            write_i64_le(writer, words[2])
            write_i64_le(writer, words[3])
            write_i64_le(writer, words[4])
        else:
            self.bytes += PACK_5(*words)

    def put_6(self, words: Words6) -> None:
        if IS_NATIVE:
            writer = self._writer
            write_i64_le(writer, words[0])
            write_i64_le(writer, words[1])
            write_i64_le(writer, words[2])
            write_i64_le(writer, words[3])
            write_i64_le(writer, words[4])
            write_i64_le(writer, words[5])
        else:
            self.bytes += PACK_6(*words)

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
            self.bytes += PACK_7(*words)

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
            self.bytes += PACK_13(*words)


class WordReader:
    """Reads words, some at a time."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def is_at_end(self) -> bool:
        return self._at >= len(self._data)

    def take_1(self) -> int:
        at = self._at
        self._at = at + WORD
        if IS_NATIVE:
            return read_i64_le(self._data, at)
        return UNPACK_1(self._data, at)[0]

    def take_2(self) -> Words2:
        data, at = self._data, self._at
        self._at = at + 2 * WORD
        return (read_i64_le(data, at), read_i64_le(data, at + 8)) if IS_NATIVE else UNPACK_2(data, at)

    def take_3(self) -> Words3:
        data, at = self._data, self._at
        self._at = at + 3 * WORD
        if not IS_NATIVE:
            return UNPACK_3(data, at)
        return read_i64_le(data, at), read_i64_le(data, at + 8), read_i64_le(data, at + 16)

    def take_4(self) -> Words4:
        data, at = self._data, self._at
        self._at = at + 4 * WORD
        if not IS_NATIVE:
            return UNPACK_4(data, at)
        return (
            read_i64_le(data, at),
            read_i64_le(data, at + 8),
            read_i64_le(data, at + 16),
            read_i64_le(data, at + 24),
        )

    def take_6(self) -> Words6:
        data, at = self._data, self._at
        self._at = at + 6 * WORD
        if not IS_NATIVE:
            return UNPACK_6(data, at)
        return (
            read_i64_le(data, at),
            read_i64_le(data, at + 8),
            read_i64_le(data, at + 16),
            read_i64_le(data, at + 24),
            read_i64_le(data, at + 32),
            read_i64_le(data, at + 40),
        )

    def take_10(self) -> Words10:
        data, at = self._data, self._at
        self._at = at + 10 * WORD
        if not IS_NATIVE:
            return UNPACK_10(data, at)
        return (
            read_i64_le(data, at),
            read_i64_le(data, at + 8),
            read_i64_le(data, at + 16),
            read_i64_le(data, at + 24),
            read_i64_le(data, at + 32),
            read_i64_le(data, at + 40),
            read_i64_le(data, at + 48),
            read_i64_le(data, at + 56),
            read_i64_le(data, at + 64),
            read_i64_le(data, at + 72),
        )
