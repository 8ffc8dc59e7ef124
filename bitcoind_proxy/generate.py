"""`python -m bitcoind_proxy.generate [--check]`: what the proto compiler makes of the interfaces of node and signer.

The results are in the repository, so that a start needs no compiler; a test compares them. protoc runs from the
repository's root, for the generated modules import each other by the path that it was given.
"""

import argparse
import sys
import tempfile
from importlib import resources
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
PROTOS = ("bitcoind_proxy/proto/node.proto", "bitcoind_proxy/proto/miner.proto", "funding/signer/proto/signer.proto")
RESULTS = tuple(proto.replace(".proto", f"_pb2{end}") for proto in PROTOS for end in (".py", ".pyi", "_grpc.py"))


def generate(target: Path) -> None:
    """Writes the results under a folder. Raises RuntimeError if a proto does not compile."""
    well_known = resources.files("grpc_tools") / "_proto"
    outputs = [f"--{kind}_out={target}" for kind in ("python", "pyi", "grpc_python")]
    if protoc.main(["protoc", f"-I{ROOT}", f"-I{well_known}", *outputs, *(str(ROOT / proto) for proto in PROTOS)]):
        raise RuntimeError(f"one of {', '.join(PROTOS)} does not compile")


def drifted() -> list[str]:
    """The results in the repository that are not what the proto comes to."""
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder)
        generate(fresh)
        return [name for name in RESULTS if (ROOT / name).read_bytes() != (fresh / name).read_bytes()]


def main() -> int:
    parser = argparse.ArgumentParser(prog="bitcoind_proxy.generate")
    parser.add_argument("--check", action="store_true", help="only say what is not up to date")
    if not parser.parse_args().check:
        generate(ROOT)
        return 0
    stale = drifted()
    for name in stale:
        print(f"{name} is not what its proto comes to", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
