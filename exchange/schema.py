"""The documents of the interfaces, made from the code.

One OpenAPI document: drf-spectacular describes the DRF realms, this adds the raw ones from their route table. And the stream's
AsyncAPI document, at ``/api/asyncapi``.
"""

from typing import Any

import msgspec
from django.conf import settings
from django.http import HttpRequest, JsonResponse

from accounts.api.authentication import KEY_HEADERS, KEY_SCHEME_DESCRIPTION
from accounts.problems import REGISTRY
from accounts.scopes import SCOPES
from trading.api.application import ROUTES
from trading.api.routes import Route
from trading.shapes.orders import OrderPreview
from trading.shapes.problems import ProblemBody
from trading.stream import asyncapi

_REF = "#/components/schemas/{name}"
_PUBLIC_PROBLEMS = (400, 404, 429, 503)
_SIGNING_IN_PROBLEMS = (400, 401, 422, 429, 503)
_PRIVATE_PROBLEMS = (400, 401, 403, 404, 409, 422, 429, 503)
_ACCOUNT_PARAMETER = {
    "name": "X-Account",
    "in": "header",
    "required": False,
    "description": "Which of my trading accounts acts; without it main, or the account of the key.",
    "schema": {"type": "integer"},
}

_IDEMPOTENCY_PARAMETER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same request under the same key is carried out once.",
    "schema": {"type": "string"},
}


def add_raw_realms(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """drf-spectacular's postprocessing hook."""
    used = (shape for route in ROUTES for shape in (route.body, route.answer, route.other_answer))
    shapes = [ProblemBody, OrderPreview, *(shape for shape in used if shape is not None)]
    _, components = msgspec.json.schema_components(shapes, ref_template=_REF)
    schemas = result.setdefault("components", {}).setdefault("schemas", {})
    schemas.update(_without_prefix_items(components))
    schemas["ProblemBody"]["properties"]["code"]["enum"] = sorted(REGISTRY)
    schemes = result["components"].setdefault("securitySchemes", {})
    for header in KEY_HEADERS:
        schemes[header] = {"type": "apiKey", "in": "header", "name": header, "description": KEY_SCHEME_DESCRIPTION}
    for route in ROUTES:
        result["paths"].setdefault(route.path, {})[route.method.lower()] = _operation(route)
    for operations in result["paths"].values():
        for operation in operations.values():
            if "x-weight" not in operation:
                _close(operation, schemas)
                if _is_private(operation):
                    operation.setdefault("parameters", []).append(_ACCOUNT_PARAMETER)
                _add_problems(operation, _PRIVATE_PROBLEMS if _is_private(operation) else _SIGNING_IN_PROBLEMS)
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
        "x-weight": {"address" if route.needs == "all" else "account": route.weight, "orders": route.orders},
        "parameters": _parameters(route),
        "responses": {str(route.status): {"description": "Done."} | _content_of(route)},
    }
    if route.name == "place_order":
        operation["responses"]["200"] = {
            "description": "Done before: the first answer; or with validate_only what would become of it.",
            "content": _content(route.answer, OrderPreview),
        }
    elif route.told_again:
        operation["responses"]["200"] = {"description": "Done before: the first answer."} | _content_of(route)
    if route.name == "ready":
        operation["responses"]["503"] = {"description": "Some part does not serve.", "content": _content(route.answer)}
    _add_problems(operation, _PUBLIC_PROBLEMS if route.needs == "all" else _PRIVATE_PROBLEMS)
    if route.body is not None:
        operation["requestBody"] = {"required": True, "content": _content(route.body)}
    if route.needs != "all":
        operation["security"] = _security(route)
    return operation


def _close(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    """A body of the DRF realms has no further fields either."""
    for content in operation.get("requestBody", {}).get("content", {}).values():
        name = content["schema"]["$ref"].rpartition("/")[2]
        schemas[name]["additionalProperties"] = False


def _add_problems(operation: dict[str, Any], statuses: tuple[int, ...]) -> None:
    for status in statuses:
        operation["responses"].setdefault(str(status), _problem("See code."))


def _is_private(operation: dict[str, Any]) -> bool:
    """Whether a call of the DRF realms needs somebody who is signed in."""
    return any(operation.get("security", ()))


def _content_of(route: Route) -> dict[str, Any]:
    """What it answers with; nothing for an answer without content."""
    if route.is_csv:
        return {"content": {"text/csv": {"schema": {"type": "string"}}}}
    return (
        {}
        if route.answer is None
        else {"content": _content(route.answer, route.other_answer, json_only=route.json_only)}
    )


def _security(route: Route) -> list[dict[str, list[str]]]:
    """Any one of these; the four headers of a key go together."""
    choices: list[dict[str, list[str]]] = [{"session": []}]
    if route.needs in (*SCOPES, "any_key"):
        scope: list[str] = [route.needs] if route.needs in SCOPES else []
        choices.append(dict.fromkeys(KEY_HEADERS, scope))
    return choices


def _parameters(route: Route) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = []
    if "}" in route.path:
        name = route.path[route.path.index("{") + 1 : route.path.index("}")]
        parameters.append({"name": name, "in": "path", "required": True, "schema": {"type": "string"}})
    if route.needs != "all":
        parameters.append(_ACCOUNT_PARAMETER)
    if route.idempotency_key:
        parameters.append(_IDEMPOTENCY_PARAMETER)
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
    content = {"application/problem+json": {"schema": schema}, "application/msgpack": {"schema": schema}}
    return {"description": description, "content": content}
