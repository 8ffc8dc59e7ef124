"""Which trading account a browser acts for, and the page of all of them under /settings.

The choice is kept in the cookie session. A page says it to the API itself (X-Account), so that a page that is open goes on
for the account that it shows. Balances, transfers and files come from the API, by the page's own modules.
"""

from collections.abc import Sequence

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Account, User
from accounts.subaccounts import accounts_of

from .settings_pages import now_utc, page, user_of
from .sign_in_views import FIRST_MARKET_PATH, next_path

_CHOICE_KEY = "kontor_trading_account"


@require_safe
@ensure_csrf_cookie
@login_required
def trading_accounts(request: HttpRequest) -> HttpResponse:
    user = user_of(request)
    years = list(range(now_utc().year, min(user.created_at.year, now_utc().year) - 1, -1))
    chosen = chosen_account(request, accounts_of(user_id=user.id))
    return page(request, "accounts", years=years, chosen=chosen)


@require_POST
@login_required
def choose_account(request: HttpRequest) -> HttpResponse:
    """``account`` in the form is what the browser acts for from now on; what is not one's own changes nothing."""
    wanted = request.POST.get("account", "")
    for account in accounts_of(user_id=user_of(request).id):
        if str(account.id) == wanted:
            request.session[_CHOICE_KEY] = account.id
    return redirect(next_path(request) or FIRST_MARKET_PATH)


def accounts_to_choose(request: HttpRequest) -> list[Account]:
    """The trading accounts of who is signed in; nothing for others."""
    return accounts_of(user_id=request.user.id) if isinstance(request.user, User) else []


def chosen_account(request: HttpRequest, accounts: Sequence[Account]) -> Account | None:
    """The one that the browser acts for: as chosen, else the first."""
    wanted = request.session.get(_CHOICE_KEY)
    return next((account for account in accounts if account.id == wanted), accounts[0] if accounts else None)
