"""A pytest plugin for tests of a mutant, of which the first failure is all that is asked: the cheap ones first, drawn
examples few, the same for each mutant, and not made smaller.
"""

import pytest
from hypothesis import HealthCheck, Phase, settings

SHARE = 20
"""So many times fewer examples than usual."""

DRAWN = ("test_determinism.py", "test_dry_run.py", "test_features.py", "test_packed.py")

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


def _cost(item: pytest.Item) -> tuple[bool, bool, int]:
    """What is compared with the oracle ends at the first difference; what else draws a flow may go through all of it."""
    file = item.nodeid.partition("::")[0]
    drawn = 1 if "oracle" in item.nodeid else 2 if file.endswith(DRAWN) else 0
    return "database" in getattr(item, "fixturenames", ()), "thousand" in item.name, drawn
