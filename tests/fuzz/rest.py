"""Random requests to REST, drawn by schemathesis from the OpenAPI document and judged by it.

Every call of the document is made by people and by programs, with what the document allows and with what it does not. An answer
is wrong if it is a fault of ours, has a status that the call does not document, or another type or shape than that status has,
or is an error that the registry of problems does not know by this status.
"""

import itertools
import json
import random
import re
from collections import Counter
from typing import Any

import hypothesis
import msgspec
import requests
import schemathesis
from schemathesis.generation import GenerationMode
from schemathesis.schemas import APIOperation, BaseSchema
from schemathesis.specs.openapi import checks

import funding.problems  # noqa: F401 (declares its codes, as trading's does)
import trading.problems  # noqa: F401
from accounts.problems import REGISTRY
from tests.server import PASSWORD, Server, Trader
from tests.signing import KeyAuth, hmac_key

from .meaning import A_THING, ANOTHER_KEY, meaningful, operations, without_security

MSGPACK = "application/msgpack"
ALWAYS_DOCUMENTED = (405, 406, 413, 415)
"""What any call may answer about the request as such; the document's ``default``."""
JUDGED_BY = (
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.response_headers_conformance,
)
WITH_IDS = (
    "/trade/orders",
    "/account/api-keys",
    "/account/security/factors",
    "/session",
    "/deposit",
    "/withdrawal",
    "/staff",
)
"""Realms of things that have ids, by the beginnings of their paths."""
COSTLY = ("register", "sign_in", "change_password", "reset_password", "accept_totp")
"""Their hashes of passwords take a tenth of a second each: a tenth of the cases."""
ROUND = 20
"""About so many cases of a call are drawn at a time."""


@schemathesis.serializer(MSGPACK)
def _pack(context: schemathesis.SerializationContext, value: Any) -> bytes:
    try:
        return msgspec.msgpack.encode(value)
    except (OverflowError, UnicodeEncodeError):
        hypothesis.reject()  # MessagePack cannot say it


@schemathesis.deserializer(MSGPACK)
def _unpack(context: schemathesis.DeserializationContext, response: schemathesis.Response) -> Any:
    return msgspec.msgpack.decode(response.content)


class Caller(requests.auth.AuthBase):
    """Somebody signed in, by a session or by a key with every scope, who remembers the ids that were answered."""

    def __init__(self, server: Server, kind: str, may_be_signed: set[str]) -> None:
        self.kind = kind
        self._trader = server.trader(BTC="50", USD="5000000", ETH="500")
        self._server = server
        self._key: KeyAuth | None = None
        if kind == "key":
            self._key = hmac_key(self._trader, "read", "trade", "withdraw")
        self._may_be_signed = may_be_signed
        self.email = self._trader.email
        self.spare_account: int = self._trader.post("/account/subaccounts", {"name": "spare"}).json()["id"]
        self.account: int = self._trader.get("/account/subaccounts")["items"][0]["id"]
        self._things: dict[str, list[str]] = {realm: ["00000000-0000-4000-8000-000000000000"] for realm in WITH_IDS}

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._key is None:
            request.headers["Authorization"] = f"Bearer {self._trader.token}"
        else:
            body = request.body.encode() if isinstance(request.body, str) else request.body or b""
            request.headers.update(self._key.signed(request.method or "", request.path_url.encode(), body))
        return request

    def may(self, name: str) -> bool:
        """Whether the call is one for this caller at all: programs are refused people's."""
        return self._key is None or name in self._may_be_signed

    def thing(self, path: str, number: int) -> str:
        """The id of one of the last things of the kind that the path is about; of orders one in four is new, and rests."""
        if number % 4 == 0 and path.startswith("/trade/orders"):
            self.learn(path, self._trader.order("buy", "0.01", "63000").content)
        things = self._things[_realm(path)]
        return things[-1 - number % 4 % len(things)]

    def learn(self, path: str, answer: bytes) -> None:
        if (realm := _realm(path)) in self._things:
            things = self._things[realm]
            things += [found.decode() for found in re.findall(rb'"id":"([^"]{8,64})"', answer)[:1]]
            del things[:-100]

    def sign_in_again_if_ended(self) -> None:
        """A request may have ended the session itself."""
        if self._trader.http.get("/session").status_code == 200:
            return
        with self._server.client() as client:
            answer = client.post("/session", json={"email": self.email, "password": PASSWORD}).raise_for_status()
        self._trader = Trader(self._server, self.email, answer.json()["token"])


class Fuzz:
    """``wrong``: one answer of each kind that was wrong; ``judged``: cases by call, caller and status."""

    def __init__(self, server: Server, document: dict[str, Any]) -> None:
        signed = {one["operationId"] for one in operations(document) if "X-API-Key" in str(one.get("security"))}
        self._callers = [Caller(server, kind, signed) for kind in ("session", "key")]
        self._session = requests.Session()
        self._numbers = itertools.count()
        self.wrong: dict[str, str] = {}
        self.judged: Counter[str] = Counter()
        whole = without_security(document)
        for operation in operations(whole):
            default = operation["responses"].pop("default")
            operation["responses"].update({str(status): default for status in ALWAYS_DOCUMENTED})
        self._sources = [
            (_schema(meaningful(whole, self._recipients()), server), GenerationMode.POSITIVE, 2),
            (_schema(whole, server), GenerationMode.POSITIVE, 1),
            (_schema(whole, server), GenerationMode.NEGATIVE, 1),
        ]

    def run(self, *, seed: int, cases: int, each: int = ROUND) -> None:
        """At least so many cases, in rounds over all calls in any order.

        ``each``: about so many of a call, a source and a caller, in a round.
        """
        for number in itertools.count(seed):
            for schema, mode, share in self._sources:
                calls = [found.ok() for found in schema.get_all_operations()]
                random.Random(number).shuffle(calls)
                for operation, caller in itertools.product(calls, self._callers):
                    if _applies(operation, caller, mode):
                        self._draw(operation, caller, mode, number, each * share)
            if self.judged.total() >= cases:
                return

    def _recipients(self) -> dict[str, list[Any]]:
        """Who may be given funds."""
        return {
            "to_account": [caller.spare_account for caller in self._callers],
            "to_email": [caller.email for caller in self._callers],
        }

    def _draw(self, operation: APIOperation, caller: Caller, mode: GenerationMode, seed: int, cases: int) -> None:
        name = operation.definition.raw["operationId"]

        @hypothesis.seed(seed)
        @hypothesis.settings(
            max_examples=max(1, cases // 10) if name in COSTLY or not caller.may(name) else cases,
            database=None,
            deadline=None,
            phases=[hypothesis.Phase.generate],
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
        def judge(case: schemathesis.Case) -> None:
            self._judge(name, case, caller)

        judge()

    def _judge(self, name: str, case: schemathesis.Case, caller: Caller) -> None:
        number = next(self._numbers)
        path = case.operation.path
        for parameter, value in case.path_parameters.items():
            if value == A_THING:
                case.path_parameters[parameter] = caller.thing(path, number)
        if "X-Account" in case.headers and number % 4:
            case.headers["X-Account"] = str(caller.account)
        if case.headers.get("Idempotency-Key") == ANOTHER_KEY:
            case.headers["Idempotency-Key"] = f"key-{number}"
        headers = {"Accept": MSGPACK} if number % 3 == 0 else {}
        response = case.call(session=self._session, headers=headers, auth=caller)
        self.judged[f"{name} by {caller.kind} {response.status_code}"] += 1
        try:
            case.validate_response(response, checks=[_is_no_fault_and_a_known_problem, *JUDGED_BY])
        except schemathesis.errors.FailureGroup as group:
            told = " ".join(str(group.exceptions[0]).split())
            self.wrong.setdefault(f"{name} {response.status_code} {told}"[:200], str(group))
        if response.status_code < 400 and "{" not in path:
            caller.learn(path, response.content)
        if caller.kind == "session" and (name == "sign_out" or response.status_code == 401):
            caller.sign_in_again_if_ended()


def _schema(document: dict[str, Any], server: Server) -> BaseSchema:
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=server.url)
    return schema


def _realm(path: str) -> str:
    return next((realm for realm in WITH_IDS if path.startswith(realm)), path)


def _applies(operation: APIOperation, caller: Caller, mode: GenerationMode) -> bool:
    """Who is not asked who he is makes a public call once; what takes nothing cannot be given anything wrong."""
    takes = list(operation.iter_parameters()) or operation.body
    return bool((mode.is_positive or takes) and (caller.kind == "session" or not operation.path.startswith("/public")))


def _is_no_fault_and_a_known_problem(
    context: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case
) -> None:
    status = response.status_code
    if status < 400:
        return
    assert status < 500, f"a fault of ours: {response.content[:300]!r}"
    is_packed = response.headers["content-type"] == [MSGPACK]
    problem = msgspec.msgpack.decode(response.content) if is_packed else json.loads(response.content)
    kind = REGISTRY.get(problem.get("code"))
    assert kind is not None and (kind.status, status) == (status, problem["status"]), f"not of the registry: {problem}"
    assert [problem["request_id"]] == response.headers["x-request-id"], problem
