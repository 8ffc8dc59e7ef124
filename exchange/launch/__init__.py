"""From a checkout to a live exchange: the embedded PostgreSQL, the steps of a start, and the supervisor of the processes.

`python -m exchange.launch` is what `make run` executes; `python -m exchange.launch.database -- COMMAND` lends a database to a tool.
Nothing in here imports Django: the exchange runs in child processes, in the same way in which production runs it.
"""
