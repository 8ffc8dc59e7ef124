"""The server's connections to the database: a bounded number, however many requests there were."""

import psycopg

from exchange.launch.postgres import SUPERUSER
from tests.fixtures import Cluster
from tests.server import Server

REQUESTS = 60
LIMIT = 20
"""Engine, projector, listener, the readers' pool and the worker threads; far below PostgreSQL's max_connections."""


def connections(cluster: Cluster, server: Server) -> int:
    database = psycopg.conninfo.conninfo_to_dict(server.database_url)["dbname"]
    with psycopg.connect(cluster.postgres.url("postgres", SUPERUSER)) as connection:
        row = connection.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = %s", (database,)).fetchone()
    return 0 if row is None else int(row[0])


def test_requests_leave_no_connection_behind(cluster: Cluster, own_server: Server) -> None:
    trader = own_server.trader()
    for path in ("/session", "/account/ledger", "/session/stream-token"):
        for _ in range(REQUESTS):
            assert trader.http.get(path).status_code == 200
        assert connections(cluster, own_server) <= LIMIT, f"after {REQUESTS} times {path}"
