"""The demo's part of the realm /deposit: coins of the test chain for one's own address, and its next block."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.fields import TextField, principal_of
from accounts.api.views import given
from accounts.problems import INVALID_FIELD, Problem
from funding.demo_chain import CHAIN, mine_test_block, send_test_coins
from trading import amounts

DECIMALS = 8


class DemoCoinsSerializer(serializers.Serializer):  # type: ignore[type-arg]
    address = TextField(max_length=100, help_text="One of your deposit addresses.")
    amount = TextField(max_length=40, help_text="At most 20.")


class DemoPaymentSerializer(serializers.Serializer):  # type: ignore[type-arg]
    chain = serializers.CharField()
    txid = serializers.CharField()


class DemoBlockSerializer(serializers.Serializer):  # type: ignore[type-arg]
    chain = serializers.CharField()
    block_hash = serializers.CharField()
    height = serializers.IntegerField()


class DemoCoinsView(APIView):
    """POST /deposit/test-coins: the demo chain's miner pays an address of mine."""

    @extend_schema(operation_id="send_test_coins", request=DemoCoinsSerializer, responses={201: DemoPaymentSerializer})
    def post(self, request: Request) -> Response:
        body, principal = given(request, DemoCoinsSerializer), principal_of(request)
        txid = send_test_coins(
            account_id=principal.account_id,
            user_id=principal.user_id,
            address=body["address"],
            amount_sats=_sats(body["amount"]),
        )
        return Response(DemoPaymentSerializer({"chain": CHAIN, "txid": txid}).data, 201)


class DemoBlocksView(APIView):
    """POST /deposit/test-blocks: the demo chain's next block, now."""

    @extend_schema(operation_id="mine_test_block", request=None, responses={201: DemoBlockSerializer})
    def post(self, request: Request) -> Response:
        mined = mine_test_block(user_id=principal_of(request).user_id)
        body = {"chain": CHAIN, "block_hash": mined.tip_hash, "height": mined.tip_height}
        return Response(DemoBlockSerializer(body).data, 201)


def _sats(text: str) -> int:
    try:
        return amounts.parse(text, DECIMALS)
    except (amounts.NotADecimal, amounts.TooPrecise) as error:
        raise Problem(INVALID_FIELD, f"amount: {error}", {"errors": {"amount": [str(error)]}}) from error
