"""The realms /user and /session."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import principals
from accounts.credentials import ask_reset, reset_password
from accounts.problems import INVALID_PARAMETER, MALFORMED, NOT_SIGNED_IN, UNKNOWN_SESSION, Problem
from accounts.sessions import Opened, end_session, end_sessions, sessions_page
from accounts.signing_in import (
    by_code,
    by_password,
    normal,
    open_signed_in,
    second_factor,
    send_sign_in_code,
    sign_up,
    spend_code,
)

from .fields import (
    PAGE_PARAMETERS,
    AddressField,
    CodeField,
    PasswordField,
    TextField,
    caller_of,
    now_utc,
    page_of,
    principal_of,
    refused_password,
    user_of,
)


class CredentialsSerializer(serializers.Serializer):  # type: ignore[type-arg]
    email = AddressField()
    password = PasswordField()


class SignInSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """``password``, or ``code`` from POST /session/code; ``totp`` if the account has a second factor."""

    email = AddressField()
    password = PasswordField(required=False)
    code = CodeField(required=False, help_text="The code that POST /session/code sent.")
    totp = CodeField(required=False, help_text="A code of the authenticator app, or a recovery code.")


class AddressSerializer(serializers.Serializer):  # type: ignore[type-arg]
    email = AddressField()


class ResetSerializer(serializers.Serializer):  # type: ignore[type-arg]
    token = TextField(max_length=100, help_text="The last part of the link in the mail.")
    password = PasswordField()


class UserSerializer(serializers.Serializer):  # type: ignore[type-arg]
    id = serializers.UUIDField()
    email = serializers.EmailField()


class TokenSerializer(serializers.Serializer):  # type: ignore[type-arg]
    token = serializers.CharField()
    expires_at = serializers.DateTimeField()


class SessionSerializer(serializers.Serializer):  # type: ignore[type-arg]
    id = serializers.UUIDField()
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(allow_null=True, help_text="To the minute.")
    ip = serializers.IPAddressField(allow_null=True)
    user_agent = serializers.CharField()
    current = serializers.SerializerMethodField()

    def get_current(self, session: Any) -> bool:
        return bool(session.id == self.context["session_id"])


class SessionListSerializer(serializers.Serializer):  # type: ignore[type-arg]
    items = SessionSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


def given(request: Request, shape: type[serializers.Serializer]) -> dict[str, str]:  # type: ignore[type-arg]
    """The body's fields. Raises DRF's ValidationError, or Problem invalid_parameter for a field that there is not.

    DRF would pass over such a field, and with it whatever its sender meant by it.
    """
    serializer = shape(data=request.data)
    for name in request.data if isinstance(request.data, Mapping) else ():
        if name not in serializer.fields:
            detail = f"Object contains unknown field `{name!s:.60}`."
            raise Problem(INVALID_PARAMETER, detail, {"errors": {f"{name!s:.60}": [detail]}})
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


class UserView(APIView):
    """POST /user: register. A known address gets the same answer, so that nobody learns who has an account."""

    authentication_classes: list[type] = []
    permission_classes = [AllowAny]

    @extend_schema(operation_id="register", request=CredentialsSerializer, responses={201: UserSerializer})
    def post(self, request: Request) -> Response:
        body = given(request, CredentialsSerializer)
        try:
            user = sign_up(email=body["email"], password=body["password"], caller=caller_of(request), now=now_utc())
        except ValidationError as error:
            raise refused_password(error, "password") from error
        shown = {"id": user.id if user else uuid.uuid4(), "email": normal(body["email"])}
        return Response(UserSerializer(shown).data, status=201)


class PasswordResetView(APIView):
    """POST /user/password-reset: send a link to choose a new password. The same answer for every address."""

    authentication_classes: list[type] = []
    permission_classes = [AllowAny]

    @extend_schema(operation_id="ask_password_reset", request=AddressSerializer, responses={202: None})
    def post(self, request: Request) -> Response:
        body = given(request, AddressSerializer)
        ask_reset(email=body["email"], caller=caller_of(request), now=now_utc())
        return Response(status=202)


class PasswordView(APIView):
    """POST /user/password: the new password, with the token of the link. Ends all sessions."""

    authentication_classes: list[type] = []
    permission_classes = [AllowAny]

    @extend_schema(operation_id="reset_password", request=ResetSerializer, responses={204: None})
    def post(self, request: Request) -> Response:
        body = given(request, ResetSerializer)
        try:
            reset_password(token=body["token"], new_password=body["password"], caller=caller_of(request), now=now_utc())
        except ValidationError as error:
            raise refused_password(error, "password") from error
        return Response(status=204)


class SessionCodeView(APIView):
    """POST /session/code: send a code to sign in with. The same answer for every address."""

    authentication_classes: list[type] = []
    permission_classes = [AllowAny]

    @extend_schema(operation_id="send_sign_in_code", request=AddressSerializer, responses={202: None})
    def post(self, request: Request) -> Response:
        body = given(request, AddressSerializer)
        send_sign_in_code(email=body["email"], caller=caller_of(request), now=now_utc())
        return Response(status=202)


class SessionsView(APIView):
    """POST /session: sign in. GET: my open sessions. DELETE: end this one."""

    def get_permissions(self) -> Sequence[Any]:
        return [AllowAny()] if self.request.method == "POST" else super().get_permissions()

    def get_authenticators(self) -> list[Any]:
        return [] if self.request is not None and self.request.method == "POST" else super().get_authenticators()

    @extend_schema(operation_id="sign_in", auth=[], request=SignInSerializer, responses={201: TokenSerializer})
    def post(self, request: Request) -> Response:
        body = given(request, SignInSerializer)
        if ("password" in body) == ("code" in body):
            raise Problem(MALFORMED, "Send either password or code.")
        opened = _by_password(request, body) if "password" in body else _by_code(request, body)
        shown = {"token": opened.token, "expires_at": opened.session.expires_at}
        return Response(TokenSerializer(shown).data, status=201)

    @extend_schema(operation_id="list_sessions", parameters=PAGE_PARAMETERS, responses=SessionListSerializer)
    def get(self, request: Request) -> Response:
        before_us, limit = page_of(request)
        principal = principal_of(request)
        page, cursor = sessions_page(user_id=principal.user_id, now=now_utc(), before_us=before_us, limit=limit)
        context = {"session_id": principal.session_id}
        return Response(SessionListSerializer({"items": page, "next_cursor": cursor}, context=context).data)

    @extend_schema(operation_id="sign_out", responses={204: None})
    def delete(self, request: Request) -> Response:
        session_id = principal_of(request).session_id
        if session_id is None:
            raise Problem(NOT_SIGNED_IN, "Sign in first.")
        return _end(request, session_id)


class OtherSessionsView(APIView):
    """DELETE /session/others: end all my sessions but this one."""

    @extend_schema(operation_id="end_other_sessions", responses={204: None})
    def delete(self, request: Request) -> Response:
        ended = end_sessions(
            user=user_of(request),
            now=now_utc(),
            caller=caller_of(request),
            why="by its owner, with all others",
            but=principal_of(request).session_id,
        )
        for session_id in ended:
            principals.forget_session(session_id)
        return Response(status=204)


class SessionView(APIView):
    """DELETE /session/ID: end one of my sessions."""

    @extend_schema(
        operation_id="end_session",
        parameters=[OpenApiParameter("session_id", OpenApiTypes.UUID, OpenApiParameter.PATH)],
        responses={204: None},
    )
    def delete(self, request: Request, session_id: str) -> Response:
        try:
            return _end(request, uuid.UUID(session_id))
        except ValueError as error:
            raise Problem(UNKNOWN_SESSION, "You have no open session of this id.") from error


def _by_password(request: Request, body: dict[str, str]) -> Opened:
    caller, now = caller_of(request), now_utc()
    user = by_password(email=body["email"], password=body["password"], caller=caller, now=now)
    proven = second_factor(user=user, given=body.get("totp"), caller=caller, now=now)
    return open_signed_in(user=user, factor_proven=proven, how="by password", caller=caller, now=now)


def _by_code(request: Request, body: dict[str, str]) -> Opened:
    """The code is spent when all is proven: a forgotten second factor does not cost it. It is itself fresh proof."""
    caller, now = caller_of(request), now_utc()
    user, proof = by_code(email=body["email"], code=body["code"], caller=caller, now=now)
    second_factor(user=user, given=body.get("totp"), caller=caller, now=now)
    spend_code(user, proof, caller=caller, now=now)
    return open_signed_in(user=user, factor_proven=True, how="by a code from a mail", caller=caller, now=now)


def _end(request: Request, session_id: uuid.UUID) -> Response:
    user_id, caller = principal_of(request).user_id, caller_of(request)
    ended = end_session(user_id=user_id, session_id=session_id, now=now_utc(), caller=caller)
    principals.forget_session(session_id)
    if not ended:
        raise Problem(UNKNOWN_SESSION, "You have no open session of this id.")
    return Response(status=204)
