"""What both halves of the faults stand on: a database that is laid out once."""

import shutil
from collections.abc import Iterator

import pytest

from tests.fixtures import STATE

from .deployment import Blueprint

FOLDER = STATE / "chaos"
SEED = 1
REPLICAS = 2
"""Enough to disagree. ``python -m tests.chaos`` takes three."""


@pytest.fixture(scope="session")
def blueprint() -> Iterator[Blueprint]:
    (STATE / "static").mkdir(parents=True, exist_ok=True)
    blueprint = Blueprint(FOLDER / "blueprint")
    yield blueprint
    blueprint.discard()
    shutil.rmtree(FOLDER)
