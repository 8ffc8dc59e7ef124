"""A load generator of its own process: ``python -m benchmarks.load KIND PORT CONNECTIONS SECONDS``, a JSON line. KIND: rest, paced,
proxied (as rest, passed on by a proxy), keys, stream.

From its standard input it reads tokens (of sessions, for stream of the stream), or keys (``benchmarks.signing``).

Each connection sends an order, waits for its answer, sends the next; paced ones send when an order is due. Answers of status
201 (or success) are counted, everything else is named. A connection whose account has OPEN_LIMIT orders open cancels them
all, uncounted. Latencies are seconds. The collector is off: what is kept is small, and its pauses would be the server's.
"""

import asyncio
import gc
import json
import random
import sys
from typing import Any

import uvloop

from benchmarks.load_rest import PacedConnection, Requests, RestConnection, now, pace
from benchmarks.load_stream import StreamConnection
from benchmarks.measured import Measured, own_cpu_s
from benchmarks.signing import signer

PACED_ORDERS_PER_S = 5_000
READY_PER_S = 20_000
"""Orders that are drawn ahead, of all connections together; should they run out, the next are drawn as they are sent."""


async def main(kind: str, port: int, connections: int, seconds: float, credentials: list[Any]) -> None:
    measured = Measured()
    ready = int(READY_PER_S * seconds / connections)
    made = [_connection(kind, credentials[n % len(credentials)], n, ready, measured) for n in range(connections)]
    for one in made:
        await asyncio.get_running_loop().create_connection(lambda protocol=one: protocol, "127.0.0.1", port)
    await asyncio.gather(*(one.opened for one in made if isinstance(one, StreamConnection)))
    gc.collect()
    gc.disable()
    start, cpu_s = now(), own_cpu_s()
    paced = [one for one in made if isinstance(one, PacedConnection)]
    if paced:
        await pace(paced, random.Random(connections), PACED_ORDERS_PER_S, seconds)
    else:
        for one in made:
            one.begin(start + seconds)
    await asyncio.gather(*(one.done for one in made))
    print(json.dumps(measured.report(now() - start, own_cpu_s() - cpu_s)))


def _connection(
    kind: str, credential: Any, seed: int, ready: int, measured: Measured
) -> RestConnection | StreamConnection:
    match kind:
        case "rest":
            return RestConnection(Requests(credential, None, seed, ready=ready), measured)
        case "paced":
            return PacedConnection(Requests(credential, None, seed, ready=ready, only_ioc=True), measured)
        case "proxied":
            client = f"203.0.113.{seed % 200}"
            return RestConnection(Requests(credential, None, seed, ready=ready, client=client), measured)
        case "keys":
            return RestConnection(Requests(None, signer(credential, str(seed)), seed, ready=ready), measured)
        case "stream":
            return StreamConnection(credential, measured, seed, ready=ready)
    raise ValueError(f"there is no load {kind!r}")


if __name__ == "__main__":
    kind, port, connections, seconds = sys.argv[1:5]
    uvloop.run(main(kind, int(port), int(connections), float(seconds), json.loads(sys.stdin.read())))
