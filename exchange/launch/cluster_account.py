"""Which system account PostgreSQL's programs run under.

PostgreSQL refuses to run as root, and initdb wants an account that has a name. An ordinary user simply runs it. Root,
and a user without a name (usual in containers), run it in a user namespace in which they carry the name of an
unprivileged account: the files stay theirs and no permission changes. Where the kernel refuses user namespaces, root
changes to that account, with the data in a folder under /var/tmp, because an unprivileged account cannot enter a
private home.
"""

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass

from exchange.launch.refusal import EXIT_REFUSED, Refusal

_PREFERRED = "nobody"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterAccount:
    prefix: tuple[str, ...] = ()
    """What stands before a command."""
    switch_to: pwd.struct_passwd | None = None
    """The account to change to, when namespaces are refused."""


def choose_account() -> ClusterAccount:
    """The account for this process and this kernel. Raises Refusal."""
    if os.geteuid() != 0 and _has_name(os.geteuid()):
        return ClusterAccount()
    borrowed = _unprivileged()
    prefix = ("unshare", "--user", f"--map-user={borrowed.pw_uid}", f"--map-group={borrowed.pw_gid}")
    if shutil.which("unshare") and subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0:
        return ClusterAccount(prefix=prefix)
    if os.geteuid() == 0:
        return ClusterAccount(switch_to=borrowed)
    raise Refusal(
        f"PostgreSQL needs an account with a name, user {os.geteuid()} has none, and this kernel refuses user namespaces; "
        "run as a user that is listed in /etc/passwd",
        exit_code=EXIT_REFUSED,
    )


def _has_name(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _unprivileged() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(_PREFERRED)
    except KeyError:
        ordinary = [account for account in pwd.getpwall() if account.pw_uid != 0]
    if not ordinary:
        raise Refusal(
            "PostgreSQL refuses to run as root, and /etc/passwd lists no other account", exit_code=EXIT_REFUSED
        )
    return ordinary[0]
