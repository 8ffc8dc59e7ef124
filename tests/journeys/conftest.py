"""What the journeys share: a seller, a buyer, an empty market, a browser and a window, and a server as in production."""

from collections.abc import Iterator

import pytest
from django.core.management import call_command
from playwright.sync_api import Browser

from tests.fixtures import Cluster
from tests.production import ENVIRONMENT
from tests.server import Server, Trader

from .browser import Window, open_browser


@pytest.fixture(scope="module")
def site_files(cluster: Cluster) -> None:
    """The files of the site, where a server looks for them when it starts: to be asked for before it."""
    call_command("collectstatic", interactive=False, verbosity=0)


@pytest.fixture(scope="module")
def browser(site_files: None) -> Iterator[Browser]:
    """Chromium."""
    with open_browser() as browser:
        yield browser


@pytest.fixture
def window(browser: Browser, server: Server) -> Iterator[Window]:
    window = Window(browser, server)
    yield window
    window.close()


@pytest.fixture
def seller(server: Server) -> Trader:
    return server.trader(BTC="10")


@pytest.fixture
def buyer(server: Server) -> Trader:
    return server.trader(USD="1000000")


@pytest.fixture(scope="module")
def production(cluster: Cluster) -> Iterator[Server]:
    """A server under the settings of production."""
    database = cluster.copy("template_demo")
    with Server(database.url, rate_limits=True, **ENVIRONMENT) as server:
        yield server
    cluster.drop(database)


@pytest.fixture
def silent_market(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The test leaves the book empty, so that tests do not trade with each other's orders."""
    traders: list[Trader] = []
    make = server.trader

    def remember(**funds: str) -> Trader:
        traders.append(make(**funds))
        return traders[-1]

    monkeypatch.setattr(server, "trader", remember)
    yield
    for trader in traders:
        trader.http.delete("/trade/orders")
