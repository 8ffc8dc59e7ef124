"""The OpenAPI document as requests are drawn from it: as it is, and narrowed to values that mean something.

Drawn from the document alone, nearly every order would be refused for its form, and nothing behind the forms would be tried.
"""

import copy
import json
from collections.abc import Iterator
from typing import Any

ANOTHER_KEY = "another"
"""Stands for an idempotency key that was not used before."""
VALUES: dict[str, list[Any]] = {
    "market": ["BTC/USD", "ETH/USD"],
    "symbol": ["BTC/USD", "ETH/USD"],
    "ticker_id": ["BTC_USD", "ETH_USD"],
    "asset": ["BTC", "USD", "ETH"],
    "quantity": ["0.01", "0.5", "1", "3.00005"],
    "quote_quantity": ["100", "64000.5"],
    "price": ["100", "63999.5", "64000", "64000.01", "64010", "90000"],
    "slippage_price": ["64500", "63000"],
    "trigger_price": ["64100", "63900"],
    "trailing_offset": ["10", "250.5"],
    "display_quantity": ["0.01", "0.1"],
    "offset": ["0", "1.50"],
    "group": ["1", "10", "0.5"],
    "client_order_id": ["a", "b", "c", "d"],
    "Idempotency-Key": ["again", ANOTHER_KEY],
    "expires_at": ["2040-01-01T00:00:00Z", "2020-01-01T00:00:00Z"],
    "deadline_at": ["2040-01-01T00:00:00Z", "2020-01-01T00:00:00Z"],
    "interval": ["1m", "1h", "1d"],
    "resolution": ["1", "60", "1D"],
    "timeout_ms": [0, 60_000],
    "year": [2024, 2026],
    "email": ["somebody@example.com"],
    "addresses": [["203.0.113.7", "2001:db8::/48"]],
    "scopes": [["read"], ["read", "trade"]],
    "cursor": ["1", "1000000"],
    "address": ["bcrt1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqdku202", "bc1q"],
    "totp": ["123456"],
    "code": ["123456"],
}
"""By the name of a field or parameter."""
ORDERS = (
    ("limit", ("price", "quantity"), ("time_in_force", "post_only", "client_order_id", "display_quantity")),
    ("limit", ("price", "quantity"), ("oco", "on_fill", "self_trade_prevention")),
    ("limit", ("price", "quantity", "peg"), ("validate_only",)),
    ("market", ("quantity",), ("slippage_price", "validate_only")),
    ("market", ("quote_quantity",), ("client_order_id",)),
    ("stop", ("quantity", "trigger_price", "slippage_price"), ()),
    ("take_profit_limit", ("quantity", "trigger_price", "price"), ("keep_on_disconnect",)),
    ("trailing_stop", ("quantity", "trailing_offset", "slippage_price"), ()),
)
"""Orders that have a chance: type, what such an order has, what it may have."""
REFERENCE, NARROW = "#/components/schemas/", "Narrow"
A_THING = "one-of-mine"
"""Stands for the id of something that the caller has, which is only known when the request is sent."""


def without_security(document: dict[str, Any]) -> dict[str, Any]:
    """A copy of the document that does not say who may ask: that is not drawn."""
    copied = copy.deepcopy(document)
    copied["components"].pop("securitySchemes")
    for operation in operations(copied):
        operation.pop("security", None)
    return copied


def meaningful(document: dict[str, Any], values: dict[str, list[Any]]) -> dict[str, Any]:
    """A copy of the document whose requests are allowed less: values, those given too, and forms that have a chance."""
    known = {**VALUES, **values}
    narrow = copy.deepcopy(document)
    schemas = _renamed(narrow["components"]["schemas"])
    for schema in schemas.values():
        for name, field in schema.get("properties", {}).items():
            schema["properties"][name] = _narrowed(name, field, known)
    order, transfer = schemas["OrderRequest"], schemas["TransferRequest"]
    forms = [_form(order, ("market", "side", *has), may_have, type=kind) for kind, has, may_have in ORDERS]
    schemas["OrderRequest"] = {"anyOf": forms}
    recipients = ("to_account", "to_email")
    schemas["TransferRequest"] = {"anyOf": [_form(transfer, ("asset", "quantity", to), ()) for to in recipients]}
    narrow["components"]["schemas"] |= {f"{NARROW}{name}": schema for name, schema in schemas.items()}
    for operation in operations(narrow):
        if "requestBody" in operation:
            operation["requestBody"] = _renamed(operation["requestBody"])
        for parameter in operation.get("parameters", ()):
            is_id = parameter["in"] == "path"
            name, schema = parameter["name"], parameter["schema"]
            parameter["schema"] = {"enum": [A_THING]} if is_id else _narrowed(name, schema, known)
            parameter["required"] = parameter.get("required", False) or name == "Idempotency-Key"
    return narrow


def _renamed(part: dict[str, Any]) -> dict[str, Any]:
    """With references to the narrow schemas: answers keep theirs."""
    text = json.dumps(part).replace(REFERENCE, f"{REFERENCE}{NARROW}")
    return dict(json.loads(text))


def operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for of_path in document["paths"].values():
        yield from of_path.values()


def _narrowed(name: str, schema: dict[str, Any], known: dict[str, list[Any]]) -> dict[str, Any]:
    return {"enum": known[name]} if name in known and "enum" not in schema else schema


def _form(anything: dict[str, Any], has: tuple[str, ...], may_have: tuple[str, ...], **fixed: str) -> dict[str, Any]:
    properties = {name: anything["properties"][name] for name in (*has, *may_have)}
    return {
        "type": "object",
        "properties": properties | {name: {"enum": [value]} for name, value in fixed.items()},
        "required": [*has, *fixed],
        "additionalProperties": False,
    }
