"""The realm /deposit: addresses to pay to, and what came."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.fields import PAGE_PARAMETERS, TextField, now_utc, page_of, principal_of
from accounts.api.views import given
from accounts.models import Account
from accounts.scopes import Needs
from funding.addresses import addresses_of, new_address
from funding.problems import UNKNOWN_DEPOSIT, Problem
from funding.queries import deposit_of, deposits_of
from funding.states import DepositState

ASSET_LENGTH = 12


class NewAddressSerializer(serializers.Serializer):  # type: ignore[type-arg]
    asset = TextField(max_length=ASSET_LENGTH)


class DepositAddressSerializer(serializers.Serializer):  # type: ignore[type-arg]
    id = serializers.CharField()
    asset = serializers.CharField(source="wallet.asset")
    chain = serializers.CharField(source="wallet.chain")
    address = serializers.CharField()
    created_at = serializers.DateTimeField()


class DepositAddressListSerializer(serializers.Serializer):  # type: ignore[type-arg]
    items = DepositAddressSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class DepositStepSerializer(serializers.Serializer):  # type: ignore[type-arg]
    at = serializers.DateTimeField()
    state = serializers.ChoiceField(choices=DepositState.values)
    words = serializers.CharField()


class DepositSerializer(serializers.Serializer):  # type: ignore[type-arg]
    id = serializers.CharField(source="deposit.id")
    asset = serializers.CharField(source="deposit.asset")
    amount = serializers.CharField()
    address = serializers.CharField(source="deposit.address.address")
    chain = serializers.CharField(source="deposit.chain")
    txid = serializers.CharField(source="deposit.txid")
    output = serializers.IntegerField(source="deposit.vout")
    state = serializers.ChoiceField(choices=DepositState.values, source="deposit.state")
    confirmations = serializers.IntegerField(help_text="k of n, at most n.")
    confirmations_needed = serializers.IntegerField(source="deposit.needed")
    why = serializers.CharField(help_text="Where it stands and what it waits for, as a sentence.")
    sequence = serializers.IntegerField(
        source="deposit.credit_seq", allow_null=True, help_text="The event that credits it."
    )
    created_at = serializers.DateTimeField(source="deposit.seen_at")
    updated_at = serializers.DateTimeField(source="deposit.changed_at")


class OneDepositSerializer(DepositSerializer):
    steps = DepositStepSerializer(many=True)


class DepositListSerializer(serializers.Serializer):  # type: ignore[type-arg]
    items = DepositSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class AddressesView(APIView):
    """/deposit/addresses: mine, and a new one."""

    needs: Needs = "read"

    @extend_schema(
        operation_id="deposit_addresses",
        parameters=[OpenApiParameter("asset", OpenApiTypes.STR, OpenApiParameter.QUERY), *PAGE_PARAMETERS],
        responses=DepositAddressListSerializer,
    )
    def get(self, request: Request) -> Response:
        before_id, limit = page_of(request, "asset")
        asset, account_id = request.query_params.get("asset"), principal_of(request).account_id
        items = addresses_of(account_id, asset=asset, before_id=before_id, limit=limit)
        cursor = str(items[-1].id) if len(items) == limit else None
        return Response(DepositAddressListSerializer({"items": items, "next_cursor": cursor}).data)

    @extend_schema(
        operation_id="new_deposit_address", request=NewAddressSerializer, responses={201: DepositAddressSerializer}
    )
    def post(self, request: Request) -> Response:
        asset = given(request, NewAddressSerializer)["asset"]
        account = Account.objects.get(id=principal_of(request).account_id)
        return Response(DepositAddressSerializer(new_address(account=account, asset=asset, now=now_utc())).data, 201)


class DepositsView(APIView):
    """GET /deposit: what came for me, newest first."""

    needs: Needs = "read"

    @extend_schema(operation_id="deposits", parameters=PAGE_PARAMETERS, responses=DepositListSerializer)
    def get(self, request: Request) -> Response:
        before_id, limit = page_of(request)
        items = deposits_of(principal_of(request).account_id, before_id=before_id, limit=limit)
        cursor = str(items[-1].deposit.id) if len(items) == limit else None
        return Response(DepositListSerializer({"items": items, "next_cursor": cursor}).data)


class DepositView(APIView):
    """GET /deposit/ID: one deposit with everything that happened to it."""

    needs: Needs = "read"

    @extend_schema(
        operation_id="deposit",
        parameters=[OpenApiParameter("deposit_id", OpenApiTypes.INT, OpenApiParameter.PATH)],
        responses=OneDepositSerializer,
    )
    def get(self, request: Request, deposit_id: str) -> Response:
        found: Any = None
        if deposit_id.isascii() and deposit_id.isdigit() and len(deposit_id) <= 18:
            found = deposit_of(principal_of(request).account_id, int(deposit_id))
        if found is None:
            raise Problem(UNKNOWN_DEPOSIT, "You have no deposit of this id.")
        return Response(OneDepositSerializer(found).data)
