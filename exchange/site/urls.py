"""The pages' addresses. A market is written BTC-USD in a path, since BTC/USD would be two segments."""

from django.urls import path, re_path

from . import views

urlpatterns = [
    path("favicon.ico", views.favicon),
    path("", views.front, name="front"),
    re_path(r"^markets/(?P<base>[A-Z0-9]{1,12})-(?P<quote>[A-Z0-9]{1,12})$", views.market, name="market"),
    path("sign-up", views.sign_up, name="sign-up"),
    path("sign-in", views.sign_in, name="sign-in"),
    path("sign-out", views.sign_out, name="sign-out"),
    path("settings", views.account, name="account"),
    path("status", views.status, name="status"),
    path("docs", views.docs, name="site-docs"),
    path("docs/problems", views.problems, name="problems"),
]
