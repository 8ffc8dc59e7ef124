"""The realm /account/security: what protects an account, changing it, and what happened."""

from typing import Any

from django.core.exceptions import ValidationError
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.credentials import change_password, require_password
from accounts.email_change import ask_email_change, change_email
from accounts.problems import NOT_FOUND, STEP_UP_REQUIRED, UNKNOWN_FACTOR, Problem
from accounts.second_factors import accept_totp, has_factor, offer_totp, remove_factor, renew_recovery_codes
from accounts.security import security_of
from accounts.security_log import Event, events_of
from accounts.step_up import require_fresh_factor, send_step_up_code
from accounts.verification import ask_verification_code, verify_email

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
from .views import given


class LimitsSerializer(serializers.Serializer):  # type: ignore[type-arg]
    withdrawal_usd_per_day = serializers.IntegerField(allow_null=True, help_text="Whole US dollars; null: no limit.")


class FactorSerializer(serializers.Serializer):  # type: ignore[type-arg]
    id = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=["totp", "passkey"])
    name = serializers.CharField()
    created_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(allow_null=True)


class SecuritySerializer(serializers.Serializer):  # type: ignore[type-arg]
    email = serializers.EmailField()
    email_verified_at = serializers.DateTimeField(allow_null=True)
    level = serializers.IntegerField(help_text="0 registered, 1 e-mail verified, 2 identified.")
    limits = LimitsSerializer()
    second_factors = FactorSerializer(many=True)
    recovery_codes_left = serializers.IntegerField()
    withdrawals_frozen_until = serializers.DateTimeField(allow_null=True)
    step_up_ways = serializers.ListField(child=serializers.CharField())
    step_up_until = serializers.DateTimeField(allow_null=True)


class EventSerializer(serializers.Serializer):  # type: ignore[type-arg]
    id = serializers.CharField()
    at = serializers.DateTimeField()
    kind = serializers.ChoiceField(choices=[event.value for event in Event])
    detail = serializers.CharField()
    session_id = serializers.UUIDField(allow_null=True)
    ip = serializers.IPAddressField(allow_null=True)
    user_agent = serializers.CharField()


class EventListSerializer(serializers.Serializer):  # type: ignore[type-arg]
    items = EventSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class NewPasswordSerializer(serializers.Serializer):  # type: ignore[type-arg]
    password = PasswordField()
    new_password = PasswordField()
    totp = CodeField(required=False)


class CodeSerializer(serializers.Serializer):  # type: ignore[type-arg]
    code = CodeField()


class NewEmailSerializer(serializers.Serializer):  # type: ignore[type-arg]
    email = AddressField()
    password = PasswordField()
    totp = CodeField(required=False)


class EmailCodeSerializer(serializers.Serializer):  # type: ignore[type-arg]
    email = AddressField()
    code = CodeField()


class ProofSerializer(serializers.Serializer):  # type: ignore[type-arg]
    totp = CodeField(required=False, help_text="Not needed for five minutes after it was proven on this session.")


class TotpOfferSerializer(serializers.Serializer):  # type: ignore[type-arg]
    secret = serializers.CharField()
    uri = serializers.CharField()
    token = serializers.CharField()


class TotpAcceptSerializer(serializers.Serializer):  # type: ignore[type-arg]
    token = TextField(max_length=500)
    code = CodeField(help_text="Of the app that got the secret.")
    password = PasswordField(required=False)
    totp = CodeField(required=False)


class RecoveryCodesSerializer(serializers.Serializer):  # type: ignore[type-arg]
    recovery_codes = serializers.ListField(child=serializers.CharField())


def require_fresh(request: Request, totp: str | None) -> None:
    """Raises Problem unless the caller has proven himself anew on this session, or does so by ``totp``."""
    principal = principal_of(request)
    require_fresh_factor(
        user_id=principal.user_id,
        session_id=principal.session_id,
        given=totp,
        caller=caller_of(request),
        now=now_utc(),
    )


class SecurityView(APIView):
    """GET /account/security"""

    @extend_schema(operation_id="security", responses=SecuritySerializer)
    def get(self, request: Request) -> Response:
        security = security_of(user=user_of(request), session_id=principal_of(request).session_id, now=now_utc())
        return Response(SecuritySerializer(security).data)


class EventsView(APIView):
    """GET /account/security/events: everything that happened to my account's security, newest first."""

    @extend_schema(
        operation_id="security_events",
        parameters=PAGE_PARAMETERS,
        responses=EventListSerializer,
    )
    def get(self, request: Request) -> Response:
        before_id, limit = page_of(request)
        events = events_of(user_id=principal_of(request).user_id, before_id=before_id, limit=limit)
        cursor = str(events[-1].id) if len(events) == limit else None
        return Response(EventListSerializer({"items": events, "next_cursor": cursor}).data)


class ChangePasswordView(APIView):
    """POST /account/security/password: ends all other sessions, freezes withdrawals."""

    @extend_schema(operation_id="change_password", request=NewPasswordSerializer, responses={204: None})
    def post(self, request: Request) -> Response:
        body, user = given(request, NewPasswordSerializer), user_of(request)
        if has_factor(user.id):
            require_fresh(request, body.get("totp"))
        try:
            change_password(
                user=user,
                password=body["password"],
                new_password=body["new_password"],
                session_id=principal_of(request).session_id,
                caller=caller_of(request),
                now=now_utc(),
            )
        except ValidationError as error:
            raise refused_password(error, "new_password") from error
        return Response(status=204)


class EmailView(APIView):
    """POST /account/security/email: verify the address by the code that was sent to it."""

    @extend_schema(operation_id="verify_email", request=CodeSerializer, responses={204: None})
    def post(self, request: Request) -> Response:
        code = given(request, CodeSerializer)["code"]
        verify_email(user=user_of(request), code=code, caller=caller_of(request), now=now_utc())
        return Response(status=204)


class EmailCodeView(APIView):
    """POST /account/security/email/code: send the code again."""

    @extend_schema(operation_id="send_email_code", request=None, responses={202: None})
    def post(self, request: Request) -> Response:
        ask_verification_code(user=user_of(request), now=now_utc())
        return Response(status=202)


class NewEmailView(APIView):
    """POST /account/security/email/new: sends a code to another address. PUT: makes it mine, freezes withdrawals."""

    @extend_schema(operation_id="ask_email_change", request=NewEmailSerializer, responses={202: None})
    def post(self, request: Request) -> Response:
        body, user = given(request, NewEmailSerializer), user_of(request)
        if has_factor(user.id):
            require_fresh(request, body.get("totp"))
        ask_email_change(
            user=user, email=body["email"], password=body["password"], caller=caller_of(request), now=now_utc()
        )
        return Response(status=202)

    @extend_schema(operation_id="change_email", request=EmailCodeSerializer, responses={204: None})
    def put(self, request: Request) -> Response:
        body = given(request, EmailCodeSerializer)
        change_email(
            user=user_of(request), email=body["email"], code=body["code"], caller=caller_of(request), now=now_utc()
        )
        return Response(status=204)


class StepUpView(APIView):
    """POST /account/security/step-up: prove myself anew on this session, for five minutes."""

    @extend_schema(operation_id="step_up", request=ProofSerializer, responses=SecuritySerializer)
    def post(self, request: Request) -> Response:
        require_fresh(request, given(request, ProofSerializer).get("totp"))
        security = security_of(user=user_of(request), session_id=principal_of(request).session_id, now=now_utc())
        return Response(SecuritySerializer(security).data)


class StepUpCodeView(APIView):
    """POST /account/security/step-up/code: send the code of an account without a second factor."""

    @extend_schema(operation_id="send_step_up_code", request=None, responses={202: None})
    def post(self, request: Request) -> Response:
        send_step_up_code(user=user_of(request), now=now_utc())
        return Response(status=202)


class TotpView(APIView):
    """POST /account/security/totp: a key for an authenticator app. PUT: put it in force by its first code."""

    @extend_schema(operation_id="offer_totp", request=None, responses={201: TotpOfferSerializer})
    def post(self, request: Request) -> Response:
        return Response(TotpOfferSerializer(offer_totp(user_of(request))).data, status=201)

    @extend_schema(operation_id="accept_totp", request=TotpAcceptSerializer, responses=RecoveryCodesSerializer)
    def put(self, request: Request) -> Response:
        body, user, caller, now = given(request, TotpAcceptSerializer), user_of(request), caller_of(request), now_utc()
        if has_factor(user.id):
            require_fresh(request, body.get("totp"))
        elif "password" in body:
            require_password(user=user, password=body["password"], caller=caller, now=now)
        else:
            raise Problem(STEP_UP_REQUIRED, "The first second factor takes the password.", {"ways": ["password"]})
        codes = accept_totp(user=user, token=body["token"], code=body["code"], caller=caller, now=now)
        return Response({"recovery_codes": codes})


class FactorView(APIView):
    """DELETE /account/security/factors/ID: remove an authenticator app or a passkey. ``totp`` may be in the body."""

    @extend_schema(
        operation_id="remove_factor",
        request=ProofSerializer,
        parameters=[OpenApiParameter("factor_id", OpenApiTypes.INT, OpenApiParameter.PATH)],
        responses={204: None},
    )
    def delete(self, request: Request, factor_id: str) -> Response:
        if not (factor_id.isascii() and factor_id.isdigit() and len(factor_id) <= 18):
            raise Problem(UNKNOWN_FACTOR, "You have no second factor of this id.")
        require_fresh(request, given(request, ProofSerializer).get("totp"))
        remove_factor(user=user_of(request), factor_id=int(factor_id), caller=caller_of(request), now=now_utc())
        return Response(status=204)


class RecoveryCodesView(APIView):
    """POST /account/security/recovery-codes: new ones, shown this once; the old ones are void."""

    @extend_schema(operation_id="renew_recovery_codes", request=ProofSerializer, responses=RecoveryCodesSerializer)
    def post(self, request: Request) -> Response:
        require_fresh(request, given(request, ProofSerializer).get("totp"))
        codes = renew_recovery_codes(user=user_of(request), caller=caller_of(request), now=now_utc())
        return Response({"recovery_codes": codes})


class UnknownView(APIView):
    """What is not here, said as a problem."""

    permission_classes = [AllowAny]
    schema: Any = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise Problem(NOT_FOUND, f"There is no {request.path}.")
