"""The realm /staff/withdrawals, for admins: what waits for approval, and what they say to it."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.fields import PAGE_PARAMETERS, CodeField, TextField, now_utc, page_of, user_of
from accounts.api.security import require_fresh
from accounts.api.views import given
from accounts.problems import INVALID_PARAMETER, Problem
from accounts.scopes import Needs
from funding.approvals import approve, reject, to_review
from funding.models import Withdrawal
from funding.problems import UNKNOWN_WITHDRAWAL
from funding.states import WithdrawalState
from funding.withdrawal_queries import WithdrawalView, view, views

from .withdrawal_views import OneWithdrawalSerializer, WithdrawalSerializer, cursor_after, number_in

WORDS_LENGTH = 500
ID = OpenApiParameter("withdrawal_id", OpenApiTypes.INT, OpenApiParameter.PATH)
STATE = OpenApiParameter(
    "state", {"type": "string", "enum": WithdrawalState.values, "default": "reviewing"}, OpenApiParameter.QUERY
)


class ApprovalSerializer(serializers.Serializer):  # type: ignore[type-arg]
    by = serializers.CharField(source="by.email")
    approves = serializers.BooleanField()
    words = serializers.CharField()
    at = serializers.DateTimeField()


class ReviewedSerializer(WithdrawalSerializer):
    account = serializers.IntegerField(source="withdrawal.account_id")
    email = serializers.CharField(source="withdrawal.account.owner.email")
    approvals_needed = serializers.IntegerField(source="withdrawal.approvals_needed")
    approvals = ApprovalSerializer(source="withdrawal.approvals.all", many=True)


class ReviewedListSerializer(serializers.Serializer):  # type: ignore[type-arg]
    items = ReviewedSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class ApproveSerializer(serializers.Serializer):  # type: ignore[type-arg]
    words = TextField(max_length=WORDS_LENGTH, required=False, help_text="For the staff.")
    totp = CodeField(required=False)


class RejectSerializer(serializers.Serializer):  # type: ignore[type-arg]
    reason = TextField(max_length=WORDS_LENGTH, help_text="Its owner reads it.")


class ReviewsView(APIView):
    """GET /staff/withdrawals: those that wait for approval, or are in another state, newest first."""

    needs: Needs = "admin"

    @extend_schema(operation_id="reviews", parameters=[STATE, *PAGE_PARAMETERS], responses=ReviewedListSerializer)
    def get(self, request: Request) -> Response:
        before_id, limit = page_of(request, "state")
        state = request.query_params.get("state", WithdrawalState.REVIEWING.value)
        if state not in WithdrawalState.values:
            raise Problem(INVALID_PARAMETER, "There is no such state.", {"errors": {"state": ["Unknown."]}})
        items = views(to_review(before_id=before_id, limit=limit, state=state), now=now_utc())
        cursor = cursor_after(items, limit, items[-1].withdrawal if items else None)
        return Response(ReviewedListSerializer({"items": items, "next_cursor": cursor}).data)


class ApproveView(APIView):
    """POST /staff/withdrawals/ID/approve: mine of the approvals that it takes. Never to one of my own."""

    needs: Needs = "admin"

    @extend_schema(
        operation_id="approve_withdrawal", parameters=[ID], request=ApproveSerializer, responses=OneWithdrawalSerializer
    )
    def post(self, request: Request, withdrawal_id: str) -> Response:
        number, body = _known(withdrawal_id), given(request, ApproveSerializer)
        require_fresh(request, body.get("totp"))
        words = body.get("words", "")
        return _told(approve(withdrawal_id=number, by=user_of(request), words=words, now=now_utc()))


class RejectView(APIView):
    """POST /staff/withdrawals/ID/reject: what is held is given back."""

    needs: Needs = "admin"

    @extend_schema(
        operation_id="reject_withdrawal", parameters=[ID], request=RejectSerializer, responses=OneWithdrawalSerializer
    )
    def post(self, request: Request, withdrawal_id: str) -> Response:
        number, reason = _known(withdrawal_id), given(request, RejectSerializer)["reason"]
        return _told(reject(withdrawal_id=number, by=user_of(request), words=reason, now=now_utc()))


def _known(withdrawal_id: str) -> int:
    number = number_in(withdrawal_id)
    if number is None:
        raise Problem(UNKNOWN_WITHDRAWAL, "There is no withdrawal of this id.")
    return number


def _told(withdrawal: Withdrawal) -> Response:
    shown: WithdrawalView = view(withdrawal, now=now_utc())
    return Response(OneWithdrawalSerializer(shown).data)
