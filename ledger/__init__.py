"""Double entry, append-only, in atomic units. The database refuses what does not add up. Knows nothing of markets."""
