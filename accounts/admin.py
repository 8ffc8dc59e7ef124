"""People in the admin. Read-only here: users are made by signing up, and changed by commands."""

from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from .models import Account, ApiKey, Session, User


class ReadOnly:
    """Nothing can be added, changed or deleted."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class ReadOnlyAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """A table to look at. Large ones are not counted."""

    show_full_result_count = False
    list_per_page = 50
    actions = None


class ReadOnlyInline(ReadOnly, admin.TabularInline):  # type: ignore[type-arg]
    extra = 0


class AccountInline(ReadOnlyInline):
    model = Account


@admin.register(User)
class UserAdmin(ReadOnlyAdmin):
    list_display = ("email", "role", "is_active", "is_staff", "created_at", "last_login")
    list_filter = ("role", "is_active", "is_staff")
    search_fields = ("email", "id", "accounts__id")
    exclude = ("password", "groups", "user_permissions")
    ordering = ("-created_at",)
    inlines = (AccountInline,)


@admin.register(Account)
class AccountAdmin(ReadOnlyAdmin):
    list_display = ("id", "owner", "name", "created_at")
    search_fields = ("id", "owner__email")
    list_select_related = ("owner",)


@admin.register(Session)
class SessionAdmin(ReadOnlyAdmin):
    list_display = ("user", "created_at", "expires_at", "ended_at", "ip", "user_agent")
    search_fields = ("user__email", "ip")
    exclude = ("token_hash",)
    ordering = ("-created_at",)
    list_select_related = ("user",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("token_hash")


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    list_display = ("id", "account", "name", "scopes", "created_at", "expires_at", "revoked_at", "last_used_at")
    search_fields = ("id", "account__owner__email", "last_used_ip")
    exclude = ("sealed_secret", "public_key")
    ordering = ("-created_at",)
    list_select_related = ("account",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("sealed_secret")
