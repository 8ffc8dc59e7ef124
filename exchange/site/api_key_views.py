"""The pages of API keys under /settings: listed, made, changed, ended.

Where the account has a second factor, making a key and changing its addresses take a fresh proof of it, as in the API.
What was typed before the proof is kept in the cookie session until the page is back: were it in the address, a stranger's
link could fill in the form with his own public key.
"""

import uuid

from django.contrib.auth.decorators import login_required
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts import api_keys, browser
from accounts.authentication import principals
from accounts.models import ApiKey
from accounts.problems import Problem
from accounts.second_factors import has_factor
from accounts.subaccounts import accounts_of

from .api_key_forms import ChangeKeyForm, NewKeyForm
from .settings_pages import confirm_first, is_fresh, now_utc, page, user_of
from .sign_in_views import refuse

_TYPED_KEY = "kontor_typed_api_key"
_FORM_FIELDS = {"expires_at": "last_day"}
"""What the form calls a field of the API, where that differs."""


@require_safe
@login_required
def keys(request: HttpRequest) -> HttpResponse:
    return _list(request)


@never_cache
@login_required
def new_key(request: HttpRequest) -> HttpResponse:
    """Makes a key, and shows its secret in the answer to that alone."""
    if request.method != "POST" and _proof_is_due(request):
        return confirm_first(request)
    accounts = accounts_of(user_id=user_of(request).id)
    form = NewKeyForm(request.POST or None, initial=_kept(request, ("scopes",)), accounts=accounts)
    if request.method == "POST" and form.is_valid():
        if _proof_is_due(request):
            return _confirm_and_come_back(request)
        made = _made(request, form)
        if made is not None:
            return page(request, "api_key_made", key=made.key, secret=made.secret, here="api_keys")
    return page(request, "api_key_new", form, here="api_keys", has_several=len(accounts) > 1)


@login_required
def change_key(request: HttpRequest, key_id: uuid.UUID) -> HttpResponse:
    """Changes name and addresses of a key; from here it can be ended, too."""
    key = _own_key(request, key_id)
    initial = {"name": key.name, "addresses": "\n".join(key.addresses), **_kept(request)}
    form = ChangeKeyForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        # Unchanged ones are not sent, so that a new name alone asks for nothing.
        addresses = form.cleaned_data["addresses"] if form.cleaned_data["addresses"] != key.addresses else None
        if addresses is not None and _proof_is_due(request):
            return _confirm_and_come_back(request)
        try:
            changed = api_keys.change_key(
                account_id=key.account_id,
                key_id=key_id,
                name=form.cleaned_data["name"],
                addresses=addresses,
                caller=browser.caller_of(request),
                now=now_utc(),
            )
        except Problem as problem:
            _refuse_by_field(form, problem)
        else:
            principals.forget_key(key_id)
            return _list(request, done=f"The key {changed.name} is changed.")
    return page(request, "api_key", form, key=key, here="api_keys")


@require_POST
@login_required
def end_key(request: HttpRequest, key_id: uuid.UUID) -> HttpResponse:
    key = _own_key(request, key_id)
    try:
        api_keys.revoke_key(account_id=key.account_id, key_id=key_id, caller=browser.caller_of(request), now=now_utc())
    except Problem as problem:
        return _list(request, refused=problem.detail)
    principals.forget_key(key_id)
    return _list(request, done=f"The key {key.name} has ended.")


def _list(request: HttpRequest, *, done: str = "", refused: str = "") -> HttpResponse:
    """The keys of all trading accounts, newest first in each. ``done``, ``refused``: what was just done, or not, in words."""
    accounts = accounts_of(user_id=user_of(request).id)
    rows = [(account, key) for account in accounts for key in api_keys.list_keys(account_id=account.id)]
    return page(
        request, "api_keys", rows=rows, has_several=len(accounts) > 1, today=now_utc(), done=done, refused=refused
    )


def _own_key(request: HttpRequest, key_id: uuid.UUID) -> ApiKey:
    """One of the person's keys that has not been ended."""
    for account in accounts_of(user_id=user_of(request).id):
        for key in api_keys.list_keys(account_id=account.id):
            if key.id == key_id:
                return key
    raise Http404("no such key")


def _made(request: HttpRequest, form: NewKeyForm) -> api_keys.Made | None:
    """The key that the form asks for; None, and the reason in the form, if it is refused."""
    given = form.cleaned_data
    try:
        return api_keys.create_key(
            account_id=given["account"],
            name=given["name"],
            scopes=given["scopes"],
            addresses=given["addresses"],
            expires_at=given["last_day"],
            public_key=given["public_key"] or None,
            caller=browser.caller_of(request),
            now=now_utc(),
        )
    except Problem as problem:
        _refuse_by_field(form, problem)
        return None


def _refuse_by_field(form: Form, problem: Problem) -> None:
    named = [_FORM_FIELDS.get(name, name) for name in problem.extra.get("errors", {})]
    refuse(form, problem, next((name for name in named if name in form.fields), None))


def _proof_is_due(request: HttpRequest) -> bool:
    return has_factor(user_of(request).id) and not is_fresh(request)


def _confirm_and_come_back(request: HttpRequest) -> HttpResponse:
    """For the proof, and then to this form with what was typed."""
    typed = request.POST.copy()
    typed.pop("csrfmiddlewaretoken", None)
    request.session[_TYPED_KEY] = {"path": request.path, "query": typed.urlencode()}
    return confirm_first(request)


def _kept(request: HttpRequest, lists: tuple[str, ...] = ()) -> dict[str, object]:
    """What was typed into this form before the proof, once; ``lists``: fields of several values."""
    if request.method == "POST" or request.session.get(_TYPED_KEY, {}).get("path") != request.path:
        return {}
    typed = QueryDict(request.session.pop(_TYPED_KEY)["query"])
    return {name: typed.getlist(name) if name in lists else typed[name] for name in typed}
