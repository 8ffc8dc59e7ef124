"""A pytest plugin: calls lead straight to the mutant, or to what is not mutated.

mutmut puts a function before each one that it mutates, which asks at every call which mutant is to run. A process has but one,
and the engine's tests spend three quarters of their time on asking. So it is asked once, when all is imported.
"""

import inspect
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from mutmut.mutation.trampoline import get_mutant_under_test

ASKS = "_trampoline_wrapper"
"""The name of the functions that ask."""
NUMBERED = "__mutmut_"
"""What is in the name of a mutant; mutmut's other runs have names too."""
PACKAGES = ("ledger", "tests", "trading")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    mutant = get_mutant_under_test()
    if NUMBERED not in mutant:
        return
    for owner in _owners():
        for name, value in list(vars(owner).items()):
            if inspect.isfunction(value) and value.__code__.co_name == ASKS and not inspect.isasyncgenfunction(value):
                setattr(owner, name, _choose(value, mutant))


def _owners() -> Iterator[Any]:
    """All modules, and the classes that were made in them."""
    for module in list(sys.modules.values()):
        module_name = getattr(module, "__name__", "")
        if module_name.partition(".")[0] in PACKAGES:
            yield module
            yield from (one for one in vars(module).values() if inspect.isclass(one) and one.__module__ == module_name)


def _choose(asks: Callable[..., Any], mutant: str) -> Callable[..., Any]:
    trampoline = inspect.getclosurevars(asks).nonlocals["trampoline"]
    mutants: dict[str, Callable[..., Any]] = inspect.getclosurevars(trampoline).nonlocals["mutants_dict"]
    module, _, name = mutant.rpartition(".")
    if module == asks.__module__ and name in mutants:
        return mutants[name]
    return mutants["_mutmut_orig"]
