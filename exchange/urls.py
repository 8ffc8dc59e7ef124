"""Django's URLs: the site, the admin, the DRF realms. The realms that carry load never come here (``exchange.asgi``)."""

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import Group
from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from accounts.api.problems import bad_request
from accounts.api.security import UnknownView
from exchange.schema import stream_document_view

# Staff sign in where everybody does; an account that may not see the admin is told so there.
admin.site.login = login_required(admin.site.login)  # type: ignore[method-assign]
admin.site.unregister(Group)  # a user has one role, a column
admin.site.unregister(Authenticator)  # secrets, which nobody has to see or change
admin.site.unregister(EmailAddress)  # allauth's own, not used
admin.site.site_header = "Kontor"
admin.site.site_title = "Kontor admin"
admin.site.index_title = "Journal, markets, books and people"

urlpatterns = [
    path("", include("exchange.site.urls")),
    path("", include("accounts.api.urls")),
    path("", include("funding.api.urls")),
    path("api/schema", SpectacularAPIView.as_view(), name="schema"),
    path("api/asyncapi", stream_document_view, name="asyncapi"),
    path("api/docs", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="docs"),
    path("admin/", admin.site.urls),
    re_path("^(api|stream)(/.*)?$", UnknownView.as_view()),
]
handler400 = bad_request
