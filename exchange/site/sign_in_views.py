"""The pages of signing up, in and out, and of a forgotten password. Each makes one domain call and translates."""

import datetime as dt

from django.core.exceptions import ValidationError
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_POST

from accounts import browser
from accounts.credentials import ask_reset, reset_password, user_of_reset
from accounts.models import User
from accounts.passkeys import host_is_a_name
from accounts.problems import RATE_LIMITED, Problem
from accounts.second_factors import factors_of, has_factor
from accounts.signing_in import by_code, by_password, second_factor, send_sign_in_code, sign_up, spend_code

from .forms import AddressForm, FactorForm, MailedCodeForm, NewPasswordForm, SignInForm, SignUpForm

FIRST_MARKET_PATH = "/markets/BTC-USD"
NOT_REGISTERED = (
    "No account could be opened with this address and password. If the address is yours and known here, sign in."
)
_CODE_ADDRESS_KEY = "kontor_code_address"


def sign_up_page(request: HttpRequest) -> HttpResponse:
    form = SignUpForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        user = _registered(request, form)
        if user is not None:
            return _enter(request, user, how="by password")
    return _form_page(request, "site/sign_up.html", form)


@ensure_csrf_cookie
def sign_in_page(request: HttpRequest) -> HttpResponse:
    form = SignInForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            user = by_password(**form.cleaned_data, caller=browser.caller_of(request), now=_now())
        except Problem as problem:
            refuse(form, problem)
        else:
            return _enter(request, user, how="by password")
    return _form_page(request, "site/sign_in.html", form)


def code_page(request: HttpRequest) -> HttpResponse:
    """Asks for the address, and sends the code to it."""
    form = AddressForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        email = form.cleaned_data["email"]
        try:
            send_sign_in_code(email=email, caller=browser.caller_of(request), now=_now())
        except Problem as problem:
            refuse(form, problem)
        else:
            request.session[_CODE_ADDRESS_KEY] = email
            return redirect(_with_next(request, "sign-in-code-enter"))
    return _form_page(request, "site/sign_in_code.html", form)


def enter_code_page(request: HttpRequest) -> HttpResponse:
    """Takes the code that was sent."""
    email = request.session.get(_CODE_ADDRESS_KEY)
    if email is None:
        return redirect(_with_next(request, "sign-in-code"))
    form = MailedCodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        caller, now = browser.caller_of(request), _now()
        try:
            user, proven = by_code(email=email, code=form.cleaned_data["code"], caller=caller, now=now)
            spend_code(user, proven, caller=caller, now=now)
        except Problem as problem:
            refuse(form, problem, "code")
        else:
            del request.session[_CODE_ADDRESS_KEY]
            return _enter(request, user, how="by a code from a mail", proven=True)
    return _form_page(request, "site/sign_in_code_enter.html", form, email=email)


@ensure_csrf_cookie
def second_factor_page(request: HttpRequest) -> HttpResponse:
    """Takes the second factor of who has proven the first in this browser."""
    awaited = browser.awaited(request)
    if awaited is None:
        return redirect(_with_next(request, "sign-in"))
    user, how = awaited
    form = FactorForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            second_factor(user=user, given=form.cleaned_data["code"], caller=browser.caller_of(request), now=_now())
        except Problem as problem:
            refuse(form, problem, "code")
        else:
            browser.sign_in(request, user, factor_proven=True, how=f"{how} and a second factor")
            return redirect(next_path(request) or FIRST_MARKET_PATH)
    kinds = {factor.kind for factor in factors_of(user.id)}
    passkey = "passkey" in kinds and host_is_a_name(request)
    return _form_page(request, "site/second_factor.html", form, passkey=passkey, app="totp" in kinds)


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    browser.sign_out(request)
    return redirect("front")


def ask_reset_page(request: HttpRequest) -> HttpResponse:
    form = AddressForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        email = form.cleaned_data["email"]
        try:
            ask_reset(email=email, caller=browser.caller_of(request), now=_now())
        except Problem as problem:
            refuse(form, problem)
        else:
            return render(request, "site/password_reset_sent.html", {"email": email})
    return _form_page(request, "site/password_reset.html", form)


def reset_page(request: HttpRequest, token: str) -> HttpResponse:
    """Where the link of the mail leads."""
    form = NewPasswordForm(request.POST or None)
    try:
        if request.method == "POST" and form.is_valid():
            new_password = form.cleaned_data["new_password"]
            reset_password(token=token, new_password=new_password, caller=browser.caller_of(request), now=_now())
            return render(request, "site/password_reset_done.html")
        user_of_reset(token=token, now=_now())
    except ValidationError as error:
        form.add_error("new_password", error)
    except Problem as problem:
        return render(request, "site/password_reset_spent.html", {"detail": problem.detail}, status=422)
    return _form_page(request, "site/password_reset_new.html", form)


def refuse(form: Form, problem: Problem, field: str | None = None) -> None:
    """Says the problem beside its field, or above the form."""
    if problem.kind is RATE_LIMITED:
        form.add_error(None, f"Too many attempts. {problem.detail}")
    else:
        form.add_error(field, problem.detail)


def next_path(request: HttpRequest) -> str:
    """Where to go afterwards: a path of this site, or nothing."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    return wanted if wanted.startswith("/") and url_has_allowed_host_and_scheme(wanted, allowed_hosts=None) else ""


def _registered(request: HttpRequest, form: SignUpForm) -> User | None:
    """A new user; a known one who gave the right password; or None, with the reason in the form."""
    caller, now = browser.caller_of(request), _now()
    try:
        return sign_up(**form.cleaned_data, caller=caller, now=now) or by_password(
            **form.cleaned_data, caller=caller, now=now
        )
    except ValidationError as error:
        form.add_error("password", error)
    except Problem as problem:
        if problem.kind is RATE_LIMITED:
            refuse(form, problem)
        else:
            form.add_error(None, NOT_REGISTERED)
    return None


def _enter(request: HttpRequest, user: User, *, how: str, proven: bool = False) -> HttpResponse:
    """Goes in, or on to the second factor. ``proven``: what was proven counts as fresh proof too, without another."""
    if has_factor(user.id):
        browser.await_second_factor(request, user, how=how)
        return redirect(_with_next(request, "second-factor"))
    browser.sign_in(request, user, factor_proven=proven, how=how)
    return redirect(next_path(request) or FIRST_MARKET_PATH)


def _with_next(request: HttpRequest, name: str) -> str:
    wanted = next_path(request)
    return reverse(name) + (f"?{urlencode({'next': wanted})}" if wanted else "")


def _form_page(request: HttpRequest, template: str, form: Form, **more: object) -> HttpResponse:
    context = {"form": form, "next": next_path(request), "passkeys_work": host_is_a_name(request), **more}
    return render(request, template, context, status=422 if form.errors else 200)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
