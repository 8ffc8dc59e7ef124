"""Balances, ledger, fees, and the stream's token."""

import time
from typing import Any

import ledger.queries
from accounts.authentication import STREAM_TOKEN_TTL_S, make_stream_token
from ledger.queries import Chosen, NetLine
from trading import submission
from trading.live import LiveState
from trading.runtime import Runtime

from . import queries
from .calls import Asked, Call
from .errors import invalid
from .fields import Fields, time_us
from .pairs import asset, pair_name, pairs
from .texts import seconds

DAY_US = 86_400_000_000
VOLUME_DAYS = 30
PAGE = 50
COUNT_LIMIT = 10_000
"""As far as is counted, and as far back as pages go; what is older is found by its time."""
ASSETS_LIMIT = 100
IDS_LIMIT = 50
DOLLAR = "USD"

_KINDS = {
    "trade": ["trade", "fee"],
    "deposit": ["deposit"],
    "withdrawal": ["withdrawal"],
    "transfer": ["transfer"],
    "credit": ["faucet"],
    "adjustment": ["adjustment", "reversal"],
}
"""Ours by Kraken's types of ledger entries. Of the others that it has, nothing happens here."""
_TYPES = {kind: name for name, kinds in _KINDS.items() for kind in kinds}
_NEVER_HERE = ("margin", "rollover", "settled", "staking", "dividend", "sale", "nft_rebate")


async def get_balance(runtime: Runtime, asked: Asked) -> Any:
    return {name: told["balance"] for name, told in _balances(runtime.live, asked.account).items()}


async def get_balance_ex(runtime: Runtime, asked: Asked) -> Any:
    return _balances(runtime.live, asked.account)


async def get_trade_balance(runtime: Runtime, asked: Asked) -> Any:
    """All that the account has, at last prices, of what is traded for this asset. There is no margin."""
    live = runtime.live
    into = asset(live, asked.fields.text("asset") or DOLLAR)
    name = into.definition.asset
    total = 0
    for held, (available, in_orders) in live.balances.get(asked.account, {}).items():
        state = live.markets.get(f"{held}/{name}")
        if held == name:
            total += available + in_orders
        elif state is not None and state.ticker.last is not None:
            definition, base = state.market.definition, state.market.base.definition
            total += (available + in_orders) * state.ticker.last * definition.tick_atoms // 10**base.decimals
    worth, none = into.text(total), into.text(0)
    return {"eb": worth, "tb": worth, "m": none, "n": none, "c": none, "v": none, "e": worth, "mf": worth}


async def get_ledgers(runtime: Runtime, asked: Asked) -> Any:
    fields, live = asked.fields, runtime.live
    names = [asset(live, one).definition.asset for one in fields.names("asset", most=ASSETS_LIMIT) if one != "all"]
    after_id, after_us = _bound(fields, "start")
    until_id, until_us = _bound(fields, "end")
    chosen = Chosen(
        assets=names or None,
        kinds=_kinds(fields.text("type") or "all"),
        after_id=after_id,
        until_id=until_id,
        after_us=after_us,
        until_us=until_us,
    )
    offset = fields.whole("ofs", 0, least=0, most=COUNT_LIMIT)
    lines = await submission.read(
        runtime, ledger.queries.net_lines, owner=asked.account, chosen=chosen, offset=offset, limit=PAGE
    )
    told: dict[str, Any] = {"ledger": _lines(live, lines)}
    if not fields.flag("without_count"):
        told["count"] = await submission.read(
            runtime, ledger.queries.net_line_count, owner=asked.account, chosen=chosen, limit=COUNT_LIMIT
        )
    return told


async def get_query_ledgers(runtime: Runtime, asked: Asked) -> Any:
    ids = [_line_named(name) for name in asked.fields.names("id", most=IDS_LIMIT)]
    if not ids:
        raise invalid("id")
    chosen = Chosen(ids=[one for one in ids if one is not None])
    lines = await submission.read(
        runtime, ledger.queries.net_lines, owner=asked.account, chosen=chosen, offset=0, limit=IDS_LIMIT
    )
    return _lines(runtime.live, lines)


async def get_trade_volume(runtime: Runtime, asked: Asked) -> Any:
    """Fees go by a tier that the operator gives, not by volume: there is no next one."""
    live = runtime.live
    wanted = pairs(live, asked.fields) if asked.fields.has("pair") else []
    dollar = live.assets.get(DOLLAR)
    markets = [name for name, state in live.markets.items() if state.market.definition.quote == DOLLAR]
    since_us = time.time_ns() // 1000 - VOLUME_DAYS * DAY_US
    volume = 0
    if dollar is not None:
        volume = await submission.read(
            runtime, queries.traded_since, account=asked.account, markets=markets, since_us=since_us
        )
    told: dict[str, Any] = {"currency": DOLLAR, "volume": "0" if dollar is None else dollar.text(volume)}
    if wanted:
        rates = {pair_name(live, one.market): live.fees(one.market, asked.account) for one in wanted}
        told["fees"] = {name: _fee(rate.taker_ppm) for name, rate in rates.items()}
        told["fees_maker"] = {name: _fee(rate.maker_ppm) for name, rate in rates.items()}
    return told


async def get_stream_token(runtime: Runtime, asked: Asked) -> Any:
    return {"token": make_stream_token(asked.request.signed_in), "expires": STREAM_TOKEN_TTL_S}


def _balances(live: LiveState, account: int) -> dict[str, dict[str, str]]:
    """Of each asset that the account has ever had."""
    return {
        name: {
            "balance": live.assets[name].text(available + held),
            "hold_trade": live.assets[name].text(held),
        }
        for name, (available, held) in sorted(live.balances.get(account, {}).items())
    }


def _kinds(type_: str) -> list[str] | None:
    """Raises Refused."""
    if type_ == "all":
        return None
    kinds = [] if type_ in _NEVER_HERE else _KINDS.get(type_)
    if kinds is None:
        raise invalid("type")
    return kinds


def _bound(fields: Fields, name: str) -> tuple[int | None, int | None]:
    """A line's id, or a time. Raises Refused."""
    text = fields.text(name)
    if text is None:
        return None, None
    line, at_us = _line_named(text), time_us(text)
    if line is None and at_us is None:
        raise invalid(name)
    return line, at_us


def _line_named(name: str) -> int | None:
    number = name.removeprefix("L")
    if number == name or not (number.isascii() and number.isdigit() and len(number) <= 18):
        return None
    return int(number)


def _lines(live: LiveState, lines: list[NetLine]) -> dict[str, Any]:
    return {
        f"L{line.id}": {
            "refid": f"event:{line.cause}",
            "time": seconds(line.at_us),
            "type": _TYPES.get(line.kind, line.kind),
            "subtype": "",
            "aclass": "currency",
            "asset": line.asset,
            "amount": live.assets[line.asset].text(line.amount_atoms),
            "fee": live.assets[line.asset].text(line.fee_atoms),
            "balance": live.assets[line.asset].text(line.balance_atoms),
        }
        for line in lines
    }


def _fee(ppm: int) -> dict[str, str | None]:
    """In percent."""
    sign, whole = "-" if ppm < 0 else "", abs(ppm)
    percent = f"{sign}{whole // 10_000}.{whole % 10_000:04d}"
    return {
        "fee": percent,
        "minfee": percent,
        "maxfee": percent,
        "nextfee": None,
        "nextvolume": None,
        "tiervolume": "0.0000",
    }


CALLS = [
    Call(name="private/Balance", needs="read", handler=get_balance),
    Call(name="private/BalanceEx", needs="read", handler=get_balance_ex),
    Call(name="private/TradeBalance", needs="read", handler=get_trade_balance),
    Call(name="private/Ledgers", needs="read", handler=get_ledgers),
    Call(name="private/QueryLedgers", needs="read", handler=get_query_ledgers),
    Call(name="private/TradeVolume", needs="read", handler=get_trade_volume),
    Call(name="private/GetWebSocketsToken", needs="any_key", handler=get_stream_token, guarded_by="database"),
]
