"""Who gets MessagePack."""

import pytest

from accounts.media_types import prefers_messagepack


@pytest.mark.parametrize(
    ("accept", "is_packed"),
    [
        ("application/msgpack", True),
        ("Application/MsgPack", True),
        ("application/msgpack, application/json;q=0.5", True),
        ("application/json;q=0.9, application/msgpack", True),
        ("application/msgpack, */*", True),
        ("application/json, application/msgpack", True),
        ("application/json, application/msgpack;q=0.1", False),
        ("application/json;q=0.2, application/msgpack;q=0.15", False),
        ("application/json, application/msgpack;q=0", False),
        ("application/msgpack;q=0.000", False),
        ("application/msgpack-other", False),
        ("application/json", False),
        ("*/*", False),
        ("", False),
        ("application/msgpack;q=much", True),
    ],
)
def test_messagepack_is_for_those_who_put_no_json_before_it(accept: str, is_packed: bool) -> None:
    assert prefers_messagepack(accept) is is_packed
