"""``make bench-peers``, ``python -m benchmarks.peers [NAME …]``: our engine beside others, on one stream of orders.

Each engine has an environment of its own under ``.state/peers``, of wheels locked by hash, and processes of its own. It is fed
the first commands of the common workload one by one through its interface, and the trades that it makes must be those of the
workload, in their order. CPU time is what counts, so other work on the machine matters less; run it alone all the same. The
table is also written to ``.state/peers.md``.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median

from benchmarks import engine
from benchmarks.workload import generate

from .catalogue import OURS, PEERS, Does, Peer

ROOT = Path(__file__).resolve().parents[2]
STATE = ROOT / ".state" / "peers"
REQUIREMENTS = Path(__file__).resolve().parent / "requirements"
RUNS = 3
TITLES = (
    "ns a command",
    "commands/s",
    "commands",
    "trades",
    "balances",
    "fees",
    "self-trade",
    "orders",
    "replay",
    "ids",
)


class NotMeasured(Exception):
    """Why an engine has no figures, in one line."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.peers", description="Measure other engines beside ours.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(peer.name for peer in PEERS)}")
    names = parser.parse_args().names or [peer.name for peer in PEERS]
    rows = [f"| engine | {' | '.join(TITLES)} |", f"|---|{'--:|' * 4}{'---|' * 6}", *_our_rows()]
    for peer in PEERS:
        if peer.name in names:
            print(f"measuring {peer.name} …", flush=True)
            rows.append(_row_of(peer))
    table = "\n".join(rows) + "\n"
    STATE.mkdir(parents=True, exist_ok=True)
    STATE.with_suffix(".md").write_text(table)
    print("\n" + table)


def _our_rows() -> list[str]:
    print("measuring Kontor …", flush=True)
    commands = 200_000
    trades = generate(commands).trades
    times = engine.run(["flow"])
    prefix, suffix = "engine_", "_ns"
    return [
        _row(
            f"**Kontor**, {name.removeprefix(prefix).removesuffix(suffix).replace('_flow_', ', ')}",
            ns,
            commands,
            trades,
            OURS,
        )
        for name, ns in times.items()
        if name.endswith(suffix)
    ]


def _row_of(peer: Peer) -> str:
    try:
        if peer.not_driven:
            raise NotMeasured(peer.not_driven)
        ns, trades = _measure(peer)
    except NotMeasured as why:
        return f"| {peer.name} ({peer.made_in}) | not measured: {why} |{' |' * (len(TITLES) - 1)}"
    return _row(f"{peer.name} ({peer.made_in})", ns, peer.commands, trades, peer.does)


def _row(title: str, ns: float, commands: int, trades: int, does: Does) -> str:
    return f"| {title} | {ns:,.0f} | {1e9 / ns:,.0f} | {commands:,} | {trades:,} | {' | '.join(does)} |"


def _measure(peer: Peer) -> tuple[float, int]:
    """(nanoseconds of CPU a command, trades). Raises NotMeasured, also if the trades are not those of the workload."""
    python = _environment(peer)
    workload = generate(peer.commands)
    times = []
    for _ in range(RUNS):
        driven = subprocess.run(
            [str(python), "-m", f"benchmarks.peers.drivers.{peer.driver}", str(peer.commands)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        if driven.returncode:
            raise NotMeasured((driven.stderr.strip() or "it failed").splitlines()[-1])
        told = json.loads(driven.stdout)
        if (told["trades"], told["fingerprint"]) != (workload.trades, workload.fingerprint):
            raise NotMeasured(f"it makes {told['trades']:,} trades, not the {workload.trades:,} of the workload")
        times.append(told["ns"])
    return median(times), workload.trades


def _environment(peer: Peer) -> Path:
    """The interpreter of the engine's environment, made if its lock file has changed. Raises NotMeasured."""
    folder, locked = STATE / peer.driver, REQUIREMENTS / f"{peer.driver}.txt"
    python, stamp = folder / "bin" / "python", folder / "installed.txt"
    if stamp.exists() and stamp.read_text() == locked.read_text():
        return python
    scratch = STATE / "tmp"
    scratch.mkdir(parents=True, exist_ok=True)
    install = ["install", "--quiet", "--no-cache-dir", "--disable-pip-version-check", "--no-input", "--require-hashes"]
    for command in (
        [sys.executable, "-m", "venv", "--clear", str(folder)],
        [str(python), "-m", "pip", *install, "--no-deps", "--only-binary", ":all:", "-r", str(locked)],
    ):
        made = subprocess.run(
            command, env=os.environ | {"TMPDIR": str(scratch)}, capture_output=True, text=True, check=False
        )
        if made.returncode:
            raise NotMeasured(f"it cannot be installed: {(made.stderr.strip() or '?').splitlines()[-1]}")
    stamp.write_text(locked.read_text())
    return python


if __name__ == "__main__":
    main()
