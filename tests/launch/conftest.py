"""What the tests of the launcher share."""

from collections.abc import Iterator

import pytest

from exchange.launch.postgres import EmbeddedPostgres


@pytest.fixture(autouse=True)
def nothing_left_outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Where user namespaces are refused, PostgreSQL's files are under /var/tmp; they go with the test."""
    yield
    for note in tmp_path_factory.getbasetemp().glob("test_*/**/postgres/outside_folder"):
        EmbeddedPostgres(note.parent.parent).discard()
