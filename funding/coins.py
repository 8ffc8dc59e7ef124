"""The hot wallet's coins: every output that pays one of our addresses, which of them may be spent, and for which payout they are
set aside. The one writer of coins and change addresses.

A coin is found by reading blocks, as a deposit is. It may be spent once it is buried as deep as a payout has to be to be final: a
deposit's only if it is credited, our own change only if its payout has ended. Nobody else has the keys, so nobody else spends
coins; reconciliation asks the node whether that is so.
"""

import datetime as dt
from collections.abc import Iterable, Sequence

from django.db import models
from django.db.models import QuerySet

from bitcoind_proxy.proto.node_pb2 import Output

from .addresses import by_script
from .deposits import AT_ONCE, Block
from .descriptors import change_of, derive
from .models import Deposit, DepositWallet
from .payout_models import ChangeAddress, Coin, Payout
from .rules import COINBASE_CONFIRMATIONS
from .states import DepositState
from .transactions import Pay, Spend


class NoWallet(RuntimeError):
    """There is no wallet that new change could come to."""


def record(chain: str, outputs: Sequence[Output], block: Block) -> None:
    """Writes down the outputs of a block that are ours; their deposits are written down already. Safe to repeat."""
    scripts = {output.script.hex() for output in outputs}
    addresses, changes = by_script(chain, scripts), _change_by_script(chain, scripts)
    ours = [output for output in outputs if output.amount_sats and output.script.hex() in addresses.keys() | changes]
    txids = {output.txid for output in ours}
    deposits = {(one.txid, one.vout): one for one in Deposit.objects.filter(chain=chain, txid__in=txids)}
    known = {(coin.txid, coin.vout): coin.id for coin in Coin.objects.filter(chain=chain, txid__in=txids)}
    where = {"block_hash": block.hash, "block_height": block.height}
    new = list[Coin]()
    for output in ours:
        name, script = (output.txid, output.vout), output.script.hex()
        if name in known:
            continue
        coin = Coin(chain=chain, txid=output.txid, vout=output.vout, amount_atoms=output.amount_sats, **where)
        if script in addresses:
            coin.deposit = deposits[name]
            coin.wallet, coin.index = addresses[script].wallet, addresses[script].index
        else:
            coin.change_address = changes[script]
            coin.wallet, coin.index = changes[script].wallet, changes[script].index
        new.append(coin)
    Coin.objects.bulk_create(new, batch_size=AT_ONCE)
    moved = [known[output.txid, output.vout] for output in ours if (output.txid, output.vout) in known]
    Coin.objects.filter(id__in=moved).update(**where)


def _change_by_script(chain: str, scripts: set[str]) -> dict[str, ChangeAddress]:
    found = ChangeAddress.objects.filter(wallet__chain=chain, script__in=scripts).select_related("wallet")
    return {address.script: address for address in found}


def leave_blocks(chain: str, hashes: Iterable[str]) -> None:
    """The coins of blocks that are not in the active chain any more are in none."""
    Coin.objects.filter(chain=chain, block_hash__in=list(hashes)).update(block_hash=None, block_height=None)


def spendable(chain: str, asset: str, *, buried_from: int) -> "QuerySet[Coin]":
    """The coins that may be spent, the largest first: in no payout, and in a block of at most this height."""
    return owned(chain, asset).filter(
        models.Q(deposit__is_coinbase=False)
        | models.Q(deposit=None)
        | models.Q(block_height__lte=buried_from - COINBASE_CONFIRMATIONS),
        payout=None,
        block_height__lte=buried_from,
    )


def owned(chain: str, asset: str) -> "QuerySet[Coin]":
    """The coins that are not spent and that the books may count as ours, the largest first.

    A change coin counts when its payout has ended by its transaction: before, what the payout spends still counts instead, and a
    coin of an attempt that another took the place of is in no block for ever.
    """
    from_ended = Payout.objects.filter(chain=chain, ended_by__txid=models.OuterRef("txid"))
    return (
        Coin.objects.filter(chain=chain, wallet__asset=asset, is_spent=False)
        .filter(
            models.Q(deposit__state=DepositState.CREDITED)
            | models.Q(change_address__is_refill=False) & models.Exists(from_ended)
            | models.Q(change_address__is_refill=True, refill_seq__isnull=False)
        )
        .select_related("wallet")
        .order_by("-amount_atoms", "id")
    )


def chosen(coins: Sequence[Coin], wanted_atoms: int, *, per_coin_atoms: int, at_most: int) -> list[Coin]:
    """Which of the coins (the largest first) pay so much, and for each of them its own part of the fee; nothing if they do not.

    The smallest that does it alone, else the largest until it is enough: few inputs, and no choice is left to chance.
    """
    alone = [coin for coin in coins if coin.amount_atoms >= wanted_atoms + per_coin_atoms]
    if alone:
        return [alone[-1]]
    taken, left = list[Coin](), wanted_atoms
    for coin in coins[:at_most]:
        if coin.amount_atoms <= per_coin_atoms:
            break
        taken.append(coin)
        left -= coin.amount_atoms - per_coin_atoms
        if left <= 0:
            return taken
    return []


def set_aside(coins: Iterable[Coin], payout: Payout) -> None:
    Coin.objects.filter(id__in=[coin.id for coin in coins], payout=None).update(payout=payout)


def release(payout: Payout, *, spent: Iterable[tuple[str, int]] = ()) -> None:
    """The payout has ended: these coins of it are spent for good, the others are free again."""
    points = set(spent)
    for coin in Coin.objects.filter(payout=payout):
        if (coin.txid, coin.vout) in points:
            Coin.objects.filter(id=coin.id).update(is_spent=True)
        else:
            Coin.objects.filter(id=coin.id).update(payout=None)


def of(payout: Payout) -> list[Coin]:
    """The coins that are set aside for the payout, its anchor first."""
    found = list(Coin.objects.filter(payout=payout).select_related("wallet").order_by("-amount_atoms", "id"))
    return sorted(found, key=lambda coin: coin.id != payout.anchor_id)


def home(address: ChangeAddress) -> Pay:
    """An output to it, of no amount yet."""
    return Pay(
        script=address.script,
        amount_atoms=0,
        descriptor=change_of(address.wallet.descriptor),
        index=address.index,
    )


def as_spend(coin: Coin) -> Spend:
    wallet = coin.wallet
    descriptor = wallet.descriptor if coin.change_address_id is None else change_of(wallet.descriptor)
    return Spend(
        txid=coin.txid, vout=coin.vout, amount_atoms=coin.amount_atoms, descriptor=descriptor, index=coin.index
    )


def lock(wallet: DepositWallet) -> None:
    """In the caller's transaction nobody else chooses coins whose change would come here."""
    DepositWallet.objects.select_for_update().get(id=wallet.id)


def new_change_address(chain: str, asset: str, *, now: dt.datetime, is_refill: bool = False) -> ChangeAddress:
    """The next one of the wallet that takes new deposits, in the caller's transaction. Raises NoWallet, WrongDescriptor."""
    wallets = DepositWallet.objects.select_for_update().filter(chain=chain, asset=asset, is_active=True)
    wallet = wallets.first()
    if wallet is None:
        raise NoWallet(f"there is no wallet for {asset} on {chain}")
    last = ChangeAddress.objects.filter(wallet=wallet).order_by("-index").first()
    index = 0 if last is None else last.index + 1
    derived = derive(change_of(wallet.descriptor), chain, index)
    return ChangeAddress.objects.create(
        wallet=wallet,
        index=index,
        address=derived.address,
        script=derived.script,
        is_refill=is_refill,
        created_at=now,
    )
