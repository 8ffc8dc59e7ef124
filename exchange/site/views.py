"""The pages. Each makes one domain call and translates; what lives on a page is fetched by its own modules."""

from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.templatetags.static import static
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_POST, require_safe

from accounts.browser import sign_in as open_browser_session
from accounts.browser import sign_out as end_browser_session
from accounts.models import User
from accounts.problems import Problem
from accounts.throttling import SIGN_IN, SIGN_UP
from accounts.users import register, verify_password
from trading.models import Market

from .forms import SignInForm, SignUpForm
from .problem_list import problems_by_status

FIRST_MARKET_PATH = "/markets/BTC-USD"
NOT_REGISTERED = (
    "No account could be opened with this address and password. If the address is yours and known here, sign in."
)
WRONG_CREDENTIALS = "The address or the password is wrong."


@require_safe
@ensure_csrf_cookie
def front(request: HttpRequest) -> HttpResponse:
    return render(request, "site/front.html", {"markets": Market.objects.order_by("market")})


@require_safe
@ensure_csrf_cookie
def market(request: HttpRequest, base: str, quote: str) -> HttpResponse:
    found = get_object_or_404(Market, market=f"{base}/{quote}")
    return render(request, "site/market.html", {"market": found})


def sign_up(request: HttpRequest) -> HttpResponse:
    form = SignUpForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        user = _registered(request, form)
        if user is not None:
            return _enter(request, user)
    return _form_page(request, "site/sign_up.html", form)


def sign_in(request: HttpRequest) -> HttpResponse:
    form = SignInForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        user = _recognised(request, form)
        if user is not None:
            return _enter(request, user)
    return _form_page(request, "site/sign_in.html", form)


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    end_browser_session(request)
    return redirect("front")


@require_safe
@login_required
def account(request: HttpRequest) -> HttpResponse:
    return render(request, "site/account.html")


@require_safe
def status(request: HttpRequest) -> HttpResponse:
    return render(request, "site/status.html")


@require_safe
def favicon(request: HttpRequest) -> HttpResponse:
    """For pages that name no icon of their own, as the admin's."""
    return redirect(static("site/img/kontor.svg"))


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    return render(request, "site/docs.html", {"address": request.build_absolute_uri("/").rstrip("/")})


@require_safe
def problems(request: HttpRequest) -> HttpResponse:
    return render(request, "site/problems.html", {"groups": problems_by_status()})


def _registered(request: HttpRequest, form: SignUpForm) -> User | None:
    """A new user; a known one who gave the right password; or None, with the reason in the form."""
    try:
        SIGN_UP.check(_address(request))
        user = register(**form.cleaned_data) or verify_password(**form.cleaned_data)
    except ValidationError as error:
        form.add_error("password", error)
        return None
    except Problem as problem:
        form.add_error(None, f"Too many attempts. {problem.detail}")
        return None
    if user is None:
        form.add_error(None, NOT_REGISTERED)
    return user


def _recognised(request: HttpRequest, form: SignInForm) -> User | None:
    """The user; or None, with the reason in the form."""
    try:
        SIGN_IN.check(f"{_address(request)} {form.cleaned_data['email'].lower()}")
    except Problem as problem:
        form.add_error(None, f"Too many attempts. {problem.detail}")
        return None
    user = verify_password(**form.cleaned_data)
    if user is None:
        form.add_error(None, WRONG_CREDENTIALS)
    return user


def _enter(request: HttpRequest, user: User) -> HttpResponse:
    open_browser_session(request, user)
    return redirect(_next_path(request) or FIRST_MARKET_PATH)


def _form_page(request: HttpRequest, template: str, form: Form) -> HttpResponse:
    return render(request, template, {"form": form, "next": _next_path(request)}, status=422 if form.errors else 200)


def _next_path(request: HttpRequest) -> str:
    """Where to go afterwards: a path of this site, or nothing."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    return wanted if wanted.startswith("/") and url_has_allowed_host_and_scheme(wanted, allowed_hosts=None) else ""


def _address(request: HttpRequest) -> str:
    return str(request.META.get("REMOTE_ADDR", ""))
