from django.urls import path, re_path

from . import security, views

urlpatterns = [
    path("user", views.UserView.as_view()),
    path("user/password-reset", views.PasswordResetView.as_view()),
    path("user/password", views.PasswordView.as_view()),
    path("session", views.SessionsView.as_view()),
    path("session/code", views.SessionCodeView.as_view()),
    path("session/others", views.OtherSessionsView.as_view()),
    path("session/<str:session_id>", views.SessionView.as_view()),
    path("account/security", security.SecurityView.as_view()),
    path("account/security/events", security.EventsView.as_view()),
    path("account/security/password", security.ChangePasswordView.as_view()),
    path("account/security/email", security.EmailView.as_view()),
    path("account/security/email/code", security.EmailCodeView.as_view()),
    path("account/security/email/new", security.NewEmailView.as_view()),
    path("account/security/step-up", security.StepUpView.as_view()),
    path("account/security/step-up/code", security.StepUpCodeView.as_view()),
    path("account/security/totp", security.TotpView.as_view()),
    path("account/security/factors/<str:factor_id>", security.FactorView.as_view()),
    path("account/security/recovery-codes", security.RecoveryCodesView.as_view()),
    re_path("^(account/security.*|user/.*|session/.*)$", security.UnknownView.as_view()),
]
