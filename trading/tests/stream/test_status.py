"""The channel ``status`` follows the markets' states."""

from tests.fixtures import Database
from trading.engine.commands import SetMarketState
from trading.publications import Publication
from trading.stream.hub import Hub
from trading.tests.all_types import MARKETS
from trading.tests.world import do

from .desk import Listener, opened


async def test_f65_a_change_of_a_markets_state_is_told_once(database: Database) -> None:
    async with opened() as desk:
        hub = Hub(desk.runtime)
        listener = Listener()
        listener.post(hub.channels.add_status(listener.client, hub.status()))
        for state in ("post_only", "post_only", "open"):
            await do(desk.runtime, SetMarketState(market=MARKETS[0], state=state, reason="test"))
        hub.on_batch(Publication([], {}, {}, []))
        snapshot, *updates = await listener.take()
        assert snapshot["data"][0]["markets"] == dict.fromkeys(MARKETS, "open")
        assert [update["data"][0]["markets"][MARKETS[0]] for update in updates] == ["post_only", "open"]
        assert updates[1]["previous_sequence"] == updates[0]["sequence"]
        await hub.close()
