"""People in the admin. Read-only but for one thing: admins say who is identified, which the security log keeps."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from .models import Account, ApiKey, SecurityEvent, Session, User
from .verification import level_of, set_identified


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
    actions: Sequence[str] | None = None


class ReadOnlyInline(ReadOnly, admin.TabularInline):  # type: ignore[type-arg]
    extra = 0


class AccountInline(ReadOnlyInline):
    model = Account


@admin.register(User)
class UserAdmin(ReadOnlyAdmin):
    list_display = ("email", "role", "level", "is_active", "is_staff", "created_at", "last_login")
    list_filter = ("role", "is_active", "is_staff")
    search_fields = ("email", "id", "accounts__id")
    exclude = ("password", "groups", "user_permissions")
    ordering = ("-created_at",)
    inlines = (AccountInline,)
    actions = ("identify", "withdraw_identification")

    @admin.display(description="level")
    def level(self, user: User) -> int:
        return level_of(user)

    def has_identify_permission(self, request: HttpRequest) -> bool:
        return isinstance(request.user, User) and request.user.is_superuser

    @admin.action(description="Set verification level 2: identified", permissions=["identify"])
    def identify(self, request: HttpRequest, users: QuerySet[User]) -> None:
        self._set_identified(request, users, identified=True)

    @admin.action(description="Take verification level 2 back", permissions=["identify"])
    def withdraw_identification(self, request: HttpRequest, users: QuerySet[User]) -> None:
        self._set_identified(request, users, identified=False)

    def _set_identified(self, request: HttpRequest, users: QuerySet[User], *, identified: bool) -> None:
        """Kept twice: in the user's security log, and in the admin's history of what its users did."""
        by = User.objects.get(email=request.user.get_username())
        changed = [
            user
            for user in users
            if set_identified(user=user, identified=identified, by=by, now=dt.datetime.now(dt.UTC))
        ]
        said = f"Verification level {2 if identified else 'without identification'}."
        LogEntry.objects.log_actions(by.pk, changed, CHANGE, said)
        self.message_user(request, f"{len(changed)} changed.", messages.SUCCESS)


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


@admin.register(SecurityEvent)
class SecurityEventAdmin(ReadOnlyAdmin):
    list_display = ("at", "user", "kind", "detail", "ip", "user_agent")
    list_filter = ("kind",)
    search_fields = ("user__email", "ip")
    ordering = ("-id",)
    list_select_related = ("user",)


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    list_display = ("id", "account", "name", "scopes", "created_at", "expires_at", "revoked_at", "last_used_at")
    search_fields = ("id", "account__owner__email", "last_used_ip")
    exclude = ("sealed_secret", "public_key")
    ordering = ("-created_at",)
    list_select_related = ("account",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("sealed_secret")
