"""Custody in the admin, to look at: why a deposit is not credited, or a withdrawal not paid, stands in its steps.

Withdrawals are approved by POST /staff/withdrawals, which asks for a second factor; nothing is decided here.
"""

from django.contrib import admin

from accounts.admin import ReadOnlyAdmin, ReadOnlyInline

from .models import (
    Alarm,
    Approval,
    ChainCursor,
    Deposit,
    DepositAddress,
    DepositStep,
    DepositWallet,
    Withdrawal,
    WithdrawalAddress,
    WithdrawalStep,
)
from .payout_models import Attempt, Coin, Payout, PayoutStep, Reconciliation, WithdrawalStop


class StepInline(ReadOnlyInline):
    model = DepositStep
    ordering = ("id",)


@admin.register(Deposit)
class DepositAdmin(ReadOnlyAdmin):
    list_display = ("id", "account_id", "asset", "amount_atoms", "state", "block_height", "needed", "seen_at", "txid")
    list_filter = ("state", "asset", "chain")
    search_fields = ("txid", "address__address", "account__owner__email")
    ordering = ("-id",)
    raw_id_fields = ("address", "account")
    inlines = (StepInline,)


@admin.register(DepositAddress)
class DepositAddressAdmin(ReadOnlyAdmin):
    list_display = ("id", "account_id", "wallet", "index", "address", "created_at")
    list_select_related = ("wallet",)
    search_fields = ("address", "account__owner__email")
    ordering = ("-id",)


@admin.register(DepositWallet)
class DepositWalletAdmin(ReadOnlyAdmin):
    list_display = ("id", "asset", "chain", "next_index", "is_active", "created_at")


@admin.register(ChainCursor)
class ChainCursorAdmin(ReadOnlyAdmin):
    list_display = ("chain", "height", "block_hash", "stopped_because")


class WithdrawalStepInline(ReadOnlyInline):
    model = WithdrawalStep
    ordering = ("id",)


class ApprovalInline(ReadOnlyInline):
    model = Approval
    ordering = ("id",)


@admin.register(Withdrawal)
class WithdrawalAdmin(ReadOnlyAdmin):
    list_display = (
        "id",
        "account_id",
        "asset",
        "amount_atoms",
        "fee_atoms",
        "state",
        "approvals_needed",
        "requested_at",
    )
    list_filter = ("state", "asset", "chain")
    search_fields = ("txid", "address", "account__owner__email")
    ordering = ("-id",)
    raw_id_fields = ("destination", "account")
    inlines = (WithdrawalStepInline, ApprovalInline)


@admin.register(WithdrawalAddress)
class WithdrawalAddressAdmin(ReadOnlyAdmin):
    list_display = ("id", "account_id", "asset", "address", "label", "created_at", "usable_from", "removed_at")
    search_fields = ("address", "account__owner__email")
    ordering = ("-id",)


@admin.register(Approval)
class ApprovalAdmin(ReadOnlyAdmin):
    list_display = ("at", "withdrawal_id", "by", "approves", "words")
    list_filter = ("approves",)
    search_fields = ("by__email",)
    list_select_related = ("by",)
    ordering = ("-id",)


@admin.register(Alarm)
class AlarmAdmin(ReadOnlyAdmin):
    list_display = ("subject", "words", "raised_at", "settled_at")
    list_filter = (("settled_at", admin.EmptyFieldListFilter),)
    ordering = ("-id",)


class PayoutStepInline(ReadOnlyInline):
    model = PayoutStep
    ordering = ("id",)


class AttemptInline(ReadOnlyInline):
    model = Attempt
    ordering = ("number",)
    fk_name = "payout"
    fields = ("number", "kind", "txid", "fee_atoms", "size_vbytes", "sent_at", "block_height")


@admin.register(Payout)
class PayoutAdmin(ReadOnlyAdmin):
    list_display = ("id", "asset", "purpose", "state", "is_cancelled", "is_booked", "created_at", "changed_at")
    list_filter = ("state", "purpose", "asset")
    search_fields = ("attempts__txid",)
    ordering = ("-id",)
    inlines = (AttemptInline, PayoutStepInline)


@admin.register(Coin)
class CoinAdmin(ReadOnlyAdmin):
    list_display = ("id", "chain", "amount_atoms", "block_height", "is_spent", "payout", "deposit", "txid")
    list_filter = ("is_spent", "chain")
    search_fields = ("txid",)
    ordering = ("-id",)


@admin.register(WithdrawalStop)
class WithdrawalStopAdmin(ReadOnlyAdmin):
    list_display = ("asset", "words", "stopped_at", "lifted_at", "lifted_because")
    ordering = ("-id",)


@admin.register(Reconciliation)
class ReconciliationAdmin(ReadOnlyAdmin):
    list_display = (
        "asset",
        "at",
        "seq",
        "hot_books_atoms",
        "hot_coins_atoms",
        "cold_books_atoms",
        "cold_coins_atoms",
        "differences",
    )
