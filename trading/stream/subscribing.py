"""``subscribe`` and ``unsubscribe``: what each channel takes, and the answers. Each symbol is answered by itself.

Runs on the event loop. The acknowledgement comes before anything of the channel.
"""

from collections.abc import Callable, Hashable
from typing import Any

from msgspec import UNSET

from accounts.authentication import Principal
from accounts.problems import INVALID_PARAMETER, Problem
from trading import gateway
from trading.api.public import group_ticks
from trading.runtime import Runtime

from . import messages, requests
from .books import DEPTHS, BookKind
from .candle_feed import INTERVALS_MIN
from .channels import Channels
from .client import Client
from .level3_feed import LEVEL3_DEPTHS
from .methods import PRIVATE_CHANNELS, PUBLIC_CHANNELS, Subscribe, Unsubscribe
from .shapes import StatusData, Subscribed

Acknowledge = Callable[[Subscribed], None]


class Subscribing:
    """``status`` gives what the channel ``status`` tells now."""

    def __init__(self, runtime: Runtime, channels: Channels, status: Callable[[], StatusData]) -> None:
        self._runtime = runtime
        self._channels = channels
        self._status = status

    def symbols(self, params: Subscribe | Unsubscribe) -> list[str]:
        """The markets that are meant; one empty text for a channel without. Raises Problem."""
        if params.channel in PUBLIC_CHANNELS:
            symbols = requests.texts(params.symbol, "symbol")
            if not symbols:
                raise Problem(INVALID_PARAMETER, "Give symbol, a list of markets.")
            return symbols
        if params.channel != "status" and params.channel not in PRIVATE_CHANNELS:
            raise Problem(INVALID_PARAMETER, f"There is no channel {params.channel!r}.")
        return [""]

    async def subscribe(
        self, client: Client, params: Subscribe, symbol: str, principal: Principal | None, acknowledge: Acknowledge
    ) -> None:
        """Raises Problem."""
        self._channels.check_limit(client)
        result = Subscribed(channel=params.channel, snapshot=params.snapshot)  # type: ignore[arg-type]
        if params.channel in PUBLIC_CHANNELS:
            gateway.market_of(self._runtime, symbol)
            result.symbol = symbol
        if params.channel in PRIVATE_CHANNELS and principal is not None:
            await self._subscribe_private(client, params, principal.account_id, result, acknowledge)
            return
        if params.from_sequence is not None:
            raise Problem(INVALID_PARAMETER, "from_sequence is for executions and balances.")
        account = None if principal is None else principal.account_id
        snapshot = await self._subscribe_public(client, params, symbol, account, result)
        acknowledge(result)
        if params.snapshot and snapshot is not None:
            client.post(snapshot)

    async def _subscribe_public(
        self, client: Client, params: Subscribe, symbol: str, account: int | None, result: Subscribed
    ) -> str | None:
        channels = self._channels
        match params.channel:
            case "book":
                kind = self._book_kind(params, symbol)
                result.depth = kind.depth
                result.interval_ms = kind.interval_ms or UNSET
                if kind.group_ticks:
                    market = gateway.market_of(self._runtime, symbol)
                    result.group = messages.raw(market.price(kind.group_ticks))
                return channels.add_book(client, symbol, kind)
            case "level3":
                result.depth = _one_of(params.depth, LEVEL3_DEPTHS, "depth")
                return await channels.add_level3(client, symbol, params.depth, account)
            case "ohlc":
                result.interval = _one_of(params.interval, INTERVALS_MIN, "interval")
                return await channels.add_candles(client, symbol, params.interval)
            case "trade":
                return channels.add_trades(client, symbol)
            case "ticker":
                return channels.add_ticker(client, symbol)
        return channels.add_status(client, self._status())

    async def _subscribe_private(
        self, client: Client, params: Subscribe, account: int, result: Subscribed, acknowledge: Acknowledge
    ) -> None:
        channels, channel = self._channels, result.channel
        if params.from_sequence is not None:
            result.from_sequence, result.snapshot = params.from_sequence, False
            missed = await channels.missed(client, channel, account, params.from_sequence)
            self._arm(client, params, account, result)
            acknowledge(result)
            previous = params.from_sequence
            for sequence, parts in missed.events:
                for part, data in enumerate(parts, start=1):
                    numbers = (part, len(parts)) if channel == "executions" else ()
                    client.post(messages.update(channel, data, sequence, previous, *numbers))
                previous = sequence
                await client.room()
            channels.release(client, channel, account, missed.upto)
            return
        self._arm(client, params, account, result)
        add = channels.add_executions if channel == "executions" else channels.add_balances
        snapshot = add(client, account)
        acknowledge(result)
        if params.snapshot:
            client.post(snapshot)

    def _arm(self, client: Client, params: Subscribe, account: int, result: Subscribed) -> None:
        """Has the account's orders cancelled with the connection, if that is asked for; a time agreed before stays."""
        if params.cancel_on_disconnect:
            client.armed.add(account)
            result.cancel_on_disconnect = True

    def unsubscribe(self, client: Client, params: Unsubscribe, symbol: str, principal: Principal | None) -> Subscribed:
        """Raises Problem."""
        result = Subscribed(channel=params.channel)  # type: ignore[arg-type]
        if params.channel in PUBLIC_CHANNELS:
            gateway.market_of(self._runtime, symbol)
            result.symbol = symbol
        subject = symbol if principal is None or result.channel not in PRIVATE_CHANNELS else principal.account_id
        wanted = self._wanted(params, symbol)
        if params.depth is not UNSET:
            result.depth = params.depth
        if params.interval is not UNSET:
            result.interval = params.interval
        self._channels.remove_matching(client, result.channel, subject, wanted)
        return result

    def _wanted(self, params: Unsubscribe, symbol: str) -> Callable[[Hashable], bool]:
        """Whether a subscription of some kind is meant."""
        group = requests.decimal(params.group, "group")
        ticks = None if group is None else group_ticks(gateway.market_of(self._runtime, symbol), group)

        def fits(kind: Any) -> bool:
            if isinstance(kind, BookKind):
                return (
                    params.depth in (UNSET, kind.depth)
                    and params.interval_ms in (UNSET, kind.interval_ms)
                    and ticks in (None, kind.group_ticks)
                )
            return kind is None or kind in (params.depth, params.interval) or params.depth is params.interval is UNSET

        return fits

    def _book_kind(self, params: Subscribe, symbol: str) -> BookKind:
        group = requests.decimal(params.group, "group")
        ticks = 0 if group is None else group_ticks(gateway.market_of(self._runtime, symbol), group)
        return BookKind(_one_of(params.depth, DEPTHS, "depth"), ticks, params.interval_ms)


def _one_of(value: int, known: tuple[int, ...], name: str) -> int:
    if value not in known:
        raise Problem(INVALID_PARAMETER, f"{name} is one of {', '.join(map(str, known))}.")
    return value
