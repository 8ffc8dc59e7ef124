"""What DRF's realms read and write, as the raw realms do: JSON where nothing is said, MessagePack for those who ask for it."""

from collections.abc import Iterable, Mapping
from typing import Any

from rest_framework.exceptions import ParseError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import JSONParser
from rest_framework.request import Request

from accounts.media_types import MESSAGEPACK, prefers_messagepack


class Negotiation(DefaultContentNegotiation):
    def select_parser(self, request: Request, parsers: Iterable[Any]) -> Any:
        """Without Content-Type a body is read as the first parser reads it, which is JSON's."""
        found = list(parsers)
        return super().select_parser(request, found) if request.content_type else found[0]

    def select_renderer(self, request: Request, renderers: Iterable[Any], format_suffix: str | None = None) -> Any:
        found = list(renderers)
        if prefers_messagepack(request.headers.get("Accept", "")):
            for renderer in found:
                if renderer.media_type == MESSAGEPACK:
                    return renderer, MESSAGEPACK
        return super().select_renderer(request, found, format_suffix)

    def get_accept_list(self, request: Request) -> list[str]:
        """An empty header says as little as none."""
        return [kind for kind in super().get_accept_list(request) if kind] or ["*/*"]


class BoundedJSONParser(JSONParser):
    """JSON that is nested deeper than Python goes is malformed, not an error of ours."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        try:
            return super().parse(stream, media_type, parser_context)
        except RecursionError as error:
            raise ParseError("The body cannot be read: it is nested too deeply.") from error
