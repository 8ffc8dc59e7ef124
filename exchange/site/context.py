"""What every page is given. ``announced`` is a function, which only pages that show the notices call."""

from django.conf import settings
from django.http import HttpRequest

from trading.announcements import load_announced


def site(request: HttpRequest) -> dict[str, object]:
    return {"demo": settings.DEMO, "demo_chain": settings.DEMO_CHAIN, "announced": load_announced}
