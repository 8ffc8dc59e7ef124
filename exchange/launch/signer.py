"""The demo's signer: a process that has the wallet's key, a policy and a memory of its own, all in ``signer/``.

The memory is begun once. A signer that lost it would sign a second time what it has signed, so it is never begun anew.
"""

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass

from exchange.launch.chain import CHAIN, detached
from exchange.launch.child import Child
from exchange.launch.configuration import Configuration
from exchange.launch.refusal import refusal_of_folder
from exchange.launch.sockets import SocketFolder
from funding.signer.record import Record

_SOCKET = "signer.sock"
_EXAMPLE_POLICY = "etc/signer_policy.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoSigner:
    """``environment``: what the exchange's processes are told."""

    child: Child
    target: str
    sockets: SocketFolder

    @property
    def environment(self) -> dict[str, str]:
        return {"FUNDING_SIGNERS": f"{CHAIN}={self.target}"}


def prepare_signer(configuration: Configuration, *, say: Callable[[str], None]) -> DemoSigner:
    """Beside the keys that ``prepare_chain`` has made. Raises Refusal."""
    home = configuration.state_dir / "signer"
    record, begun, policy = home / "record", home / "record.begun", home / "policy.toml"
    try:
        if not begun.exists():
            record.unlink(missing_ok=True)  # half begun: nobody has signed with it yet
            Record(record, begin=True).close()
            begun.touch(mode=0o600)
        if not policy.exists():
            shutil.copyfile(configuration.checkout / _EXAMPLE_POLICY, policy)
        sockets = SocketFolder(home, _SOCKET, say=say)
        target = f"unix:{sockets.open() / _SOCKET}"
    except OSError as error:
        raise refusal_of_folder(configuration.state_dir, error) from error
    environment = {
        "SIGNER_CHAIN": CHAIN,
        "SIGNER_KEY_FILE": str(home / "keys"),
        "SIGNER_POLICY_FILE": str(policy),
        "SIGNER_RECORD_FILE": str(record),
        "SIGNER_LISTEN": target,
    }
    command = [sys.executable, "-m", "funding.signer"]
    child = detached(configuration, "the signer", "signer", command, environment)
    return DemoSigner(child=child, target=target, sockets=sockets)
