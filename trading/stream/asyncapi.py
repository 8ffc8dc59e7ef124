"""The AsyncAPI 3 document of ``/stream``, made of the shapes that the server itself reads and writes."""

from typing import Any

import msgspec

from accounts.problems import REGISTRY

from .methods import METHODS
from .shapes import DATA, RESULTS, Answer, Heartbeat, Message, Refusal, Refused

_REF = "#/components/schemas/{name}"
_CHANNEL = {"$ref": "#/channels/stream"}
Document = dict[str, Any]


def document(version: str) -> Document:
    """As a JSON object, for this version of the interface."""
    results = (shape for shapes in RESULTS.values() for shape in shapes)
    shapes = [Refused, *METHODS.values(), *DATA.values(), *results, Answer, Refusal, Message, Heartbeat]
    _, schemas = msgspec.json.schema_components(dict.fromkeys(shapes), ref_template=_REF)
    schemas["Refusal"]["properties"]["code"]["enum"] = sorted(REGISTRY)
    messages = _messages(schemas)
    for whole in ("Answer", "Message"):
        del schemas[whole]
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Kontor's stream",
            "version": version,
            "description": "Market data, private events and order entry over WebSocket, in the shapes of Kraken's"
            " WebSocket v2. Decimal numbers are JSON numbers: read their text.",
        },
        "servers": {"local": {"host": "127.0.0.1:8000", "protocol": "ws"}},
        "channels": {
            "stream": {
                "address": "/stream",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
            }
        },
        "operations": _operations(),
        "components": {"messages": messages, "schemas": dict(sorted(schemas.items()))},
    }


def _messages(schemas: Document) -> Document:
    messages: Document = {}
    for method, params in METHODS.items():
        properties = {
            "method": {"const": method},
            "params": {"$ref": _REF.format(name=params.__name__)},
            "req_id": {"type": "integer"},
        }
        messages[method] = _message({"type": "object", "properties": properties, "required": ["method"]})
        messages[f"{method}_answer"] = _message(_answer(schemas["Answer"], method))
    messages["refusal"] = _message({"$ref": _REF.format(name="Refusal")})
    for channel, data in DATA.items():
        told = _copied(schemas["Message"])
        told["properties"]["channel"] = {"const": channel}
        told["properties"]["data"] = {"type": "array", "items": {"$ref": _REF.format(name=data.__name__)}}
        messages[f"{channel}_message"] = _message(told)
    messages["heartbeat"] = _message({"$ref": _REF.format(name="Heartbeat")})
    return messages


def _answer(schema: Document, method: str) -> Document:
    answer = _copied(schema)
    properties = answer["properties"]
    properties["method"] = {"const": "pong" if method == "ping" else method}
    results = [{"$ref": _REF.format(name=shape.__name__)} for shape in RESULTS[method]]
    if results:
        properties["result"] = results[0] if len(results) == 1 else {"oneOf": results}
        answer["required"] = [*answer["required"], "result"]
    else:
        del properties["result"]
    if method != "batch_cancel":
        del properties["orders_cancelled"]
    return answer


def _copied(schema: Document) -> Document:
    copy: Document = msgspec.json.decode(msgspec.json.encode(schema))
    del copy["title"]
    return copy


def _message(payload: Document) -> Document:
    return {"contentType": "application/json", "payload": payload}


def _operations() -> Document:
    """As the server sees it: it receives requests and sends what the channels carry."""
    operations: Document = {}
    for method in METHODS:
        replies = [_in_channel(f"{method}_answer"), _in_channel("refusal")]
        operations[method] = {
            "action": "receive",
            "channel": _CHANNEL,
            "messages": [_in_channel(method)],
            "reply": {"channel": _CHANNEL, "messages": replies},
        }
    for channel in (*DATA, "heartbeat"):
        name = channel if channel == "heartbeat" else f"{channel}_message"
        operations[f"tell_{channel}"] = {"action": "send", "channel": _CHANNEL, "messages": [_in_channel(name)]}
    return operations


def _in_channel(message: str) -> Document:
    return {"$ref": f"#/channels/stream/messages/{message}"}
