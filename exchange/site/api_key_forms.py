"""The forms of API keys. What is acceptable is decided in ``accounts.api_keys``; here only shape and words."""

import datetime as dt
import re
from collections.abc import Sequence
from typing import Any

from django import forms
from django.http import QueryDict

from accounts.api_keys import ADDRESSES_LIMIT, NAME_LIMIT
from accounts.models import Account

SCOPES = (
    ("read", "Read: balances, orders, fills, ledger"),
    ("trade", "Trade: place, change and cancel orders"),
    ("withdraw", "Withdraw"),
)
PUBLIC_KEY_LENGTH_LIMIT = 300
_ADDRESS_LENGTH_LIMIT = 43
_NAME_WIDGET = {"autocomplete": "off"}
_TEXT_WIDGET = {"rows": 3, "spellcheck": "false", "autocomplete": "off", "autocapitalize": "off"}


def _name(**attributes: object) -> forms.CharField:
    widget = forms.TextInput(attrs=_NAME_WIDGET | attributes)
    return forms.CharField(label="Name", max_length=NAME_LIMIT, widget=widget, help_text="To tell it from your others.")


def _addresses() -> forms.CharField:
    return forms.CharField(
        label="Addresses",
        required=False,
        max_length=ADDRESSES_LIMIT * (_ADDRESS_LENGTH_LIMIT + 2),
        widget=forms.Textarea(attrs={**_TEXT_WIDGET, "placeholder": "203.0.113.7\n2001:db8::/48"}),
        help_text="The key works from these addresses and networks only, one in a line. None: from anywhere.",
    )


class ChangeKeyForm(forms.Form):
    name = _name()
    addresses = _addresses()

    def clean_addresses(self) -> list[str]:
        return [one for one in re.split(r"[\s,;]+", self.cleaned_data["addresses"]) if one]


class NewKeyForm(ChangeKeyForm):
    """``account``: the trading account that the key acts for."""

    name = _name(autofocus=True)
    account = forms.TypedChoiceField(label="Trading account", coerce=int)
    scopes = forms.MultipleChoiceField(label="It may", choices=SCOPES, widget=forms.CheckboxSelectMultiple)
    last_day = forms.DateField(
        label="Last day",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="The key ends at midnight, UTC, after this day. None: it does not end by itself.",
    )
    public_key = forms.CharField(
        label="Ed25519 public key",
        required=False,
        max_length=PUBLIC_KEY_LENGTH_LIMIT,
        widget=forms.Textarea(attrs=_TEXT_WIDGET),
        help_text="PEM, or base64 of its 32 bytes. Empty: the key gets a shared secret for HMAC-SHA256, shown once.",
    )
    field_order = ("name", "account", "scopes", "addresses", "last_day", "public_key")

    def __init__(self, data: QueryDict | None, *, initial: dict[str, Any], accounts: Sequence[Account]) -> None:
        super().__init__(data, initial=initial)
        self.fields["account"].choices = [(account.id, account.name) for account in accounts]  # type: ignore[attr-defined]

    def clean_last_day(self) -> dt.datetime | None:
        """The moment when the key ends."""
        day = self.cleaned_data["last_day"]
        if day is None:
            return None
        if day == dt.date.max:
            raise forms.ValidationError("Choose an earlier day.")
        return dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), dt.UTC)
