"""The wallet's pages: balances and what moves, deposits, withdrawals, the addresses that one withdraws to.

Everything on them comes from the API, by the pages' own modules; here are the frames, and the QR code of a deposit address.
"""

import io

import segno
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from funding.addresses import verified
from funding.models import DepositAddress

from .trading_account_views import accounts_to_choose, chosen_account


def _page(request: HttpRequest, here: str) -> HttpResponse:
    accounts = accounts_to_choose(request)
    context = {
        "here": here,
        "accounts": accounts,
        "chosen": chosen_account(request, accounts),
        "cooling_s": settings.WITHDRAWAL_COOLING_S,
    }
    return render(request, "site/wallet.html", context)


@require_safe
@ensure_csrf_cookie
@login_required
def wallet(request: HttpRequest) -> HttpResponse:
    return _page(request, "balances")


@require_safe
@ensure_csrf_cookie
@login_required
def deposit(request: HttpRequest) -> HttpResponse:
    return _page(request, "deposit")


@require_safe
@ensure_csrf_cookie
@login_required
def withdraw(request: HttpRequest) -> HttpResponse:
    return _page(request, "withdraw")


@require_safe
@ensure_csrf_cookie
@login_required
def withdrawal_addresses(request: HttpRequest) -> HttpResponse:
    return _page(request, "addresses")


@require_safe
@login_required
def deposit_qr(request: HttpRequest, address_id: int) -> HttpResponse:
    """One of one's own addresses as wallets scan it (BIP 21). Dark on white whatever the theme: cameras ask for that."""
    mine = DepositAddress.objects.filter(account__in=accounts_to_choose(request)).select_related("wallet")
    address = mine.filter(id=address_id).first()
    if address is None:
        raise Http404
    coin = address.wallet.chain.partition(":")[0]
    code = segno.make(f"{coin}:{verified(address).address}", error="m")
    svg = io.BytesIO()
    code.save(svg, kind="svg", scale=5, border=2, light="#fff", dark="#000")
    return HttpResponse(svg.getvalue(), content_type="image/svg+xml")
