"""The connection cut exactly at the COMMIT of an append: before PostgreSQL has carried it out, and after."""

from tests.server import wait_until

from .deployment import Rig
from .proxy import CommitProxy
from .replicas import Replica

CUTS_LIMIT_S = 60.0


def at_commit(rig: Rig, rounds: int) -> None:
    """At least ``rounds`` cuts of each kind."""
    with CommitProxy(seed=rig.seed) as proxy:

        def make_replica(_: int, database_url: str) -> Replica:
            return Replica(proxy.in_front_of(database_url), module=rig.module)

        with rig.deployment(make_replica=make_replica) as deployment:
            desks = deployment.first_desks()
            with deployment.trading(desks) as load:
                proxy.cutting = True
                wait_until(
                    lambda: min(proxy.cuts["before"], proxy.cuts["after"]) >= rounds,
                    limit_s=CUTS_LIMIT_S,
                    what=f"{rounds} cuts of each kind: {proxy.cuts}",
                )
                proxy.cutting = False
                load.wait_for(20)
            rig.tally.faults += proxy.cuts.total()
            deployment.settle(desks)
            deployment.stop_replicas()
