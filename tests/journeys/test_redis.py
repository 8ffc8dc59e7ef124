"""Redis carries counters, never anything that matters: with it gone, people sign in and trade."""

from tests.fixtures import Cluster
from tests.server import Server, free_port


def test_without_redis_people_sign_in_and_trade(cluster: Cluster) -> None:
    database = cluster.copy("template_demo")
    nothing_listens = f"redis://127.0.0.1:{free_port()}/0"
    with Server(database.url, rate_limits=True, REDIS_URL=nothing_listens) as server:
        trader = server.trader(USD="1000")
        assert trader.order("buy", "0.01", "100").status_code == 201
        assert trader.balance("USD")["held"] == "1.001"
        with server.client() as client:
            assert client.get("/sign-in").status_code == 200
            body = {"email": "nobody@example.com", "password": "not it at all"}
            # Guessing is limited all the same: twenty a minute, and one minute may end meanwhile.
            answers = [client.post("/session", json=body).status_code for _ in range(41)]
            assert answers[:20] == [401] * 20 and 429 in answers
    cluster.drop(database)
