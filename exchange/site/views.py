"""The pages that anybody may read. Each makes one domain call; what lives on a page is fetched by its own modules."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.templatetags.static import static
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from trading.models import Market

from .problem_list import problems_by_status
from .trading_account_views import accounts_to_choose, chosen_account


@require_safe
@ensure_csrf_cookie
def front(request: HttpRequest) -> HttpResponse:
    return render(request, "site/front.html", {"markets": Market.objects.order_by("market")})


@require_safe
@ensure_csrf_cookie
def market(request: HttpRequest, base: str, quote: str) -> HttpResponse:
    found = get_object_or_404(Market, market=f"{base}/{quote}")
    accounts = accounts_to_choose(request)
    context = {"market": found, "accounts": accounts, "chosen": chosen_account(request, accounts)}
    return render(request, "site/market.html", context)


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
