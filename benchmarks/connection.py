"""One HTTP/1.1 connection to the exchange, kept alive: as little work as a client can do, for its core is the server's too."""

import asyncio
from typing import Self

from benchmarks.signing import Sign


class Connection:
    """Used by one coroutine at a time: a request, then its answer.

    ``token``: the session to act for, or none. ``sign``: makes the headers of a signed request.
    """

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: str | None, sign: Sign | None
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._sign = sign
        authorization = f"authorization: Bearer {token}\r\n" if token else ""
        self._head = f" HTTP/1.1\r\nhost: localhost\r\n{authorization}content-type: application/json\r\n".encode()

    @classmethod
    async def open(cls, port: int, token: str | None = None, *, sign: Sign | None = None) -> Self:
        return cls(*await asyncio.open_connection("127.0.0.1", port), token, sign)

    async def call(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        """Status and body of the answer. Raises OSError or EOFError if the connection ends."""
        signed = b"" if self._sign is None else self._sign(method, path, body)
        head = f"{method} {path}".encode() + self._head + signed
        self._writer.write(head + b"content-length: %d\r\n\r\n" % len(body) + body)
        headers = await self._reader.readuntil(b"\r\n\r\n")
        return int(headers[9:12]), await self._reader.readexactly(_content_length(headers))

    def close(self) -> None:
        self._writer.close()


def _content_length(headers: bytes) -> int:
    """Trading's realms write names in small letters, Django's pages do not; without a length there is no body."""
    start = headers.find(b"content-length: ")
    if start < 0 and (start := headers.find(b"Content-Length: ")) < 0:
        return 0
    return int(headers[start + 16 : headers.index(b"\r", start)])
