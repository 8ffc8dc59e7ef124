"""The pages of second factors under /settings: authenticator app, recovery codes, passkeys.

The first factor takes the password, which a stolen session does not have; every further change a proof of one that is there.
"""

import segno
from django.contrib.auth.decorators import login_required
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_POST

from accounts import browser
from accounts.credentials import require_password
from accounts.models import User
from accounts.passkeys import host_is_a_name
from accounts.problems import STEP_UP_REQUIRED, Problem
from accounts.second_factors import (
    Offer,
    accept_totp,
    has_factor,
    offer_totp,
    read_offer,
    remove_factor,
    renew_recovery_codes,
    require_verified,
)

from .forms import AppForm, FirstAppForm
from .settings_pages import confirm_first, is_fresh, now_utc, page, user_of
from .sign_in_views import refuse


@login_required
def app(request: HttpRequest) -> HttpResponse:
    """Sets up an authenticator app: its QR code, then its first code, of the same key until that fits."""
    user = user_of(request)
    is_first = not has_factor(user.id)
    if not is_first and not is_fresh(request):
        return confirm_first(request)
    try:
        offer = read_offer(user, request.POST["token"]) if "token" in request.POST else offer_totp(user)
    except Problem as problem:
        return page(request, "app", refused=problem.detail)
    initial = {"token": offer.token}
    form = (
        FirstAppForm(request.POST or None, initial=initial)
        if is_first
        else AppForm(request.POST or None, initial=initial)
    )
    if request.method == "POST" and form.is_valid():
        codes = _accept(request, user, form, offer)
        if codes is not None:
            return page(request, "recovery_codes", codes=codes, done="The authenticator app is in force.")
    # Dark on white whatever the theme: cameras ask for that. A data URI needs no exception from the content policy.
    qr = segno.make(offer.uri, error="m").svg_data_uri(scale=5, border=2, light="#fff", dark="#000")
    secret = " ".join(offer.secret[at : at + 4] for at in range(0, len(offer.secret), 4))
    return page(request, "app", form, qr=qr, secret=secret)


@require_POST
@login_required
def remove(request: HttpRequest, factor_id: int) -> HttpResponse:
    if not is_fresh(request):
        return confirm_first(request, back="account")
    try:
        remove_factor(user=user_of(request), factor_id=factor_id, caller=browser.caller_of(request), now=now_utc())
    except Problem as problem:
        return page(request, "overview", refused=problem.detail)
    return page(request, "overview", done="The second factor is removed.")


@login_required
def recovery_codes(request: HttpRequest) -> HttpResponse:
    """New recovery codes, by POST; the old ones are void then."""
    if not is_fresh(request):
        return confirm_first(request)
    if request.method != "POST":
        return page(request, "recovery_codes")
    try:
        codes = renew_recovery_codes(user=user_of(request), caller=browser.caller_of(request), now=now_utc())
    except Problem as problem:
        return page(request, "recovery_codes", refused=problem.detail)
    return page(request, "recovery_codes", codes=codes)


@ensure_csrf_cookie
@login_required
def passkeys(request: HttpRequest) -> HttpResponse:
    """The page from which ``passkey_views`` is called."""
    user = user_of(request)
    is_first = not has_factor(user.id)
    if not is_first and not is_fresh(request):
        return confirm_first(request)
    try:
        require_verified(user)
    except Problem as problem:
        return page(request, "passkeys", refused=problem.detail)
    return page(request, "passkeys", is_first=is_first, passkeys_work=host_is_a_name(request))


def require_right_to_add(request: HttpRequest, user: User, password: str) -> None:
    """Raises Problem unless the person may add a factor: by fresh proof of another, or the password if there is none."""
    if not has_factor(user.id):
        require_password(user=user, password=password, caller=browser.caller_of(request), now=now_utc())
    elif not is_fresh(request):
        raise Problem(STEP_UP_REQUIRED, "Prove once more that it is you, then try again.")


def _accept(request: HttpRequest, user: User, form: Form, offer: Offer) -> list[str] | None:
    """Puts the app in force; the recovery codes that came with it. None, and the reason in the form, if that is refused."""
    try:
        require_right_to_add(request, user, form.cleaned_data.get("password", ""))
    except Problem as problem:
        refuse(form, problem, "password")
        return None
    try:
        code, caller = form.cleaned_data["code"], browser.caller_of(request)
        return accept_totp(user=user, token=offer.token, code=code, caller=caller, now=now_utc())
    except Problem as problem:
        refuse(form, problem, "code")
        return None
