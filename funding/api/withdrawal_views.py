"""The realm /withdrawal: the addresses that one may withdraw to, and withdrawals."""

from typing import Any

from django.db.models import Model
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.fields import (
    PAGE_PARAMETERS,
    CodeField,
    TextField,
    caller_of,
    now_utc,
    page_of,
    principal_of,
    user_of,
)
from accounts.api.security import require_fresh
from accounts.api.views import given
from accounts.models import Account
from accounts.problems import INVALID_PARAMETER, Problem
from accounts.scopes import Needs
from funding.destinations import (
    add_address,
    lock_addresses,
    lock_of,
    remove_address,
    unlock_addresses,
    withdrawal_addresses_of,
)
from funding.problems import NO_WITHDRAWALS, UNKNOWN_WITHDRAWAL, UNKNOWN_WITHDRAWAL_ADDRESS
from funding.scripts import ADDRESS_LENGTH
from funding.states import WithdrawalState
from funding.withdrawal_queries import view, withdrawal_of, withdrawals_of
from funding.withdrawing import Wish, asked_before, cancel_withdrawal, request_withdrawal
from trading import amounts
from trading.models import Asset
from trading.order_requests import parse_atoms, wrong

from .views import ASSET_LENGTH

KEY_LENGTH = 64
QUANTITY_LENGTH = 64
LABEL_LENGTH = 64
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    required=True,
    description=f"1 to {KEY_LENGTH} printable characters. The same request under the same key is carried out once.",
)


class NewWithdrawalAddressSerializer(serializers.Serializer):  # type: ignore[type-arg]
    asset = TextField(max_length=ASSET_LENGTH)
    address = TextField(max_length=ADDRESS_LENGTH)
    label = TextField(max_length=LABEL_LENGTH)  # type: ignore[assignment]
    totp = CodeField(required=False)


class ProofSerializer(serializers.Serializer):  # type: ignore[type-arg]
    totp = CodeField(required=False)


class WithdrawalAddressSerializer(serializers.Serializer):  # type: ignore[type-arg]
    id = serializers.CharField()
    asset = serializers.CharField()
    chain = serializers.CharField()
    address = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    created_at = serializers.DateTimeField()
    usable_from = serializers.DateTimeField(help_text="The end of its cooling period.")


class AddressLockSerializer(serializers.Serializer):  # type: ignore[type-arg]
    locked = serializers.BooleanField()
    opens_at = serializers.DateTimeField(allow_null=True, help_text="When the lock ends, if that was asked for.")


class WithdrawalAddressListSerializer(serializers.Serializer):  # type: ignore[type-arg]
    items = WithdrawalAddressSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)
    lock = AddressLockSerializer()


class NewWithdrawalSerializer(serializers.Serializer):  # type: ignore[type-arg]
    asset = TextField(max_length=ASSET_LENGTH)
    quantity = TextField(max_length=QUANTITY_LENGTH, help_text="What leaves the account, the fee included.")
    address = TextField(max_length=ADDRESS_LENGTH, required=False, help_text="A registered address, or its address_id.")
    address_id = TextField(max_length=18, required=False)
    totp = CodeField(required=False)


class WithdrawalStepSerializer(serializers.Serializer):  # type: ignore[type-arg]
    at = serializers.DateTimeField()
    state = serializers.ChoiceField(choices=WithdrawalState.values)
    words = serializers.CharField()


class WithdrawalSerializer(serializers.Serializer):  # type: ignore[type-arg]
    id = serializers.CharField(source="withdrawal.id")
    asset = serializers.CharField(source="withdrawal.asset")
    quantity = serializers.CharField(help_text="What leaves the account.")
    fee = serializers.CharField(help_text="Ours, of the quantity.")
    amount = serializers.CharField(help_text="What the address gets.")
    address = serializers.CharField(source="withdrawal.address")
    address_id = serializers.CharField(source="withdrawal.destination_id")
    chain = serializers.CharField(source="withdrawal.chain")
    state = serializers.ChoiceField(choices=WithdrawalState.values, source="withdrawal.state")
    why = serializers.CharField(help_text="Where it stands and what it waits for, as a sentence.")
    txid = serializers.CharField(source="withdrawal.txid", allow_null=True)
    confirmations = serializers.IntegerField()
    sequence = serializers.IntegerField(
        source="withdrawal.settle_seq", allow_null=True, help_text="The event that takes it off the account."
    )
    created_at = serializers.DateTimeField(source="withdrawal.requested_at")
    updated_at = serializers.DateTimeField(source="withdrawal.changed_at")


class OneWithdrawalSerializer(WithdrawalSerializer):
    steps = WithdrawalStepSerializer(many=True)


class WithdrawalListSerializer(serializers.Serializer):  # type: ignore[type-arg]
    items = WithdrawalSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


def account_of(request: Request) -> Account:
    return Account.objects.get(id=principal_of(request).account_id)


def number_in(text: str) -> int | None:
    """An id of ours; None if it cannot be one."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


def cursor_after(items: list[Any], limit: int, last: Model | None) -> str | None:
    return str(last.pk) if len(items) == limit and last is not None else None


class WithdrawalAddressesView(APIView):
    """/withdrawal/addresses: those that I may withdraw to, and a new one."""

    needs: Needs = "withdraw"

    @extend_schema(
        operation_id="withdrawal_addresses",
        parameters=[OpenApiParameter("asset", OpenApiTypes.STR, OpenApiParameter.QUERY), *PAGE_PARAMETERS],
        responses=WithdrawalAddressListSerializer,
    )
    def get(self, request: Request) -> Response:
        before_id, limit = page_of(request, "asset")
        asset, account_id = request.query_params.get("asset"), principal_of(request).account_id
        items = withdrawal_addresses_of(account_id, asset=asset, before_id=before_id, limit=limit)
        cursor = cursor_after(items, limit, items[-1] if items else None)
        shown = {"items": items, "next_cursor": cursor, "lock": _lock_body(request)}
        return Response(WithdrawalAddressListSerializer(shown).data)

    @extend_schema(
        operation_id="new_withdrawal_address",
        request=NewWithdrawalAddressSerializer,
        responses={201: WithdrawalAddressSerializer},
    )
    def post(self, request: Request) -> Response:
        body = given(request, NewWithdrawalAddressSerializer)
        require_fresh(request, body.get("totp"))
        added = add_address(
            account=account_of(request),
            asset=body["asset"],
            address=body["address"],
            label=body["label"],
            caller=caller_of(request),
            now=now_utc(),
        )
        return Response(WithdrawalAddressSerializer(added).data, 201)


class WithdrawalAddressView(APIView):
    """DELETE /withdrawal/addresses/ID: nothing more is withdrawn there."""

    needs: Needs = "withdraw"

    @extend_schema(
        operation_id="remove_withdrawal_address",
        parameters=[OpenApiParameter("address_id", OpenApiTypes.INT, OpenApiParameter.PATH)],
        responses={204: None},
    )
    def delete(self, request: Request, address_id: str) -> Response:
        number = number_in(address_id)
        if number is None:
            raise Problem(UNKNOWN_WITHDRAWAL_ADDRESS, "You have no withdrawal address of this id.")
        remove_address(account=account_of(request), address_id=number, caller=caller_of(request), now=now_utc())
        return Response(status=204)


class AddressLockView(APIView):
    """/withdrawal/addresses/lock: no new addresses of any trading account of mine, until so long after I ask for the end of it."""

    needs: Needs = "withdraw"

    @extend_schema(operation_id="lock_withdrawal_addresses", request=None, responses=AddressLockSerializer)
    def put(self, request: Request) -> Response:
        lock_addresses(account=account_of(request), caller=caller_of(request), now=now_utc())
        return Response(_lock_body(request))

    @extend_schema(operation_id="unlock_withdrawal_addresses", request=ProofSerializer, responses=AddressLockSerializer)
    def delete(self, request: Request) -> Response:
        require_fresh(request, given(request, ProofSerializer).get("totp"))
        unlock_addresses(owner=user_of(request), caller=caller_of(request), now=now_utc())
        return Response(_lock_body(request))


def _lock_body(request: Request) -> dict[str, Any]:
    lock = lock_of(principal_of(request).user_id, now=now_utc())
    shown = {"locked": lock is not None, "opens_at": None if lock is None else lock.opens_at}
    return dict(AddressLockSerializer(shown).data)


class WithdrawalsView(APIView):
    """/withdrawal: what I have withdrawn, newest first, and a new one."""

    needs: Needs = "withdraw"

    @extend_schema(operation_id="withdrawals", parameters=PAGE_PARAMETERS, responses=WithdrawalListSerializer)
    def get(self, request: Request) -> Response:
        before_id, limit = page_of(request)
        items = withdrawals_of(principal_of(request).account_id, before_id=before_id, limit=limit, now=now_utc())
        cursor = cursor_after(items, limit, items[-1].withdrawal if items else None)
        return Response(WithdrawalListSerializer({"items": items, "next_cursor": cursor}).data)

    @extend_schema(
        operation_id="withdraw",
        parameters=[IDEMPOTENCY_KEY],
        request=NewWithdrawalSerializer,
        responses={201: OneWithdrawalSerializer, 200: OneWithdrawalSerializer},
    )
    def post(self, request: Request) -> Response:
        body, account, key = given(request, NewWithdrawalSerializer), account_of(request), _idempotency_key(request)
        wish = _wish(body)
        withdrawal, is_new = asked_before(account=account, wish=wish, idempotency_key=key), False
        if withdrawal is None:
            if principal_of(request).key is None:  # a key with this scope is a proof itself
                require_fresh(request, body.get("totp"))
            withdrawal, is_new = request_withdrawal(
                account=account, wish=wish, idempotency_key=key, caller=caller_of(request), now=now_utc()
            )
        return Response(OneWithdrawalSerializer(view(withdrawal, now=now_utc())).data, 201 if is_new else 200)


class WithdrawalView(APIView):
    """/withdrawal/ID: one withdrawal with everything that happened to it; or cancel it, until it is part of a payout."""

    needs: Needs = "withdraw"

    @extend_schema(
        operation_id="withdrawal",
        parameters=[OpenApiParameter("withdrawal_id", OpenApiTypes.INT, OpenApiParameter.PATH)],
        responses=OneWithdrawalSerializer,
    )
    def get(self, request: Request, withdrawal_id: str) -> Response:
        number = number_in(withdrawal_id)
        found = None if number is None else withdrawal_of(principal_of(request).account_id, number, now=now_utc())
        if found is None:
            raise Problem(UNKNOWN_WITHDRAWAL, "You have no withdrawal of this id.")
        return Response(OneWithdrawalSerializer(found).data)

    @extend_schema(
        operation_id="cancel_withdrawal",
        parameters=[OpenApiParameter("withdrawal_id", OpenApiTypes.INT, OpenApiParameter.PATH)],
        responses=OneWithdrawalSerializer,
    )
    def delete(self, request: Request, withdrawal_id: str) -> Response:
        number = number_in(withdrawal_id)
        if number is None:
            raise Problem(UNKNOWN_WITHDRAWAL, "You have no withdrawal of this id.")
        cancelled = cancel_withdrawal(
            account=account_of(request), withdrawal_id=number, caller=caller_of(request), now=now_utc()
        )
        return Response(OneWithdrawalSerializer(view(cancelled, now=now_utc())).data)


def _idempotency_key(request: Request) -> str:
    key = request.headers.get("Idempotency-Key", "")
    if not (0 < len(key) <= KEY_LENGTH and key.isascii() and key.isprintable()):
        detail = (
            f"Send the header Idempotency-Key, 1 to {KEY_LENGTH} printable characters: it is withdrawn once for each."
        )
        raise Problem(INVALID_PARAMETER, detail)
    return key


def _wish(body: dict[str, str]) -> Wish:
    """Raises Problem."""
    asset = Asset.objects.filter(asset=body["asset"]).first()
    if asset is None:
        raise Problem(NO_WITHDRAWALS, f"{body['asset']} cannot be withdrawn here.")
    if ("address" in body) == ("address_id" in body):
        raise wrong("address", "Give address, or address_id.")
    address_id = number_in(body["address_id"]) if "address_id" in body else None
    if "address_id" in body and address_id is None:
        raise Problem(UNKNOWN_WITHDRAWAL_ADDRESS, "You have no withdrawal address of this id.")
    decimals = asset.decimals
    atoms = parse_atoms(lambda text: amounts.parse(text, decimals), body["quantity"], "quantity")
    return Wish(asset=asset.asset, quantity_atoms=atoms, address=body.get("address"), address_id=address_id)
