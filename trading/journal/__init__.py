"""The journal: ``order_event``, an append-only, gapless, hash-chained table of commands. The input of everything else."""
