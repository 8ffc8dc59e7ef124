"""The documents of the interfaces, made from the code.

One OpenAPI document: drf-spectacular describes the DRF realms, this adds the raw ones from their route table. And the stream's
AsyncAPI document, at ``/api/asyncapi``.
"""

from typing import Any

import msgspec
from django.conf import settings
from django.http import HttpRequest, JsonResponse

from accounts.problems import REGISTRY
from trading.api.application import ROUTES
from trading.api.routes import Route
from trading.shapes import OrderPreview, ProblemBody
from trading.stream import asyncapi

_REF = "#/components/schemas/{name}"
_PROBLEMS = {"all": (400, 404), "user": (400, 401, 403, 404, 409, 422, 503)}


def add_raw_realms(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """drf-spectacular's postprocessing hook."""
    used = (shape for route in ROUTES for shape in (route.body, route.answer, route.other_answer))
    shapes = [ProblemBody, OrderPreview, *(shape for shape in used if shape is not None)]
    _, components = msgspec.json.schema_components(shapes, ref_template=_REF)
    schemas = result.setdefault("components", {}).setdefault("schemas", {})
    schemas.update(_without_prefix_items(components))
    schemas["ProblemBody"]["properties"]["code"]["enum"] = sorted(REGISTRY)
    for route in ROUTES:
        result["paths"].setdefault(route.path, {})[route.method.lower()] = _operation(route)
    for operations in result["paths"].values():
        for operation in operations.values():
            operation["responses"].setdefault("default", _problem("Any other problem."))
    result["paths"] = dict(sorted(result["paths"].items()))
    return result


def stream_document() -> dict[str, Any]:
    return asyncapi.document(str(settings.SPECTACULAR_SETTINGS["VERSION"]))


def stream_document_view(request: HttpRequest) -> JsonResponse:
    return JsonResponse(stream_document())


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "tags": [route.path.split("/")[1]],
        "parameters": _parameters(route),
        "responses": {
            str(route.status): {
                "description": "Done.",
                "content": _content(route.answer, route.other_answer, json_only=route.json_only),
            }
        },
    }
    if route.name == "place_order":
        operation["responses"]["200"] = {
            "description": "Done before: the first answer; or with validate_only what would become of it.",
            "content": _content(route.answer, OrderPreview),
        }
    if route.name == "ready":
        operation["responses"]["503"] = {"description": "Some part does not serve.", "content": _content(route.answer)}
    for status in _PROBLEMS[route.needs]:
        operation["responses"].setdefault(str(status), _problem("See code."))
    if route.body is not None:
        operation["requestBody"] = {"required": True, "content": _content(route.body)}
    if route.needs != "all":
        operation["security"] = [{"session": []}]
    return operation


def _parameters(route: Route) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = []
    if "}" in route.path:
        name = route.path[route.path.index("{") + 1 : route.path.index("}")]
        parameters.append({"name": name, "in": "path", "required": True, "schema": {"type": "string"}})
    if route.query is not None:
        schema = msgspec.json.schema(route.query)
        (definition,) = [d for d in schema["$defs"].values() if "properties" in d]
        for name, field in definition["properties"].items():
            required = name in definition.get("required", ())
            parameters.append({"name": name, "in": "query", "required": required, "schema": field})
    return parameters


def _content(*shapes: Any, json_only: bool = False) -> dict[str, Any]:
    if shapes[0] is str:
        return {"text/plain": {"schema": {"type": "string"}}}
    given = [shape for shape in shapes if shape is not None]
    references, _ = msgspec.json.schema_components(given, ref_template=_REF)
    schema = references[0] if len(references) == 1 else {"oneOf": references}
    kinds = ("application/json",) if json_only else ("application/json", "application/msgpack")
    return {kind: {"schema": schema} for kind in kinds}


def _without_prefix_items(schema: Any) -> Any:
    """Fixed-length arrays as arrays of bounded length: few tools know ``prefixItems``."""
    if isinstance(schema, list):
        return [_without_prefix_items(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {name: _without_prefix_items(value) for name, value in schema.items() if name != "prefixItems"}
    if "prefixItems" in schema:
        kinds = {msgspec.json.encode(kind): kind for kind in schema["prefixItems"]}
        plain["items"] = next(iter(kinds.values())) if len(kinds) == 1 else {"anyOf": list(kinds.values())}
    return plain


def _problem(description: str) -> dict[str, Any]:
    schema = {"$ref": _REF.format(name="ProblemBody")}
    return {"description": description, "content": {"application/problem+json": {"schema": schema}}}
