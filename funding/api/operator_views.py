"""GET /operator/status, for operators: how custody stands, and what a person has to look at."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.scopes import Needs
from funding.custody_status import status


class ChainStatusSerializer(serializers.Serializer):  # type: ignore[type-arg]
    chain = serializers.CharField()
    height = serializers.IntegerField(help_text="Read up to here.")
    stopped_because = serializers.CharField(allow_null=True)


class WithdrawalStopSerializer(serializers.Serializer):  # type: ignore[type-arg]
    words = serializers.CharField()
    stopped_at = serializers.DateTimeField()


class ReconciliationSerializer(serializers.Serializer):  # type: ignore[type-arg]
    at = serializers.DateTimeField()
    sequence = serializers.IntegerField(help_text="The event up to which the books were written.")
    hot_books = serializers.CharField()
    hot_coins = serializers.CharField()
    cold_books = serializers.CharField()
    cold_coins = serializers.CharField()
    differences = serializers.CharField(allow_null=True)


class AssetStatusSerializer(serializers.Serializer):  # type: ignore[type-arg]
    asset = serializers.CharField()
    chain = serializers.CharField()
    hot = serializers.CharField(help_text="Once all that is under way has ended.")
    open_payouts = serializers.IntegerField()
    waiting_withdrawals = serializers.IntegerField()
    stop = WithdrawalStopSerializer(allow_null=True, help_text="Withdrawals are stopped until an operator lifts it.")
    reconciliation = ReconciliationSerializer(allow_null=True)


class AlarmSerializer(serializers.Serializer):  # type: ignore[type-arg]
    subject = serializers.CharField()
    words = serializers.CharField()
    raised_at = serializers.DateTimeField()


class StatusSerializer(serializers.Serializer):  # type: ignore[type-arg]
    chains = ChainStatusSerializer(many=True)
    assets = AssetStatusSerializer(many=True)
    alarms = AlarmSerializer(many=True)


class StatusView(APIView):
    needs: Needs = "operator"

    @extend_schema(operation_id="operator_status", responses=StatusSerializer)
    def get(self, request: Request) -> Response:
        return Response(StatusSerializer(status()).data)
