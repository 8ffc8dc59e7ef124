"""What a user is told of the security of his account: the source of GET /account/security and of the pages under /settings."""

import datetime as dt
import uuid
from dataclasses import dataclass

from .freeze import frozen_until
from .models import User
from .second_factors import Factor, factors_of, recovery_codes_left
from .step_up import fresh_until, ways
from .verification import Limits, level_of, limits_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Security:
    """``step_up_ways``: how the user proves himself where that is asked; ``step_up_until``: until when he has."""

    email: str
    email_verified_at: dt.datetime | None
    level: int
    limits: Limits
    second_factors: list[Factor]
    recovery_codes_left: int
    withdrawals_frozen_until: dt.datetime | None
    step_up_ways: list[str]
    step_up_until: dt.datetime | None


def security_of(*, user: User, session_id: uuid.UUID | None, now: dt.datetime) -> Security:
    return Security(
        email=user.email,
        email_verified_at=user.email_verified_at,
        level=level_of(user),
        limits=limits_of(user),
        second_factors=factors_of(user.id),
        recovery_codes_left=recovery_codes_left(user.id),
        withdrawals_frozen_until=frozen_until(user, now=now),
        step_up_ways=ways(user.id),
        step_up_until=fresh_until(session_id, now=now),
    )
