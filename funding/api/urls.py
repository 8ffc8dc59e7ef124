from django.urls import path, re_path

from accounts.api.security import UnknownView

from . import demo_chain, operator_views, staff_views, views, withdrawal_views

urlpatterns = [
    path("deposit", views.DepositsView.as_view()),
    path("deposit/addresses", views.AddressesView.as_view()),
    path("deposit/test-coins", demo_chain.DemoCoinsView.as_view()),
    path("deposit/test-blocks", demo_chain.DemoBlocksView.as_view()),
    path("deposit/<str:deposit_id>", views.DepositView.as_view()),
    path("withdrawal", withdrawal_views.WithdrawalsView.as_view()),
    path("withdrawal/addresses", withdrawal_views.WithdrawalAddressesView.as_view()),
    path("withdrawal/addresses/lock", withdrawal_views.AddressLockView.as_view()),
    path("withdrawal/addresses/<str:address_id>", withdrawal_views.WithdrawalAddressView.as_view()),
    path("withdrawal/<str:withdrawal_id>", withdrawal_views.WithdrawalView.as_view()),
    path("staff/withdrawals", staff_views.ReviewsView.as_view()),
    path("staff/withdrawals/<str:withdrawal_id>/approve", staff_views.ApproveView.as_view()),
    path("staff/withdrawals/<str:withdrawal_id>/reject", staff_views.RejectView.as_view()),
    path("operator/status", operator_views.StatusView.as_view()),
    re_path("^(deposit|withdrawal|staff|operator).*$", UnknownView.as_view()),
]
