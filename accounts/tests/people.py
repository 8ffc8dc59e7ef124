"""What the tests of people share: a caller, a user with a verified address, the code that an app would show."""

import datetime as dt
import re

from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value

from accounts.mails import mails_to
from accounts.models import User
from accounts.second_factors import accept_totp, offer_totp
from accounts.security_log import Caller
from accounts.users import register

PASSWORD = "a quiet long password"
EMAIL = "ada@example.com"
HOME = Caller(ip="192.0.2.1", user_agent="test")
ELSEWHERE = Caller(ip="192.0.2.99", user_agent="another")
TOTP_PERIOD_S = 30


def make_user(email: str = EMAIL, *, verified: bool = True) -> User:
    user = register(email=email, password=PASSWORD)
    assert user is not None
    if verified:
        user.email_verified_at = dt.datetime.now(dt.UTC)
        user.save()
    return user


def totp_code(secret: str, at: dt.datetime) -> str:
    return str(format_hotp_value(hotp_value(secret, int(at.timestamp()) // TOTP_PERIOD_S)))


def add_app(user: User, *, now: dt.datetime) -> tuple[str, list[str]]:
    """An authenticator app in force, set up a minute before ``now``: its key, and the recovery codes."""
    before = now - dt.timedelta(seconds=2 * TOTP_PERIOD_S)
    offer = offer_totp(user)
    codes = accept_totp(user=user, token=offer.token, code=totp_code(offer.secret, before), caller=HOME, now=before)
    return offer.secret, codes


def mailed_code(email: str = EMAIL) -> str:
    """The code in the newest mail to an address."""
    found = re.search(r"^ {4}([0-9]{6})$", mails_to(email=email)[0].text, re.MULTILINE)
    assert found is not None, "there is no code in the mail"
    return found[1]


def mailed_token(email: str = EMAIL) -> str:
    """The secret part of the link in the newest mail to an address."""
    found = re.search(r"/password-reset/(\S+)$", mails_to(email=email)[0].text, re.MULTILINE)
    assert found is not None, "there is no link in the mail"
    return found[1]
