"""A pytest plugin for tests of a mutant, of which the first failure is all that is asked: the cheap ones first, drawn
examples few, the same for each mutant, and not made smaller.
"""

import pytest
from hypothesis import HealthCheck, Phase, settings

SHARE = 20
"""So many times fewer examples than usual."""

settings.register_profile(
    "quick",
    max_examples=settings.default.max_examples // SHARE,
    phases=[Phase.explicit, Phase.generate],
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("quick")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_cost)


def _cost(item: pytest.Item) -> tuple[bool, bool, bool]:
    return "database" in getattr(item, "fixturenames", ()), "thousand" in item.name, "oracle" in item.nodeid
