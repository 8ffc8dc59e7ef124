"""``manage.py bot`` says what is wrong in one sentence."""

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command


@pytest.mark.parametrize("content", [None, "not json", "{}", '{"bots": [{"name": "taker"}]}'])
def test_missing_accounts_are_named(tmp_path: Path, content: str | None) -> None:
    state = tmp_path / "demo.json"
    if content is not None:
        state.write_text(content)
    with pytest.raises(CommandError, match="no accounts for taker"):
        call_command("bot", "taker", "--state", str(state))


def test_an_unknown_bot_is_refused() -> None:
    with pytest.raises(CommandError, match="invalid choice"):
        call_command("bot", "nobody")
