"""The pages' addresses. A market is written BTC-USD in a path, since BTC/USD would be two segments."""

from django.urls import path, re_path

from . import (
    api_key_views,
    passkey_views,
    second_factor_views,
    settings_views,
    sign_in_views,
    trading_account_views,
    views,
)
from .demo_mail import demo_mail

urlpatterns = [
    path("favicon.ico", views.favicon),
    path("", views.front, name="front"),
    re_path(r"^markets/(?P<base>[A-Z0-9]{1,12})-(?P<quote>[A-Z0-9]{1,12})$", views.market, name="market"),
    path("status", views.status, name="status"),
    path("docs", views.docs, name="site-docs"),
    path("docs/problems", views.problems, name="problems"),
    path("sign-up", sign_in_views.sign_up_page, name="sign-up"),
    path("sign-in", sign_in_views.sign_in_page, name="sign-in"),
    path("sign-in/code", sign_in_views.code_page, name="sign-in-code"),
    path("sign-in/code/enter", sign_in_views.enter_code_page, name="sign-in-code-enter"),
    path("sign-in/second-factor", sign_in_views.second_factor_page, name="second-factor"),
    path("sign-in/passkey/begin", passkey_views.begin_sign_in, name="passkey-sign-in-begin"),
    path("sign-in/passkey", passkey_views.sign_in, name="passkey-sign-in"),
    path("sign-out", sign_in_views.sign_out, name="sign-out"),
    path("password-reset", sign_in_views.ask_reset_page, name="password-reset"),
    path("password-reset/<str:token>", sign_in_views.reset_page, name="password-reset-new"),
    path("settings", settings_views.overview, name="account"),
    path("settings/password", settings_views.password, name="settings-password"),
    path("settings/email", settings_views.email, name="settings-email"),
    path("settings/app", second_factor_views.app, name="settings-app"),
    path("settings/factors/<int:factor_id>/remove", second_factor_views.remove, name="settings-factor-remove"),
    path("settings/recovery-codes", second_factor_views.recovery_codes, name="settings-recovery-codes"),
    path("settings/passkeys", second_factor_views.passkeys, name="settings-passkeys"),
    path("settings/passkeys/begin", passkey_views.begin_adding, name="passkey-add-begin"),
    path("settings/passkeys/add", passkey_views.add, name="passkey-add"),
    path("settings/api-keys", api_key_views.keys, name="settings-api-keys"),
    path("settings/api-keys/new", api_key_views.new_key, name="settings-api-key-new"),
    path("settings/api-keys/<uuid:key_id>", api_key_views.change_key, name="settings-api-key"),
    path("settings/api-keys/<uuid:key_id>/end", api_key_views.end_key, name="settings-api-key-end"),
    path("settings/accounts", trading_account_views.trading_accounts, name="settings-accounts"),
    path("settings/accounts/choose", trading_account_views.choose_account, name="choose-account"),
    path("settings/sessions", settings_views.sessions, name="settings-sessions"),
    path("settings/log", settings_views.log, name="settings-log"),
    path("settings/confirm", settings_views.confirm, name="settings-confirm"),
    path("settings/confirm/passkey/begin", passkey_views.begin_confirming, name="passkey-confirm-begin"),
    path("settings/confirm/passkey", passkey_views.confirm, name="passkey-confirm"),
    path("demo/mail", demo_mail, name="demo-mail"),
]
