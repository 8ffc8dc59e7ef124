"""The browser's other modules that need no page: the book, candles, the order form's sums, orders, the stream."""

import re
from pathlib import Path

import pytest

from exchange.settings.base import SITE
from tests.site.node import FOLDER, run_module_tests

FILES = sorted(path.name for path in FOLDER.glob("*.test.mjs") if path.name != "decimal.test.mjs")
MODULES = sorted((SITE / "static" / "site" / "js").glob("*.js"))
MONEY_MODULES = (
    "accounts_page",
    "accounts_state",
    "deposit_view",
    "movements",
    "amount_field",
    "amounts",
    "book",
    "candles",
    "estimate",
    "estimate_extras",
    "estimate_parts",
    "estimate_waiting",
    "order_entry",
    "order_form",
    "order_history",
    "order_options",
    "orders",
    "transfer_form",
    "wallet_page",
    "wallet_panel",
    "wallet_state",
    "withdraw_view",
)


@pytest.mark.parametrize("name", FILES)
def test_module(name: str) -> None:
    run_module_tests(name)


@pytest.mark.parametrize("module", [path for path in MODULES if path.stem in MONEY_MODULES], ids=lambda path: path.stem)
def test_no_float_touches_money(module: Path) -> None:
    assert not re.findall(r"parseFloat|toPixels|toFixed|Math\.round", module.read_text())


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_a_module_says_what_it_is_for_and_stays_small(module: Path) -> None:
    text = module.read_text()
    assert text.startswith(("/**", "//"))
    assert text.count("\n") <= 400


@pytest.mark.parametrize("template", sorted((SITE / "templates").rglob("*.html")), ids=lambda path: path.name)
def test_a_template_keeps_to_the_content_security_policy(template: Path) -> None:
    text = template.read_text()
    assert not re.search(r"""\s(style|on[a-z]+)=["']""", text)
    assert not re.search(r"<style\b", text)
    for script in re.findall(r"<script\b[^>]*>", text):
        assert "src=" in script or 'nonce="{{ CSP_NONCE }}"' in script
