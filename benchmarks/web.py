"""Orders per second through the front door: REST with sessions, as a proxy passes it on, and with keys of both kinds; the stream.

Acknowledged means durable. The server is started as `make run` starts it; the load comes from a process of its own on
the same machine, which says how much CPU it took itself.
"""

import base64
import json
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from statistics import median

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.server import Server, Trader

CONNECTIONS = 64
STREAM_CONNECTIONS = 16
SECONDS = 4.0
RUNS = 3
TRADERS = 16


def run(url: str) -> dict[str, float]:
    with Server(url) as server:
        traders = [server.trader(BTC="100", USD="10000000") for _ in range(TRADERS)]
        stream_tokens = [trader.get("/session/stream-token")["token"] for trader in traders]
        measure = partial(_measure, server.port)
        return {
            **measure("rest", "rest", CONNECTIONS, [trader.token for trader in traders]),
            **measure("rest_5000", "paced", CONNECTIONS, [trader.token for trader in traders]),
            **measure("proxied", "proxied", CONNECTIONS, [trader.token for trader in traders]),
            **measure("hmac", "keys", CONNECTIONS, [_hmac_key(trader) for trader in traders]),
            **measure("ed25519", "keys", CONNECTIONS, [_ed25519_key(trader) for trader in traders]),
            **measure("stream", "stream", STREAM_CONNECTIONS, stream_tokens),
        }


def _measure(port: int, name: str, kind: str, connections: int, credentials: Sequence[object]) -> dict[str, float]:
    runs = [_load(kind, port, connections, credentials) for _ in range(RUNS)]
    return {f"{name}_{figure}": median(run[figure] for run in runs) for figure in runs[0]}


def _hmac_key(trader: Trader) -> dict[str, str]:
    made = _make_key(trader)
    return {"id": made["id"], "kind": "hmac", "secret": made["secret"]}


def _ed25519_key(trader: Trader) -> dict[str, str]:
    private = Ed25519PrivateKey.generate()
    public = base64.b64encode(private.public_key().public_bytes_raw()).decode()
    secret = base64.b64encode(private.private_bytes_raw()).decode()
    return {"id": _make_key(trader, public_key=public)["id"], "kind": "ed25519", "secret": secret}


def _make_key(trader: Trader, **more: str) -> dict[str, str]:
    body = {"name": "load", "scopes": ["trade"], **more}
    return dict(trader.post("/account/api-keys", body).raise_for_status().json())


def _load(kind: str, port: int, connections: int, credentials: Sequence[object]) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.load", kind, str(port), str(connections), str(SECONDS)]
    finished = subprocess.run(command, input=json.dumps(credentials), capture_output=True, text=True, check=True)
    report = json.loads(finished.stdout)
    if report.pop("other"):
        raise RuntimeError(f"not every order was accepted: {finished.stdout}")
    return {name: float(value) for name, value in report.items()}
