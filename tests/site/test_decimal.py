"""Exact decimal numbers in the browser."""

from tests.site.node import run_module_tests


def test_decimals_are_exact_in_the_browser() -> None:
    run_module_tests("decimal.test.mjs")
