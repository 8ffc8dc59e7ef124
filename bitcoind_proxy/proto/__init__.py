"""The interface: `node.proto` and `miner.proto`, and what `python -m bitcoind_proxy.generate` makes of it."""
