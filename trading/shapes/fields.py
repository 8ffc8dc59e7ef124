"""What the shapes share: decimal strings, names and bounds; how they are encoded."""

from typing import Annotated

import msgspec
from msgspec import Meta

Amount = Annotated[
    str,
    Meta(
        max_length=61,
        description="A decimal number, without sign or exponent.",
        extra_json_schema={"pattern": r"^[0-9]{1,30}(\.[0-9]{1,30})?$"},
    ),
]


Number = Annotated[msgspec.Raw, Meta(extra_json_schema={"type": "number"})]


"""A decimal number as a JSON number, its text as it is. For the shapes of others, which have no decimal strings."""


MarketName = Annotated[str, Meta(max_length=25, description="BASE/QUOTE, as BTC/USD.", examples=["BTC/USD"])]


AssetName = Annotated[str, Meta(max_length=12, examples=["BTC"])]


ClientOrderId = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9._~:-]{1,64}$", description="Idempotency key of the order, yours alone.")
]


LIMIT_TYPES = frozenset(("limit", "stop_limit", "take_profit_limit"))


"""Types whose price is a limit; of the others it is a slippage cap."""


Limit = Annotated[int, Meta(ge=1, le=1000)]


Cursor = Annotated[str, Meta(pattern=r"^[0-9]{1,18}$", description="next_cursor of the page before.")]


Totp = Annotated[
    str,
    Meta(
        max_length=32,
        description="Where the account has a second factor: a code of the app, or a recovery code, unless one was proven"
        " on this session within five minutes.",
    ),
]


json_encoder = msgspec.json.Encoder()


msgpack_encoder = msgspec.msgpack.Encoder()
