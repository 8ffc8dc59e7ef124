"""Packed words: signed 64-bit integers, little-endian, one after the other.

The only part of the engine that tells how it runs: compiled by mypyc it writes them in place, by mypyc's own runtime library
(librt); interpreted it collects them in a list and packs all at once. A test compares the bytes of both.
"""

import contextlib
from struct import pack, unpack
from typing import Final

with contextlib.suppress(ImportError):  # only compiled code needs it
    from librt.strings import BytesWriter, write_i64_le

IS_NATIVE: Final = not __file__.endswith(".py")
WORD: Final = 8


class WordWriter:
    """Collects words, some at a time. ``list`` has them all where the engine is interpreted: whoever is in a hurry adds there."""

    def __init__(self) -> None:
        self.list: list[int] = []
        if IS_NATIVE:
            self._writer = BytesWriter()

    def joined(self) -> bytes:
        return self._writer.getvalue() if IS_NATIVE else pack(f"<{len(self.list)}q", *self.list)

    def put_1(self, word: int) -> None:
        if IS_NATIVE:
            write_i64_le(self._writer, word)
        else:
            self.list.append(word)

    def put_3(self, words: tuple[int, int, int]) -> None:
        if IS_NATIVE:
            writer = self._writer
            write_i64_le(writer, words[0])
            write_i64_le(writer, words[1])
            write_i64_le(writer, words[2])
        else:
            self.list.extend(words)

    def put_4(self, words: tuple[int, int, int, int]) -> None:
        if IS_NATIVE:
            writer = self._writer
            write_i64_le(writer, words[0])
            write_i64_le(writer, words[1])
            write_i64_le(writer, words[2])
            write_i64_le(writer, words[3])
        else:
            self.list.extend(words)

    def put_5(self, words: tuple[int, int, int, int, int]) -> None:
        if IS_NATIVE:
            writer = self._writer
            write_i64_le(writer, words[0])
            write_i64_le(writer, words[1])
            write_i64_le(writer, words[2])
            write_i64_le(writer, words[3])
            write_i64_le(writer, words[4])
        else:
            self.list.extend(words)

    def put_7(self, words: tuple[int, int, int, int, int, int, int]) -> None:
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

    def put_13(self, words: tuple[int, int, int, int, int, int, int, int, int, int, int, int, int]) -> None:
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

    def put_text(self, text: bytes) -> None:
        """A whole number of words."""
        if IS_NATIVE:
            self._writer.write(text)
        else:
            self.list.extend(unpack(f"<{len(text) // WORD}q", text))
