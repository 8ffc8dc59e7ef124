"""The pages under /settings but for second factors: what protects an account, password, address, sessions, log.

What a stolen session must not do goes by /settings/confirm first, unless the person has just proven himself on this session.
"""

import uuid

from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from accounts import browser
from accounts.authentication import principals
from accounts.credentials import change_password
from accounts.email_change import ask_email_change, change_email
from accounts.passkeys import host_is_a_name
from accounts.problems import INVALID_FIELD, Problem
from accounts.second_factors import has_factor
from accounts.security_log import IN_WORDS, Event, events_of
from accounts.sessions import end_session, end_sessions, open_sessions
from accounts.step_up import require_fresh_factor, send_step_up_code
from accounts.verification import ask_verification_code, verify_email

from .forms import ChangePasswordForm, FactorForm, MailedCodeForm, NewAddressCodeForm, NewAddressForm
from .settings_pages import confirm_first, is_fresh, now_utc, page, user_of
from .sign_in_views import next_path, refuse

LOG_PAGE = 50


@require_safe
@login_required
def overview(request: HttpRequest) -> HttpResponse:
    return page(request, "overview")


@login_required
def password(request: HttpRequest) -> HttpResponse:
    user = user_of(request)
    if has_factor(user.id) and not is_fresh(request):
        return confirm_first(request)
    form = ChangePasswordForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            change_password(
                user=user,
                password=form.cleaned_data["password"],
                new_password=form.cleaned_data["new_password"],
                session_id=browser.session_id_of(request),
                caller=browser.caller_of(request),
                now=now_utc(),
            )
        except ValidationError as error:
            form.add_error("new_password", error)
        except Problem as problem:
            refuse(form, problem, "password")
        else:
            browser.keep_signed_in(request, user)
            return page(request, "overview", done="The password is changed. All other sessions have ended.")
    return page(request, "password", form)


@login_required
def email(request: HttpRequest) -> HttpResponse:
    """Verifies the address by a code; ``send`` in the form asks for a new one."""
    user, wants_code = user_of(request), "send" in request.POST
    form = MailedCodeForm(None if wants_code else request.POST or None)
    if wants_code:
        try:
            ask_verification_code(user=user, now=now_utc())
        except Problem as problem:
            return page(request, "email", form, refused=problem.detail)
        return page(request, "email", form, sent=True)
    if request.method == "POST" and form.is_valid():
        try:
            code = form.cleaned_data["code"]
            verify_email(user=user, code=code, caller=browser.caller_of(request), now=now_utc())
        except Problem as problem:
            refuse(form, problem, "code")
        else:
            return page(request, "overview", done="The e-mail address is verified.")
    return page(request, "email", form)


@login_required
def new_email(request: HttpRequest) -> HttpResponse:
    """Another address: asked for first, then proven by the code that was sent to it."""
    user = user_of(request)
    if has_factor(user.id) and not is_fresh(request):
        return confirm_first(request)
    if "code" in request.POST:
        return _prove_new_email(request)
    form = NewAddressForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        wanted, password = form.cleaned_data["email"], form.cleaned_data["password"]
        try:
            caller = browser.caller_of(request)
            ask_email_change(user=user, email=wanted, password=password, caller=caller, now=now_utc())
        except Problem as problem:
            refuse(form, problem, "email" if problem.kind is INVALID_FIELD else "password")
        else:
            return page(request, "new_email", NewAddressCodeForm(initial={"email": wanted}), sent_to=wanted)
    return page(request, "new_email", form)


def _prove_new_email(request: HttpRequest) -> HttpResponse:
    form = NewAddressCodeForm(request.POST)
    if form.is_valid():
        email, code = form.cleaned_data["email"], form.cleaned_data["code"]
        try:
            change_email(
                user=user_of(request), email=email, code=code, caller=browser.caller_of(request), now=now_utc()
            )
        except Problem as problem:
            refuse(form, problem, "code")
        else:
            request.user = user_of(request)
            return page(request, "overview", done=f"Your address is {email} now. Withdrawals are frozen for a day.")
    return page(request, "new_email", form, sent_to=request.POST.get("email", ""))


@login_required
def sessions(request: HttpRequest) -> HttpResponse:
    """Lists the open sessions; ``end`` in the form ends one, ``others`` all but this."""
    user, mine = user_of(request), browser.session_id_of(request)
    if request.method == "POST":
        for session_id in _end_sessions(request):
            principals.forget_session(session_id)
        return redirect("settings-sessions")
    return page(request, "sessions", sessions=open_sessions(user_id=user.id, now=now_utc()), mine=mine)


@require_safe
@login_required
def log(request: HttpRequest) -> HttpResponse:
    before = request.GET.get("before", "")
    before_id = int(before) if before.isascii() and before.isdigit() and len(before) <= 18 else None
    events = events_of(user_id=user_of(request).id, before_id=before_id, limit=LOG_PAGE)
    told = [(event, IN_WORDS[Event(event.kind)]) for event in events]
    return page(request, "log", events=told, older=events[-1].id if len(events) == LOG_PAGE else None)


@ensure_csrf_cookie
@login_required
def confirm(request: HttpRequest) -> HttpResponse:
    """Proves anew who is there, then goes on to where the person wanted to. ``send`` in the form asks for a code."""
    user, wants_code, wanted = user_of(request), "send" in request.POST, next_path(request)
    data = None if wants_code else request.POST or None
    form = FactorForm(data) if has_factor(user.id) else MailedCodeForm(data)
    shown = {"next": wanted, "passkeys_work": host_is_a_name(request)}
    if wants_code:
        try:
            send_step_up_code(user=user, now=now_utc())
        except Problem as problem:
            return page(request, "confirm", form, refused=problem.detail, **shown)
        return page(request, "confirm", form, sent=True, **shown)
    if request.method == "POST" and form.is_valid():
        try:
            require_fresh_factor(
                user_id=user.id,
                session_id=browser.session_id_of(request),
                given=form.cleaned_data["code"],
                caller=browser.caller_of(request),
                now=now_utc(),
            )
        except Problem as problem:
            refuse(form, problem, "code")
        else:
            return redirect(wanted or "account")
    return page(request, "confirm", form, **shown)


def _end_sessions(request: HttpRequest) -> list[uuid.UUID]:
    """Ends what the form asks for. Returns what has ended."""
    user, caller, now = user_of(request), browser.caller_of(request), now_utc()
    if "others" in request.POST:
        mine = browser.session_id_of(request)
        return end_sessions(user=user, now=now, caller=caller, why="by its owner, with all others", but=mine)
    try:
        wanted = uuid.UUID(request.POST.get("end", ""))
    except ValueError:
        return []
    return [wanted] if end_session(user_id=user.id, session_id=wanted, now=now, caller=caller) else []
