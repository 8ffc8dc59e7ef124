"""A simulated chain behind the same gRPC interface, for tests and the demo.

What is real: transactions (embit's), inputs that must exist and may be spent once, maturity, branches; what is sent is judged
by its scripts and signatures (``scripts``), its fee, dust and the rules of replacement (``policy``), as a node would.
What is not: proof of work, blocks that are full, and what the world itself does needs neither signature nor fee. A node is the
judge of all else; the contract tests run against one too.
"""
