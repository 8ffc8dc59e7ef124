"""A simulated chain behind the same gRPC interface, for tests and the demo.

What is real: transactions (embit's), inputs that must exist and may be spent once, maturity, branches, the mempool's conflicts.
What is not: proof of work, scripts and signatures are not executed, and fees are whatever they are. A node is the judge of
those; the contract tests run against one too.
"""
