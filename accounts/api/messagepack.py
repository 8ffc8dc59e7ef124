"""MessagePack in DRF's realms, both ways, with the same shapes as JSON."""

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer

from accounts.media_types import MESSAGEPACK


class MessagePackParser(BaseParser):
    media_type = MESSAGEPACK

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        try:
            return msgspec.msgpack.decode(stream.read())
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ParseError(f"The body cannot be read: {error}.") from error


class MessagePackRenderer(BaseRenderer):
    media_type = MESSAGEPACK
    format = "msgpack"
    charset: ClassVar[str | None] = None  # type: ignore[misc]
    render_style = "binary"

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        return b"" if data is None else msgspec.msgpack.encode(data)
