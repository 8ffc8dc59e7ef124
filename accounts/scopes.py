"""What a call asks of who makes it: a scope that an API key may have, a signed-in person, or a role.

A session may do all that its user may. A key may do what its scopes say and nothing else: ``trade`` does not include
``read``. Keys never make keys: what is for "user" alone takes a session. "any_key": a session, or a key of any scope.
"""

from typing import Literal

Scope = Literal["read", "trade", "withdraw"]
Needs = Literal["all", "user", "any_key", "read", "trade", "withdraw", "admin", "operator"]

SCOPES: frozenset[str] = frozenset(("read", "trade", "withdraw"))
ROLES: dict[str, int] = {"user": 0, "admin": 1, "operator": 2}
"""By rank: an operator may do what an admin may, an admin what a user may."""


def has_role(role: str, needed: str) -> bool:
    """Whether a role reaches what is needed; of calls that need no role it does."""
    return ROLES[role] >= ROLES.get(needed, 0)
