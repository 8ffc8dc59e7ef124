from django.urls import path, re_path

from accounts.api.security import UnknownView

from . import demo_chain, views

urlpatterns = [
    path("deposit", views.DepositsView.as_view()),
    path("deposit/addresses", views.AddressesView.as_view()),
    path("deposit/test-coins", demo_chain.DemoCoinsView.as_view()),
    path("deposit/test-blocks", demo_chain.DemoBlocksView.as_view()),
    path("deposit/<str:deposit_id>", views.DepositView.as_view()),
    re_path("^deposit/.*$", UnknownView.as_view()),
]
