"""The journal, the read models and the books in the admin: read-only views, each linked to its cause."""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db import connection
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property

from accounts.admin import ReadOnlyAdmin, ReadOnlyInline
from ledger.models import Entry, LedgerAccount, Posting
from trading.engine.commands import KINDS
from trading.models import Asset, Fill, JournalHead, Market, Order, OrderEvent, ProjectionCheckpoint, Trade
from trading.shapes.texts import at_text


class EstimatingPaginator(Paginator):  # type: ignore[type-arg]
    """Takes the planner's estimate for a whole table: counting the journal would take longer than reading a page."""

    @cached_property
    def count(self) -> int:
        query = self.object_list.query  # type: ignore[attr-defined]
        if query.where:
            return super().count
        with connection.cursor() as cursor:
            cursor.execute("SELECT reltuples::bigint FROM pg_class WHERE relname = %s", [query.model._meta.db_table])
            (estimate,) = cursor.fetchone()
        return int(estimate) if estimate > 10_000 else super().count


class KnownValues(admin.SimpleListFilter, ABC):
    """A filter by values that are known beforehand: Django's own would read the whole table to find them."""

    @abstractmethod
    def known(self) -> Iterable[str]: ...

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(value, value) for value in self.known()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(**{str(self.parameter_name): self.value()}) if self.value() else queryset


class ByEventKind(KnownValues):
    title = parameter_name = "kind"

    def known(self) -> Iterable[str]:
        return sorted(KINDS)


class ByMarket(KnownValues):
    title = parameter_name = "market"

    def known(self) -> Iterable[str]:
        return Market.objects.order_by("market").values_list("market", flat=True)


class BySide(KnownValues):
    title = parameter_name = "side"

    def known(self) -> Iterable[str]:
        return ("buy", "sell")


class ViewAdmin(ReadOnlyAdmin):
    """A read-only table of its model's fields, newest first, with times that people can read."""

    paginator = EstimatingPaginator

    @admin.display(description="at")
    def at(self, row: Any) -> str:
        return _unbroken(at_text(row.at_us))

    @admin.display(description="created at")
    def created_at(self, row: Any) -> str:
        return _unbroken(at_text(row.created_at_us))


def _unbroken(text: str) -> str:
    """The text with hyphens at which no line is broken."""
    return text.replace("-", "\N{NON-BREAKING HYPHEN}")


@admin.register(OrderEvent)
class OrderEventAdmin(ViewAdmin):
    list_display = ("seq", "at", "kind", "account_id", "market", "told")
    list_filter = (ByEventKind, ByMarket)
    search_fields = ("=seq", "=command_id", "=account_id", "=request_id")
    ordering = ("-seq",)
    fields = ("seq", "at", "command_id", "kind", "account_id", "market", "body", "request_id", "hash_text")

    @admin.display(description="body")
    def told(self, event: OrderEvent) -> str:
        """The body without what has columns of its own, in words that can be wrapped."""
        fields = json.loads(event.body)
        return ", ".join(f"{name} {value}" for name, value in fields.items() if name not in ("account", "market"))

    @admin.display(description="hash")
    def hash_text(self, event: OrderEvent) -> str:
        return bytes(event.hash).hex()


@admin.register(Order)
class OrderAdmin(ViewAdmin):
    list_display = (
        "seq",
        "created_at",
        "account_id",
        "market",
        "side",
        "type",
        "price_ticks",
        "quantity_lots",
        "filled_lots",
        "status",
        "reason",
    )
    list_filter = ("status", ByMarket, BySide)
    search_fields = ("=seq", "=id", "=account_id", "=client_order_id")
    ordering = ("-seq",)


@admin.register(Trade)
class TradeAdmin(ViewAdmin):
    list_display = ("id", "at", "market", "price_ticks", "quantity_lots", "quote_atoms", "taker_side", "seq")
    list_filter = (ByMarket,)
    search_fields = ("=id", "=seq")
    ordering = ("-id",)


@admin.register(Fill)
class FillAdmin(ViewAdmin):
    list_display = ("id", "trade_id", "order_id", "account_id", "side", "liquidity", "fee_atoms")
    search_fields = ("=account_id", "=trade__id")
    ordering = ("-id",)


@admin.register(Asset)
class AssetAdmin(ViewAdmin):
    list_display = ("asset", "name", "kind", "decimals", "trading_decimals")


@admin.register(Market)
class MarketAdmin(ViewAdmin):
    list_display = ("market", "state", "state_reason", "tick_atoms", "lot_atoms", "minimum_lots", "maximum_open_orders")


class PostingInline(ReadOnlyInline):
    model = Posting


@admin.register(Entry)
class EntryAdmin(ViewAdmin):
    list_display = ("cause", "at", "reverses_id")
    search_fields = ("=cause", "=reverses__cause")
    ordering = ("-cause",)
    inlines = (PostingInline,)


@admin.register(LedgerAccount)
class LedgerAccountAdmin(ViewAdmin):
    list_display = ("id", "kind", "owner", "asset", "balance", "held")
    list_filter = ("kind", "asset")
    search_fields = ("=owner",)
    ordering = ("kind", "owner", "asset")


@admin.register(Posting)
class PostingAdmin(ViewAdmin):
    list_display = ("id", "entry_id", "account", "kind", "amount", "balance", "held")
    search_fields = ("=entry__cause", "=account__owner")
    list_select_related = ("account",)
    ordering = ("-id",)


@admin.register(JournalHead)
class JournalHeadAdmin(ViewAdmin):
    list_display = ("seq", "at")
    fields = ("seq", "at")


@admin.register(ProjectionCheckpoint)
class ProjectionCheckpointAdmin(ViewAdmin):
    list_display = ("seq",)
