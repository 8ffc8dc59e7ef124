"""People: who they are, how they sign in, which trading accounts are theirs. Knows nothing of markets or the ledger."""
