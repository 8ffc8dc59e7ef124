"""The realms /user and /session."""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import Principal, principals
from accounts.problems import INVALID_FIELD, NOT_SIGNED_IN, UNKNOWN_SESSION, WRONG_CREDENTIALS, Problem
from accounts.sessions import end_session, open_session, open_sessions
from accounts.throttling import SIGN_IN, SIGN_UP
from accounts.users import register, verify_password


class CredentialsSerializer(serializers.Serializer):  # type: ignore[type-arg]
    email = serializers.EmailField(max_length=254)
    password = serializers.CharField(max_length=256, trim_whitespace=False)

    def to_internal_value(self, data: object) -> object:
        for name in ("email", "password"):
            if isinstance(data, dict) and name in data and not isinstance(data[name], str):
                raise serializers.ValidationError({name: [serializers.ErrorDetail("Not a string.", "not_a_string")]})
        return super().to_internal_value(data)


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
    ip = serializers.IPAddressField(allow_null=True)
    user_agent = serializers.CharField()


class SessionListSerializer(serializers.Serializer):  # type: ignore[type-arg]
    items = SessionSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


def _credentials(request: Request) -> dict[str, str]:
    serializer = CredentialsSerializer(data=request.data)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


class UserView(APIView):
    """POST /user: register. A known address gets the same answer, so that nobody learns who has an account."""

    authentication_classes: list[type] = []
    permission_classes = [AllowAny]

    @extend_schema(operation_id="register", request=CredentialsSerializer, responses={201: UserSerializer})
    def post(self, request: Request) -> Response:
        SIGN_UP.check(_address(request))
        given = _credentials(request)
        try:
            user = register(**given)
        except ValidationError as error:
            raise Problem(INVALID_FIELD, error.messages[0], {"errors": {"password": error.messages}}) from error
        shown = {"id": user.id if user else uuid.uuid4(), "email": given["email"].strip().lower()}
        return Response(UserSerializer(shown).data, status=201)


class SessionsView(APIView):
    """POST /session: sign in. GET: my open sessions. DELETE: end this one."""

    def get_permissions(self) -> Sequence[Any]:
        return [AllowAny()] if self.request.method == "POST" else super().get_permissions()

    def get_authenticators(self) -> list[Any]:
        return [] if self.request is not None and self.request.method == "POST" else super().get_authenticators()

    @extend_schema(operation_id="sign_in", auth=[], request=CredentialsSerializer, responses={201: TokenSerializer})
    def post(self, request: Request) -> Response:
        given = _credentials(request)
        SIGN_IN.check(f"{_address(request)} {given['email'].lower()}")
        user = verify_password(**given)
        if user is None:
            raise Problem(WRONG_CREDENTIALS, "The address or the password is wrong.")
        opened = open_session(
            user=user,
            now=dt.datetime.now(dt.UTC),
            ip=_address(request) or None,
            user_agent=request.headers.get("User-Agent", ""),
        )
        shown = {"token": opened.token, "expires_at": opened.session.expires_at}
        return Response(TokenSerializer(shown).data, status=201)

    @extend_schema(operation_id="list_sessions", responses=SessionListSerializer)
    def get(self, request: Request) -> Response:
        sessions = open_sessions(user_id=_principal(request).user_id, now=dt.datetime.now(dt.UTC))
        return Response(SessionListSerializer({"items": sessions, "next_cursor": None}).data)

    @extend_schema(operation_id="sign_out", responses={204: None})
    def delete(self, request: Request) -> Response:
        session_id = _principal(request).session_id
        if session_id is None:
            raise Problem(NOT_SIGNED_IN, "Sign in first.")
        return _end(request, session_id)


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


def _end(request: Request, session_id: uuid.UUID) -> Response:
    ended = end_session(user_id=_principal(request).user_id, session_id=session_id, now=dt.datetime.now(dt.UTC))
    principals.forget_session(session_id)
    if not ended:
        raise Problem(UNKNOWN_SESSION, "You have no open session of this id.")
    return Response(status=204)


def _principal(request: Request) -> Principal:
    if not isinstance(request.auth, Principal):
        raise Problem(NOT_SIGNED_IN, "Sign in first.")
    return request.auth


def _address(request: Request) -> str:
    return str(request.META.get("REMOTE_ADDR") or "")
