"""A pytest plugin: one PostgreSQL for all mutants. mutmut's process starts it, those that it forks find it running.

Without it each of them would start and migrate its own, which takes longer than the tests.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache

import pytest

from tests.fixtures import Cluster, migrated_cluster

_open = ExitStack()
"""Never closed: PostgreSQL ends with the process that started it, see ``exchange.launch.postgres``."""


@cache
def _standing() -> Cluster:
    return _open.enter_context(contextmanager(migrated_cluster)())


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """What other processes have in stock is theirs."""
    yield Cluster(_standing().postgres)
