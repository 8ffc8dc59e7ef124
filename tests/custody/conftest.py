"""The worlds of custody's tests: every contract test runs in each that this machine has."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures import Cluster, Database

from .stage import Stage
from .till import Till
from .worlds import NodeWorld, SimulatedWorld, World, programs, world

NAMES = ("simulated", *programs())


def pytest_report_header() -> str:
    missing = [name for name in ("litecoind", "bitcoind") if name not in NAMES]
    words = f"custody runs against: {', '.join(NAMES)}"
    return words + (f"; not here: {', '.join(missing)} (see docs/custody.md)" if missing else "")


@pytest.fixture(scope="session", params=NAMES)
def any_world(request: pytest.FixtureRequest, cluster: Cluster) -> Iterator[World]:
    """One for all tests of a run: each has addresses of its own, and starts at the tip.

    PostgreSQL starts before: it is forked, which gRPC's threads do not survive.
    """
    with world(request.param) as found:
        yield found


@pytest.fixture(scope="session", params=programs())
def node_world(request: pytest.FixtureRequest, cluster: Cluster) -> Iterator[NodeWorld]:
    """For what only a node has: wallets, JSON-RPC."""
    with world(request.param) as found:
        assert isinstance(found, NodeWorld)
        yield found


@pytest.fixture
def simulated(cluster: Cluster) -> Iterator[SimulatedWorld]:
    with world("simulated") as found:
        assert isinstance(found, SimulatedWorld)
        yield found


@pytest.fixture
def stage(any_world: World, database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    with Stage(any_world, database, monkeypatch) as stage:
        yield stage


@pytest.fixture
def simulated_stage(simulated: SimulatedWorld, database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    with Stage(simulated, database, monkeypatch) as stage:
        yield stage


@pytest.fixture
def till(any_world: World, database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Till]:
    with Till(any_world, database, monkeypatch, tmp_path) as till:
        yield till


@pytest.fixture
def node_till(
    node_world: NodeWorld, database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[tuple[Till, NodeWorld]]:
    with Till(node_world, database, monkeypatch, tmp_path) as till:
        yield till, node_world


@pytest.fixture
def simulated_till(
    simulated: SimulatedWorld, database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Till]:
    with Till(simulated, database, monkeypatch, tmp_path) as till:
        yield till
