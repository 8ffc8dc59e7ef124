"""Custody: nodes, signers and cold addresses as the settings name them, and what it has stopped by itself."""

import datetime as dt

from django.conf import settings

from bitcoind_proxy.checks import OLDEST_VERSION
from bitcoind_proxy.errors import NodeFailure
from bitcoind_proxy.networks import NETWORKS
from funding.connections import NotConfigured, node_of, signer_of
from funding.models import Alarm, DepositWallet
from funding.nodes import followed
from funding.payout_models import WithdrawalStop
from funding.scripts import NotAnAddress, script_of
from funding.signer.client import SignerFailure

from .findings import Findings, ok, warning, wrong

ANSWER_LIMIT_S = 5.0
_NODE_FIX = "Start the sidecar (python -m bitcoind_proxy), or name where it listens."


def nodes(oldest: int = OLDEST_VERSION) -> Findings:
    """Each answers, and is on the chain that is meant."""
    for chain in settings.FUNDING_NODES:
        if chain not in NETWORKS:
            yield wrong("FUNDING_NODES", f"there is no chain {chain}.", f"It is one of {', '.join(NETWORKS)}.")
        else:
            yield from _node(chain, oldest)
    if not settings.FUNDING_NODES:
        yield ok("There are no FUNDING_NODES: no deposits, no withdrawals.")


def _node(chain: str, oldest: int) -> Findings:
    try:
        with node_of(chain, timeout_s=ANSWER_LIMIT_S) as node:
            tip = node.tip()
    except NotConfigured as error:
        yield wrong("FUNDING_TLS_*", f"{error}", "PEM files of mutual TLS: docs/custody.md.")
        return
    except NodeFailure as error:
        yield wrong("FUNDING_NODES", f"the sidecar of {chain} does not answer: {error.words}.", _NODE_FIX)
        return
    genesis = NETWORKS[chain].genesis_hash
    if (tip.chain, tip.genesis_hash) != (chain, genesis):
        says = f"what listens for {chain} serves {tip.chain}, with first block {tip.genesis_hash}."
        yield wrong("FUNDING_NODES", says, "Name the sidecar of that chain, whose BITCOIND_CHAIN says so.")
    elif tip.node_version < oldest:
        says = f"the node of {chain} is of version {tip.node_version}; {oldest} is the oldest that works."
        yield wrong("FUNDING_NODES", says, "Upgrade the node.")
    elif not tip.is_synced:
        says = f"the node of {chain} still reads its chain, and is at block {tip.height}."
        yield warning("FUNDING_NODES", says, "Deposits wait for it; nothing to do, if the height grows.")
    else:
        yield ok(f"The node of {chain}, version {tip.node_version}, is at block {tip.height}.")


def wallets() -> Findings:
    """A wallet in use has a node that is named, and that is followed."""
    chains = set(DepositWallet.objects.filter(is_active=True).values_list("chain", flat=True))
    for chain in sorted(chains - set(settings.FUNDING_NODES)):
        says = f"addresses of {chain} are given out, and no node of it is named."
        yield wrong("FUNDING_NODES", says, f"Add {chain}=unix:/run/kontor/bitcoind.sock, or where its sidecar listens.")
    for chain, words in followed(now=dt.datetime.now(dt.UTC)).items():
        if words == "ok":
            yield ok(f"{chain} is followed to its tip.")
        else:
            fix = "See that manage.py watch_custody runs, and its log; after an alarm, manage.py resume_deposits."
            yield wrong("watch_custody", f"{chain} is not followed: {words}.", fix)


def signers() -> Findings:
    for chain in settings.FUNDING_SIGNERS:
        if chain not in settings.FUNDING_NODES:
            says = f"there is a signer for {chain}, and no node of it in FUNDING_NODES."
            yield wrong("FUNDING_SIGNERS", says, "Name both, by the same chain.")
        try:
            with signer_of(chain) as signer:
                found = signer.wallets()
        except NotConfigured as error:
            yield wrong("FUNDING_TLS_*", f"{error}", "PEM files of mutual TLS: docs/custody.md.")
        except SignerFailure as error:
            says = f"the signer of {chain} does not answer: {error}."
            yield wrong("FUNDING_SIGNERS", says, "Start it (python -m funding.signer), or name where it listens.")
        else:
            if found.chain == chain:
                yield ok(f"The signer of {chain} holds {len(found.descriptors)} wallets.")
            else:
                says = f"what listens for {chain} signs for {found.chain}."
                yield wrong("FUNDING_SIGNERS", says, "Name the signer of that chain, whose SIGNER_CHAIN says so.")


def cold_addresses() -> Findings:
    """Each is of an asset's own chain: what is sent to another one's is gone."""
    chains = dict(DepositWallet.objects.filter(is_active=True).values_list("asset", "chain"))
    for asset, address in settings.COLD_ADDRESSES.items():
        if asset not in chains:
            says = f"no deposit wallet of {asset} is in use."
            yield warning("COLD_ADDRESSES", says, "manage.py add_deposit_wallet adds one; else take the asset out.")
            continue
        try:
            script_of(address, chains[asset])
        except NotAnAddress as error:
            yield wrong("COLD_ADDRESSES", f"{asset}: {error}", f"Name an address of {chains[asset]}.")
        else:
            yield ok(f"Sweeps of {asset} go to an address of {chains[asset]}.")


def stops() -> Findings:
    """What waits for a person."""
    for stop in WithdrawalStop.objects.filter(lifted_at=None):
        fix = f"Once you know why: manage.py resume_withdrawals {stop.asset} --reason TEXT."
        yield wrong("withdrawals", f"those of {stop.asset} are stopped: {stop.words}", fix)
    alarms = Alarm.objects.filter(settled_at=None).count()
    if alarms:
        yield warning("alarms", f"{alarms} alarms of custody are open.", "GET /operator/status lists them.")


def real_chains() -> Findings:
    """Real coins behind demo settings, or test coins behind real ones."""
    for chain in settings.FUNDING_NODES:
        is_main = chain.endswith(":mainnet")
        if settings.DEMO and is_main:
            fix = "Set DJANGO_SETTINGS_MODULE=exchange.settings.production, or name a test network."
            yield wrong("DJANGO_SETTINGS_MODULE", f"a demo, with a faucet, is connected to {chain}.", fix)
        elif not settings.DEMO and not is_main:
            says = f"{chain} is a test network: its coins are worth nothing, and are credited as if they were."
            yield warning("FUNDING_NODES", says, "Name the main network's node, if money is real here.")
