"""People in the admin. Read-only but for two things, which the security log keeps: who is identified, and the removal of second
factors that somebody lost (``lost_factors``), for which the staff prove anew who they are.
"""

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.contrib.admin.models import CHANGE, LogEntry
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from .browser import session_id_of
from .lost_factors import DECIDES, WORDS_LIMIT, ResetRefused, approve_reset, ask_for_reset, cancel_reset
from .models import Account, ApiKey, FactorReset, SecurityEvent, Session, User
from .notice_models import Notice, NoticeWithdrawal
from .scopes import has_role
from .second_factors import has_factor
from .step_up import fresh_until
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


class WithReason(ActionForm):
    """The words that go with an action."""

    reason = forms.CharField(required=False, max_length=WORDS_LIMIT)


class DecidesOnResets(ReadOnlyAdmin):
    """What its actions share, that ask for, approve or cancel the removal of lost second factors."""

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return isinstance(request.user, User) and has_role(request.user.role, DECIDES)

    def decide(self, request: HttpRequest, said: str, chosen: QuerySet[Any], act: Callable[..., FactorReset]) -> None:
        """``act`` for each row, by whoever has just proven who it is; each in the admin's history too."""
        now = dt.datetime.now(dt.UTC)
        if fresh_until(session_id_of(request), now=now) is None:
            self.message_user(request, "Prove anew that it is you first: /settings/confirm", messages.ERROR)
            return
        by = User.objects.get(email=request.user.get_username())
        for row in chosen:
            try:
                reset = act(row, by=by, now=now)
            except ResetRefused as refused:
                self.message_user(request, str(refused), messages.ERROR)
            else:
                LogEntry.objects.log_actions(by.pk, [reset.user], CHANGE, said)
                self.message_user(request, f"{said} {reset.user.email}", messages.SUCCESS)


@admin.register(User)
class UserAdmin(DecidesOnResets):
    list_display = ("email", "role", "level", "is_active", "is_staff", "created_at", "last_login")
    list_filter = ("role", "is_active", "is_staff")
    search_fields = ("email", "id", "accounts__id")
    exclude = ("password", "groups", "user_permissions")
    ordering = ("-created_at",)
    inlines = (AccountInline,)
    actions = ("identify", "withdraw_identification", "ask_for_factor_reset")
    action_form = WithReason

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

    @admin.action(description="Lost second factors: ask for their removal, with a reason", permissions=["decide"])
    def ask_for_factor_reset(self, request: HttpRequest, users: QuerySet[User]) -> None:
        words = request.POST.get("reason", "")

        def ask(user: User, *, by: User, now: dt.datetime) -> FactorReset:
            return ask_for_reset(user=user, has_factor=has_factor(user.id), by=by, words=words, now=now)

        self.decide(request, "The removal of lost second factors was asked for.", users, ask)

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


@admin.register(FactorReset)
class FactorResetAdmin(DecidesOnResets):
    list_display = ("asked_at", "user", "words", "asked_by", "approved_by", "due_at", "ending", "ended_by", "ended_at")
    list_filter = ("ending",)
    search_fields = ("user__email",)
    ordering = ("-id",)
    list_select_related = ("user", "asked_by", "approved_by", "ended_by")
    actions = ("approve", "cancel")

    @admin.action(description="Approve", permissions=["decide"])
    def approve(self, request: HttpRequest, resets: QuerySet[FactorReset]) -> None:
        def act(reset: FactorReset, *, by: User, now: dt.datetime) -> FactorReset:
            return approve_reset(reset_id=reset.id, by=by, now=now)

        self.decide(request, "The removal of lost second factors was approved.", resets, act)

    @admin.action(description="Cancel", permissions=["decide"])
    def cancel(self, request: HttpRequest, resets: QuerySet[FactorReset]) -> None:
        def act(reset: FactorReset, *, by: User, now: dt.datetime) -> FactorReset:
            return cancel_reset(reset_id=reset.id, by=by, now=now)

        self.decide(request, "The removal of lost second factors was cancelled.", resets, act)


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    list_display = ("id", "account", "name", "scopes", "created_at", "expires_at", "revoked_at", "last_used_at")
    search_fields = ("id", "account__owner__email", "last_used_ip")
    exclude = ("sealed_secret", "public_key")
    ordering = ("-created_at",)
    list_select_related = ("account",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("sealed_secret")


class NoticeWithdrawalInline(ReadOnlyInline):
    model = NoticeWithdrawal


@admin.register(Notice)
class NoticeAdmin(ReadOnlyAdmin):
    list_display = ("id", "severity", "text", "starts_at", "ends_at", "published_by", "published_at", "withdrawal")
    list_filter = ("severity",)
    ordering = ("-id",)
    list_select_related = ("published_by", "withdrawal")
    inlines = (NoticeWithdrawalInline,)
