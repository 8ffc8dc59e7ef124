"""How much is hot: what is too much goes to a cold address, what is too little is an alarm that says where to bring how much, and
many small coins become one while fees are low.

All of it are payouts as any other, of purposes of their own, which the signer's policy judges for itself. Amounts in atomic units.
"""

from django.conf import settings
from django.db import models, transaction
from embit.script import address_to_scriptpubkey

from bitcoind_proxy.client import ChainClient
from bitcoind_proxy.networks import NETWORKS

from . import coins, payouts
from .alarms import raise_alarm, settle_alarm
from .models import ChainCursor, Withdrawal
from .payout_models import ChangeAddress, Coin, Payout
from .payout_rules import assets_that_pay, payout_rules_of, treasury_rules_of
from .payout_states import OPEN, Purpose
from .planning import INPUT_VBYTES, TooDear, pays_for, plan_transfer, rate_now, spendable
from .scanning import Clock
from .states import WithdrawalState
from .stops import open_stop
from .transactions import TooLittle, fee_of

WAITING = (WithdrawalState.HELD, WithdrawalState.REVIEWING, WithdrawalState.APPROVED)
OVERHEAD_VBYTES = 120
"""Of a transaction with two outputs, besides its inputs."""


class NoColdAddress(ValueError):
    """COLD_ADDRESSES has none for the asset, or it is none of its chain."""


class NothingToDo(Exception):
    """There is nothing to sweep or to consolidate. The message says why."""


def cold_script(asset: str, chain: str) -> str:
    """What an output to the asset's cold address carries, in hex. Raises NoColdAddress."""
    address = settings.COLD_ADDRESSES.get(asset)
    if not address:
        raise NoColdAddress(f"COLD_ADDRESSES has none for {asset}")
    network = NETWORKS[chain]
    try:
        script = address_to_scriptpubkey(address)
        shapes = {"bech32": network.bech32, "p2pkh": network.p2pkh, "p2sh": network.p2sh}
        is_ours = script.address(shapes) == address
    except Exception as error:  # embit raises whatever reading came to
        raise NoColdAddress(f"the cold address of {asset} is none") from error
    if not is_ours:
        raise NoColdAddress(f"the cold address of {asset} is none of {chain}")
    return str(script.data.hex())


def hot_atoms(chain: str, asset: str) -> int:
    """What is in the hot wallet once all that is under way has ended."""
    total = sum(coin.amount_atoms for coin in coins.owned(chain, asset))
    for payout in Payout.objects.filter(chain=chain, asset=asset, state__in=OPEN):
        attempt = payouts.latest(payout)
        total -= 0 if attempt is None else attempt.fee_atoms
        total -= 0 if payout.is_cancelled else sum(one.amount_atoms for one in pays_for(payout))
    return total


def sweep(chain: str, asset: str, node: ChainClient, clock: Clock) -> Payout:
    """A payout of what is more than the hot wallet should have, as far as its coins may be spent. Raises NothingToDo,
    NoColdAddress, TooDear, NodeFailure."""
    target, height = cold_script(asset, chain), _height(chain)
    too_much = hot_atoms(chain, asset) - treasury_rules_of(asset).hot_atoms[1]
    _refuse_if_busy(chain, asset)
    rules, rate = payout_rules_of(asset), rate_now(asset, node)
    taken, total = list[Coin](), 0
    for coin in spendable(chain, asset, height)[: rules.coins_at_most]:
        if total < too_much:
            taken.append(coin)
            total += coin.amount_atoms
    fee = fee_of(INPUT_VBYTES * len(taken) + OVERHEAD_VBYTES, rate)
    amount = min(too_much, total - fee)
    if amount <= rules.dust_atoms:
        raise NothingToDo(f"{asset}: {max(0, too_much)} is more than is kept, {total} of it may be spent now")
    return plan_transfer(
        chain,
        asset,
        Purpose.SWEEP,
        taken,
        rate=rate,
        height=height,
        now=clock(),
        target_script=target,
        target_atoms=amount,
    )


def consolidate(chain: str, asset: str, node: ChainClient, clock: Clock) -> Payout:
    """A payout that makes one coin of the smallest ones. Raises NothingToDo, TooDear, TooLittle, NodeFailure."""
    _refuse_if_busy(chain, asset)
    height, rules, rate = _height(chain), payout_rules_of(asset), rate_now(asset, node)
    worth = [one for one in spendable(chain, asset, height) if one.amount_atoms > fee_of(INPUT_VBYTES, rate)]
    smallest = worth[-rules.coins_at_most :]
    if len(smallest) < 2:
        raise NothingToDo(f"{asset}: there are no two coins that are worth more than the fee for them")
    return plan_transfer(chain, asset, Purpose.CONSOLIDATION, smallest, rate=rate, height=height, now=clock())


def _refuse_if_busy(chain: str, asset: str) -> None:
    if open_stop(asset) is not None:
        raise NothingToDo(f"{asset}: withdrawals are stopped, and so is this")
    others = Payout.objects.filter(chain=chain, asset=asset, state__in=OPEN).exclude(purpose=Purpose.WITHDRAWALS)
    if others.exists():
        raise NothingToDo(f"{asset}: the {others[0].purpose} before has not ended yet")


def _height(chain: str) -> int:
    return ChainCursor.objects.get(chain=chain).height


class Treasury:
    """One chain. Looks at each of its assets, and does what its rules say."""

    def __init__(self, chain: str, node: ChainClient, clock: Clock) -> None:
        self._chain = chain
        self._node = node
        self._clock = clock

    def round(self) -> None:
        """Raises NodeFailure; safe to repeat."""
        for asset in assets_that_pay(self._chain):
            least, _, most = treasury_rules_of(asset).hot_atoms
            hot = hot_atoms(self._chain, asset)
            self._ask_for_refill(asset, least, hot)
            try:
                if hot > most:
                    sweep(self._chain, asset, self._node, self._clock)
                elif self._is_scattered(asset):
                    consolidate(self._chain, asset, self._node, self._clock)
                settle_alarm(f"sweep of {asset}", now=self._clock())
            except NoColdAddress as error:
                words = f"the hot wallet has {hot}, more than {most}: {error}"
                raise_alarm(f"sweep of {asset}", words, now=self._clock())
            except (NothingToDo, TooDear, TooLittle):
                continue

    def _is_scattered(self, asset: str) -> bool:
        rules = treasury_rules_of(asset)
        if len(spendable(self._chain, asset, _height(self._chain))) <= rules.consolidate_coins:
            return False
        return rate_now(asset, self._node) <= rules.consolidate_at_most_sats_per_kvbyte

    def _ask_for_refill(self, asset: str, least: int, hot: int) -> None:
        subject = f"refill of {asset}"
        waiting = Withdrawal.objects.filter(asset=asset, chain=self._chain, state__in=WAITING)
        wanted = int(waiting.aggregate(total=models.Sum("amount_atoms"))["total"] or 0)
        if hot - wanted >= least:
            settle_alarm(subject, now=self._clock())
            return
        short = treasury_rules_of(asset).hot_atoms[1] - (hot - wanted)
        address = refill_address(self._chain, asset, clock=self._clock).address
        words = f"the hot wallet has {hot}, {wanted} of it is asked for: bring {short} atomic units to {address}"
        raise_alarm(subject, words, now=self._clock())


def refill_address(chain: str, asset: str, *, clock: Clock) -> ChangeAddress:
    """Where coins from cold storage are brought to: the last one until something came."""
    with transaction.atomic():
        known = ChangeAddress.objects.filter(
            wallet__chain=chain, wallet__asset=asset, wallet__is_active=True, is_refill=True, coins__isnull=True
        )
        found = known.order_by("-id").first()
        return found or coins.new_change_address(chain, asset, now=clock(), is_refill=True)
