"""Generated command flows over two small markets that share an asset, made so that every rule is met often."""

import random
from collections.abc import Iterator

from trading.engine.commands import (
    CancelAll,
    CancelOrder,
    Command,
    Credit,
    DefineAsset,
    DefineMarket,
    FeeTier,
    MarketState,
    PlaceOrder,
    ReverseCredit,
    SetFeeTier,
    SetMarketState,
    SetRules,
)

ACCOUNTS = (1, 2, 3, 4)
MARKETS = ("BTC/USD", "ETH/BTC")
STATES: tuple[MarketState, ...] = ("open",) * 18 + ("cancel_only", "halted")
TIERS = (
    FeeTier(maker_ppm=1_234, taker_ppm=2_611),
    FeeTier(maker_ppm=40_007, taker_ppm=333),
    FeeTier(maker_ppm=0, taker_ppm=0),
    FeeTier(maker_ppm=1_000_000, taker_ppm=1_000_000),
)
STAKES = {"BTC": 4_000, "USD": 4_000, "ETH": 200 * 10**14}

DEFINITIONS: tuple[Command, ...] = (
    DefineAsset(asset="BTC", name="Bitcoin", kind="crypto", decimals=8, trading_decimals=8),
    DefineAsset(asset="ETH", name="Ether", kind="crypto", decimals=18, trading_decimals=8),
    DefineAsset(asset="USD", name="US dollar", kind="fiat", decimals=2, trading_decimals=2),
    DefineMarket(
        market="BTC/USD",
        base="BTC",
        quote="USD",
        tick_atoms=10**8,
        lot_atoms=7,
        minimum_lots=2,
        minimum_notional_atoms=30,
        maximum_open_orders=8,
        fee_tiers=TIERS,
    ),
    DefineMarket(
        market="ETH/BTC",
        base="ETH",
        quote="BTC",
        tick_atoms=3 * 10**4,
        lot_atoms=10**14,
        minimum_lots=1,
        minimum_notional_atoms=1,
        maximum_open_orders=10,
        fee_tiers=TIERS[:3],
    ),
)
STAKE_CREDITS: tuple[Command, ...] = tuple(
    Credit(account=account, asset=asset, amount_atoms=amount, source="faucet", reference="stake")
    for account in ACCOUNTS
    for asset, amount in STAKES.items()
)
PRELUDE = DEFINITIONS + STAKE_CREDITS


def commands(seed: int, count: int) -> Iterator[Command]:
    """The prelude, then so many commands drawn from the seed."""
    yield from PRELUDE
    draw = random.Random(seed)
    for seq in range(len(PRELUDE) + 1, len(PRELUDE) + count + 1):
        yield _command(draw, seq)


def _command(draw: random.Random, seq: int) -> Command:
    account = draw.choice(ACCOUNTS)
    kind = draw.randrange(1000)
    if kind < 780:
        return _order(draw, account)
    if kind < 940:
        return CancelOrder(account=account, order=draw.randint(max(1, seq - 40), seq))
    if kind < 950:
        return CancelAll(account=account, market=draw.choice((None, *MARKETS)), side=draw.choice((None, "buy", "sell")))
    if kind < 980:
        asset = draw.choice(tuple(STAKES))
        amount = draw.randint(0, STAKES[asset] // 6)
        if draw.randrange(4) == 0:
            return ReverseCredit(
                account=account, asset=asset, amount_atoms=amount, source="faucet", credit=1, reason="drawn"
            )
        return Credit(account=account, asset=asset, amount_atoms=amount, source="faucet", reference=str(seq))
    if kind < 981:
        return SetRules(version=draw.choice((1, 2)))
    if kind < 990:
        return SetFeeTier(account=account, tier=draw.choice((0,) * 8 + (1,) * 8 + (2, 2, 3, 63, 64)))
    state: MarketState = draw.choice(STATES)
    return SetMarketState(market=draw.choice(MARKETS), state=state, reason="drawn")


def _order(draw: random.Random, account: int) -> PlaceOrder:
    is_limit = draw.randrange(4) > 0
    by_budget = not is_limit and draw.randrange(3) > 0
    has_price = is_limit or draw.randrange(3) > 0
    return PlaceOrder(
        account=account,
        market=draw.choice((*MARKETS * 20, "DOGE/USD")),
        side=draw.choice(("buy", "sell")) if not by_budget else draw.choice(("buy",) * 9 + ("sell",)),
        type="limit" if is_limit else "market",
        time_in_force=draw.choice(("GTC",) * 8 + ("IOC", "FOK")) if is_limit else draw.choice(("IOC",) * 6 + ("FOK",)),
        quantity_lots=None if by_budget else draw.choice((1, 2, 3, 5, 8, 13, 21, draw.randint(1, 30))),
        budget_atoms=draw.randint(1, 1_500) if by_budget else None,
        price_ticks=draw.randint(1, 12) if has_price else None,
        post_only=draw.choice(("none",) * 7 + ("reject",)) if is_limit else "none",
        client_order_id=None,
    )
