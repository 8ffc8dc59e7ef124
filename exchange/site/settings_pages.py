"""What the pages under /settings share: the frame, who is there, and going by /settings/confirm first."""

import datetime as dt

from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode

from accounts import browser
from accounts.models import User
from accounts.security import security_of
from accounts.step_up import fresh_until


def page(request: HttpRequest, name: str, form: Form | None = None, **more: object) -> HttpResponse:
    """The page ``site/settings/NAME.html``, with the state of the account's security. ``refused``: a problem's words."""
    security = security_of(user=user_of(request), session_id=browser.session_id_of(request), now=now_utc())
    refused = bool(more.get("refused")) or (form is not None and bool(form.errors))
    limit_usd = security.limits.withdrawal_usd_per_day
    shown_limit = "" if limit_usd is None else f"{limit_usd:,}"
    context = {"form": form, "security": security, "withdrawal_limit": shown_limit, "here": name, **more}
    return render(request, f"site/settings/{name}.html", context, status=422 if refused else 200)


def user_of(request: HttpRequest) -> User:
    """The signed-in user, anew from the database: what a view changes must not be overwritten with what was read before."""
    return User.objects.get(pk=str(request.user.pk))


def is_fresh(request: HttpRequest) -> bool:
    """Whether the person has just proven himself on this session."""
    return fresh_until(browser.session_id_of(request), now=now_utc()) is not None


def confirm_first(request: HttpRequest, *, back: str = "") -> HttpResponse:
    """To /settings/confirm, and back here afterwards (or to ``back``, where here takes a POST)."""
    wanted = reverse(back) if back else request.get_full_path()
    return redirect(f"{reverse('settings-confirm')}?{urlencode({'next': wanted})}")


def now_utc() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
