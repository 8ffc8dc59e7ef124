"""What must be read again is sealed under the newest key, opened by older ones, and sealed anew on demand."""

import datetime as dt

import pytest
from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings

from accounts import sealing
from accounts.mails import mails_to, write_mail
from accounts.models import ApiKey, User
from accounts.resealing import reseal_all
from accounts.sealing import NotOpened, seal, seal_text, unseal, unseal_text
from accounts.second_factors import verify_factor
from accounts.users import main_account_id
from tests.fixtures import Database

from .people import EMAIL, HOME, add_app, make_user, totp_code

NOW = dt.datetime.now(dt.UTC)


def new_key() -> str:
    return Fernet.generate_key().decode()


@pytest.fixture
def user(database: Database) -> User:
    return make_user()


def test_f154_a_new_key_in_front_seals_and_the_old_one_still_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "SEALING_KEYS", [new_key()])
    sealed = seal(b"a secret")
    assert b"a secret" not in sealed
    settings.SEALING_KEYS = [new_key(), *settings.SEALING_KEYS]
    assert unseal(sealed) == b"a secret"
    settings.SEALING_KEYS = settings.SEALING_KEYS[:1]
    with pytest.raises(NotOpened):
        unseal(sealed)


def test_what_was_once_sealed_under_the_secret_key_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    once = MultiFernet([Fernet(sealing._derived(settings.SECRET_KEY))])
    assert unseal_text(once.encrypt(b"a secret").decode()) == "a secret"
    monkeypatch.setattr(settings, "SECRET_KEY_FALLBACKS", [settings.SECRET_KEY])
    monkeypatch.setattr(settings, "SECRET_KEY", "another")
    assert unseal_text(once.encrypt(b"a secret").decode()) == "a secret"


def test_f154_after_sealing_everything_anew_the_old_key_can_be_dropped(
    user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "SEALING_KEYS", [new_key()])
    secret, codes = add_app(user, now=NOW)
    write_mail(to=EMAIL, user=user, subject="Hello", text="Read me", now=NOW + dt.timedelta(seconds=1))
    key = ApiKey.objects.create(
        account_id=main_account_id(user),
        name="k",
        sealed_secret=seal(b"s"),
        scopes=["read"],
        addresses=[],
        created_at=NOW,
    )
    settings.SEALING_KEYS = [new_key(), *settings.SEALING_KEYS]
    done = reseal_all()
    assert done.count >= 4 and not done.lost
    settings.SEALING_KEYS = settings.SEALING_KEYS[:1]
    key.refresh_from_db()
    assert unseal(bytes(key.sealed_secret or b"")) == b"s"
    assert mails_to(email=EMAIL)[0].text.startswith("Read me")
    assert verify_factor(user=user, given=totp_code(secret, NOW), caller=HOME, now=NOW)
    assert verify_factor(user=user, given=codes[0], caller=HOME, now=NOW)


def test_what_no_key_opens_is_named_and_left_as_it_is(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    add_app(user, now=NOW)
    with monkeypatch.context() as before:
        before.setattr(settings, "SEALING_KEYS", [new_key()])
        factor = Authenticator.objects.get(user=user, type="totp")
        factor.data["secret"] = seal_text("lost")
        factor.save()
    assert reseal_all().lost == [f"Authenticator {factor.pk}"]
    assert Authenticator.objects.get(pk=factor.pk).data["secret"] == factor.data["secret"]
