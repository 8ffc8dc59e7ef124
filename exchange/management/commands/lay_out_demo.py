"""``manage.py lay_out_demo``: what a demo exchange starts with. Idempotent: every command has a fixed id."""

import json
import os
import secrets
import time
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts.models import User
from accounts.users import create_operator, main_account_id, register
from bitcoind_proxy.errors import NodeFailure
from funding.addresses import add_wallet
from funding.connections import node_of
from funding.crediting import utc_now
from funding.models import DepositWallet
from trading.database import conninfo
from trading.engine.commands import Command as EngineCommand
from trading.engine.commands import Credit, DefineAsset, DefineMarket, FeeTier, SetFeeTier, SetRules
from trading.engine.rules import LATEST
from trading.journal.append import append
from trading.journal.records import derived_command_id, draft

FEE_TIERS = (
    FeeTier(maker_ppm=1000, taker_ppm=2000),
    FeeTier(maker_ppm=500, taker_ppm=1500),
    FeeTier(maker_ppm=0, taker_ppm=1000),
)
BOT_FEE_TIER = 2

ASSETS = (
    DefineAsset(asset="BTC", name="Bitcoin", kind="crypto", decimals=8, trading_decimals=8),
    DefineAsset(asset="ETH", name="Ether", kind="crypto", decimals=18, trading_decimals=8),
    DefineAsset(asset="USD", name="US dollar", kind="fiat", decimals=8, trading_decimals=2),
)
MARKETS = (
    DefineMarket(
        market="BTC/USD",
        base="BTC",
        quote="USD",
        tick_atoms=10**6,  # 0.01 USD
        lot_atoms=10**3,  # 0.00001 BTC
        minimum_lots=5,
        minimum_notional_atoms=5 * 10**7,  # 0.5 USD
        maximum_open_orders=200,
        fee_tiers=FEE_TIERS,
    ),
    DefineMarket(
        market="ETH/USD",
        base="ETH",
        quote="USD",
        tick_atoms=10**6,  # 0.01 USD
        lot_atoms=10**14,  # 0.0001 ETH
        minimum_lots=10,
        minimum_notional_atoms=5 * 10**7,
        maximum_open_orders=200,
        fee_tiers=FEE_TIERS,
    ),
    DefineMarket(
        market="ETH/BTC",
        base="ETH",
        quote="BTC",
        tick_atoms=10**3,  # 0.00001 BTC
        lot_atoms=10**15,  # 0.001 ETH
        minimum_lots=1,
        minimum_notional_atoms=10**3,
        maximum_open_orders=200,
        fee_tiers=FEE_TIERS,
    ),
)
CHAIN = "bitcoin:regtest"
CHAIN_START_LIMIT_S = 60.0
CHAIN_POLL_S = 0.1
BOTS = ("maker-btc-usd", "maker-eth-usd", "maker-eth-btc", "taker")
BOT_FUNDS = {"BTC": 1_000, "ETH": 20_000, "USD": 100_000_000}


class Command(BaseCommand):
    help = "Lists the demo's assets and markets, makes its users and bots, funds the bots. Safe to run again."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError("This is for demo settings only: it makes money out of nothing.")
        state = settings.STATE / "demo.json"
        known = json.loads(state.read_text()) if state.exists() else {"users": [], "bots": []}
        for role, email in (("trader", "trader@demo.example"), ("operator", "operator@demo.example")):
            self._user(known, "users", {"role": role, "email": email}, state)
        for name in BOTS:
            self._user(known, "bots", {"name": name, "email": f"{name}@bots.example"}, state)
        commands: list[tuple[EngineCommand, str]] = [(SetRules(version=LATEST), f"rules {LATEST}")]
        commands += [(asset, f"asset {asset.asset}") for asset in ASSETS]
        commands += [(market, f"market {market.market}") for market in MARKETS]
        for bot in known["bots"]:
            account = main_account_id(User.objects.get(email=bot["email"]))
            commands.append((SetFeeTier(account=account, tier=BOT_FEE_TIER), f"tier of {bot['name']}"))
            for asset in ASSETS:
                atoms = BOT_FUNDS[asset.asset] * 10**asset.decimals
                reference = f"funds of {bot['name']} in {asset.asset}"
                credit = Credit(
                    account=account, asset=asset.asset, amount_atoms=atoms, source="faucet", reference=reference
                )
                commands.append((credit, reference))
        drafts = [
            draft(command, command_id=derived_command_id("demo", name), request_id="lay_out_demo")
            for command, name in commands
        ]
        with psycopg.connect(conninfo(), autocommit=True) as connection:
            appended = append(connection, drafts, now_us=time.time_ns() // 1000)
        _add_deposit_wallet()
        self.stdout.write(f"Demo: {len(appended.records)} events written, {len(appended.repeated)} were there.")

    def _user(self, known: dict[str, list[dict[str, str]]], group: str, entry: dict[str, str], state: Path) -> None:
        """Makes the user if it is not there; the password is written down before, so that no run can lose it."""
        if not any(one["email"] == entry["email"] for one in known[group]):
            known[group].append({**entry, "password": secrets.token_urlsafe(12)})
            _write_private(state, json.dumps(known, indent=1))
        (password,) = [one["password"] for one in known[group] if one["email"] == entry["email"]]
        if User.objects.filter(email=entry["email"]).exists():
            return
        if entry.get("role") == "operator":
            create_operator(email=entry["email"], password=password)
        else:
            register(email=entry["email"], password=password)


def _add_deposit_wallet() -> None:
    """Deposits of bitcoin, where the launcher has started a chain; its node may still be starting."""
    wallet = settings.STATE / "chain" / "wallet"
    if CHAIN not in settings.FUNDING_NODES or not wallet.exists() or DepositWallet.objects.filter(chain=CHAIN).exists():
        return
    deadline = time.monotonic() + CHAIN_START_LIMIT_S
    with node_of(CHAIN, timeout_s=CHAIN_START_LIMIT_S) as node:
        while True:
            try:
                tip = node.tip()
                break
            except NodeFailure as failure:
                if time.monotonic() > deadline:
                    raise CommandError(f"the chain does not answer: {failure}") from failure
                time.sleep(CHAIN_POLL_S)
    add_wallet(asset="BTC", chain=CHAIN, descriptor=wallet.read_text().strip(), tip=tip, now=utc_now())


def _write_private(path: Path, text: str) -> None:
    """Writes the file whole or not at all, readable by its owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft_path = path.with_suffix(".new")
    with os.fdopen(os.open(draft_path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft_path.replace(path)
