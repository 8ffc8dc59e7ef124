"""The interface: `signer.proto`, and what `python -m bitcoind_proxy.generate` makes of it."""
