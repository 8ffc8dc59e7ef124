"""What is mutated, and by which tests each mutant is judged."""

from typing import NamedTuple


class Part(NamedTuple):
    """``folders`` hold what is mutated: the files of ``patterns``, but not those of ``spared``.

    ``beside`` is what the tests need beside these folders; ``arguments`` choose among ``tests`` for pytest.
    ``timeout_s``: how long a mutant's tests may take beside what they took before, see TIMEOUT_FACTOR; fixtures are in it.
    """

    folders: tuple[str, ...]
    patterns: tuple[str, ...]
    spared: tuple[str, ...]
    beside: tuple[str, ...]
    tests: tuple[str, ...]
    arguments: tuple[str, ...] = ()
    timeout_s: float = 2.0


PARTS = {
    "engine": Part(
        folders=("trading/engine",),
        patterns=("trading/engine/*",),
        # What chooses between the forms of the engine, what stands in for the compiler's words, and what native code writes
        # words with: none of it runs when the engine is interpreted, as mutants are.
        spared=(
            "trading/engine/__init__.py",
            "trading/engine/form.py",
            "trading/engine/native.py",
            "trading/engine/words.py",
        ),
        beside=("trading/__init__.py", "trading/tests/__init__.py", "trading/tests/engine", "tests/__init__.py"),
        tests=("trading/tests/engine",),
        # A mutated source is not as the sources must be, other processes would not run the mutant, and a minute is too long.
        arguments=("-k", "not (hashes or standard_library or no_float or documentation or thousand)"),
    ),
    "ledger": Part(
        folders=("ledger", "trading"),
        patterns=("ledger/posting.py", "ledger/checks.py", "ledger/reports.py", "trading/projections/postings.py"),
        spared=(),
        beside=(
            "accounts",
            "bitcoind_proxy",
            "exchange",
            "funding",
            "migrations",
            "manage.py",
            "etc",
            *(f"tests/{name}.py" for name in ("__init__", "fixtures", "light_hash", "recycling", "server", "settings")),
        ),
        tests=("ledger/tests", "trading/tests/test_books.py", "trading/tests/test_withdrawal_books.py"),
        arguments=("-p", "tests.fixtures", "-p", "tests.mutants.standing"),
        timeout_s=20.0,
    ),
}
