"""Draws requests from a JSON schema: mostly what it allows, made of values that mean something; sometimes anything at all."""

import json
import random
from typing import Any

ODD_VALUES = (
    None,
    True,
    -1,
    0,
    10**30,
    1.5,
    -0.0,
    1e-300,
    "",
    " ",
    "\x00",
    "é" * 20,
    "NaN",
    "1e5",
    "x" * 300,
    [],
    [None],
    {},
    {"a": 1},
)
NUMBERS = (0, 1, 10, 100, 25, 1000, 60, 5, 64000, 64000.01, 0.5, 0.00005, 10000, 1440)
FITTING = {"order_qty": (0.01, 0.5, 1), "limit_price": (100, 64000, 64000.01, 70000)}
"""By the name of a field, numbers that make a valid order more often."""
OFTEN = {"add_order": 5, "amend_order": 3, "subscribe": 5}
ODD = 0.03
MANGLED = 0.04
USUAL = ("params", "token", "symbol", "channel", "side", "order_type", "order_qty", "limit_price", "order_id")
"""Fields that most requests have."""


class Drawer:
    """``texts``: by the name of a field, what may stand there; ``known`` grows with the ids that answers tell."""

    def __init__(self, document: dict[str, Any], texts: dict[str, list[str]], seed: int) -> None:
        self._schemas = document["components"]["schemas"]
        self._messages = {name: one["payload"] for name, one in document["components"]["messages"].items()}
        received = (name for name, one in document["operations"].items() if one["action"] == "receive")
        self._requests = [name for name in received for _ in range(OFTEN.get(name, 1))]
        self._texts = texts
        self._draw = random.Random(seed)
        self.known: list[str] = ["00000000-0000-4000-8000-000000000000"]

    def request(self, number: int) -> str:
        """A request as text, with this number if it has one."""
        frame = self._value(self._messages[self._draw.choice(self._requests)], "")
        if isinstance(frame, dict) and self._draw.random() > ODD:
            frame["req_id"] = number
        text = json.dumps(frame)
        if self._draw.random() < MANGLED:
            at = self._draw.randrange(len(text) + 1)
            text = text[:at] + self._draw.choice(("", "}", '"', "\\ud800", "9" * 400, "[" * 50)) + text[at + 1 :]
        return text

    def _value(self, schema: dict[str, Any], name: str) -> Any:
        draw = self._draw
        if draw.random() < ODD:
            return draw.choice(ODD_VALUES)
        if "$ref" in schema:
            return self._value(self._schemas[schema["$ref"].rpartition("/")[2]], name)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return draw.choice(schema["enum"])
        if "anyOf" in schema:
            choices = [one for one in schema["anyOf"] if one.get("type") != "null"] or schema["anyOf"]
            return self._value(draw.choice(choices), name)
        match schema.get("type"):
            case "object":
                return self._object(schema)
            case "array":
                return [self._value(schema["items"], name) for _ in range(draw.choice((1, 1, 1, 2, 3)))]
            case "integer":
                return draw.choice(NUMBERS) if draw.random() < 0.7 else draw.randint(0, 100_000)
            case "number":
                return draw.choice(FITTING.get(name, NUMBERS))
            case "boolean":
                return draw.random() < 0.5
            case "string":
                return self._text(name)
        return None

    def _object(self, schema: dict[str, Any]) -> dict[str, Any]:
        required = {*schema.get("required", ()), *USUAL}
        others = self._draw.choice((0.02, 0.1, 0.5))
        return {
            name: self._value(field, name)
            for name, field in schema["properties"].items()
            if self._draw.random() < (0.97 if name in required else others)
        }

    def _text(self, name: str) -> str:
        if name in ("order_id", "orders"):
            return self._draw.choice(self.known[-5:])
        if name in self._texts:
            return self._draw.choice(self._texts[name])
        return str(self._draw.choice(NUMBERS))
