"""``/demo/mail``: the mails of a demo, which sends none. Who may read them:

- who is signed in: those to his own address;
- whoever sits at the machine itself: those to any customer, since a demo is a toy of its own machine, and who is not signed in
  needs a code to become so. That a request comes from the machine is seen by its address, by the host it names (a page from
  elsewhere cannot name ours) and by no proxy having passed it on. Mails to staff are never shown so.

Nobody reads a mail because he asked for it: then anybody could ask for a code to anybody's account. Elsewhere than in demo mode
there is no such page.
"""

import ipaddress

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.mails import ReadableMail, mails_to, mails_to_customers
from accounts.models import User

_OWN_HOSTS = ("localhost", "127.0.0.1", "[::1]")


@require_safe
def demo_mail(request: HttpRequest) -> HttpResponse:
    if not settings.DEMO:
        raise Http404
    at_machine = _is_at_machine(request)
    to = request.GET.get("to", "").replace("\0", "").strip().lower()
    mails = _readable(request, at_machine=at_machine, to=to)
    if "application/json" in request.headers.get("Accept", ""):
        items = [{"to": mail.to, "subject": mail.subject, "text": mail.text, "at": mail.at} for mail in mails]
        return JsonResponse({"items": items, "next_cursor": None})
    return render(request, "site/demo_mail.html", {"mails": mails, "to": to, "at_machine": at_machine})


def _readable(request: HttpRequest, *, at_machine: bool, to: str) -> list[ReadableMail]:
    """The last mails that this request may read, newest first; only those to an address, if one is given."""
    found = mails_to(email=request.user.email) if isinstance(request.user, User) else []
    if at_machine:
        found += mails_to_customers(to=to or None)
    readable = {mail.id: mail for mail in found if to in ("", mail.to)}
    return sorted(readable.values(), key=lambda mail: -mail.id)


def _is_at_machine(request: HttpRequest) -> bool:
    if "X-Forwarded-For" in request.headers or "Forwarded" in request.headers:
        return False
    try:
        is_loopback = ipaddress.ip_address(request.META.get("REMOTE_ADDR") or "").is_loopback
    except ValueError:
        return False
    host = request.get_host()
    bare = host if host.endswith("]") or ":" not in host else host.rpartition(":")[0]
    return is_loopback and bare in _OWN_HOSTS
