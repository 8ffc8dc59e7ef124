"""Opening a subaccount: a row that says whose it is, and a command that tells the engine. On the event loop.

The row comes first and cannot be used until the command is committed; whatever fails in between, asking again goes on
from there.
"""

import uuid

from accounts.authentication import principals
from accounts.database import in_database
from accounts.models import Account
from accounts.subaccounts import main_of, mark_linked, reserve

from . import submission
from .engine.commands import SetOwner
from .journal.records import derived_command_id
from .runtime import Runtime


async def open_subaccount(runtime: Runtime, *, user_id: uuid.UUID, name: str, request_id: str) -> tuple[Account, bool]:
    """The user's account of this name, and whether it was opened now. Raises Problem."""
    account, is_new = await in_database(reserve, user_id=user_id, name=name)
    if not account.is_linked:
        main = await in_database(main_of, user_id=user_id)
        command_id = derived_command_id("owner", account.id)
        command = SetOwner(account=account.id, owner=main)
        await submission.submit(runtime, command, command_id=command_id, request_id=request_id)
        await in_database(mark_linked, account_id=account.id)
        principals.forget_user(user_id)
    return account, is_new
