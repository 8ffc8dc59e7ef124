"""Deposit addresses: a fresh one for each who asks, derived from public keys and an index, never shown unchecked."""

import datetime as dt

from django.conf import settings
from django.db import transaction

from accounts.models import Account
from bitcoind_proxy.proto.node_pb2 import Tip

from .descriptors import checked, derive
from .models import ChainCursor, DepositAddress, DepositWallet, ScannedBlock
from .problems import NO_DEPOSITS, TOO_MANY_ADDRESSES, Problem


class AddressBroken(RuntimeError):
    """An address in the database is not what its wallet and index come to: somebody changed it, so it is not shown."""


class WalletExists(ValueError):
    """There is a wallet for the asset, or this descriptor is known already."""


def add_wallet(*, asset: str, chain: str, descriptor: str, tip: Tip, now: dt.datetime) -> DepositWallet:
    """A wallet for new addresses of the asset; the one before stays watched. Raises WrongDescriptor, WalletExists.

    The chain is read from ``tip`` on if it never was before: no address of ours is older.
    """
    canonical = checked(descriptor, chain)
    with transaction.atomic():
        if DepositWallet.objects.filter(chain=chain, descriptor=canonical).exists():
            raise WalletExists("this descriptor is known already")
        if DepositWallet.objects.filter(asset=asset).exclude(chain=chain).exists():
            raise WalletExists(f"{asset} is kept on another chain")
        DepositWallet.objects.filter(asset=asset, is_active=True).update(is_active=False)
        begin = {"height": tip.height, "block_hash": tip.block_hash}
        _, is_new = ChainCursor.objects.get_or_create(chain=chain, defaults=begin)
        if is_new:
            ScannedBlock.objects.create(chain=chain, **begin)
        return DepositWallet.objects.create(asset=asset, chain=chain, descriptor=canonical, created_at=now)


def new_address(*, account: Account, asset: str, now: dt.datetime) -> DepositAddress:
    """The next address, the account's for ever. Raises Problem: no_deposits, too_many_addresses."""
    with transaction.atomic():
        wallet = DepositWallet.objects.select_for_update().filter(asset=asset, is_active=True).first()
        if wallet is None:
            raise Problem(NO_DEPOSITS, f"{asset} cannot be deposited here.")
        unused = DepositAddress.objects.filter(wallet=wallet, account=account, deposits__isnull=True).count()
        if unused >= settings.UNUSED_ADDRESSES_LIMIT:
            raise Problem(TOO_MANY_ADDRESSES, f"You have {unused} addresses that nothing was sent to. Use one of them.")
        derived = derive(wallet.descriptor, wallet.chain, wallet.next_index)
        address = DepositAddress.objects.create(
            wallet=wallet,
            index=wallet.next_index,
            account=account,
            address=derived.address,
            script=derived.script,
            created_at=now,
        )
        wallet.next_index += 1
        wallet.save(update_fields=["next_index"])
    return verified(address)


def verified(address: DepositAddress) -> DepositAddress:
    """The same, if its wallet's public keys still come to it. Raises AddressBroken."""
    wallet = address.wallet
    if derive(wallet.descriptor, wallet.chain, address.index) != (address.address, address.script):
        raise AddressBroken(f"deposit address {address.id} is not what index {address.index} of its wallet comes to")
    return address


def addresses_of(account_id: int, *, asset: str | None, before_id: int | None, limit: int) -> list[DepositAddress]:
    """The account's addresses, newest first, those with an id below ``before_id``; each derived again. Raises AddressBroken."""
    found = DepositAddress.objects.filter(account_id=account_id).select_related("wallet").order_by("-id")
    if asset is not None:
        found = found.filter(wallet__asset=asset)
    if before_id is not None:
        found = found.filter(id__lt=before_id)
    return [verified(address) for address in found[:limit]]


def by_script(chain: str, scripts: set[str]) -> dict[str, DepositAddress]:
    """Those of the scripts that are ours on this chain."""
    found = DepositAddress.objects.filter(wallet__chain=chain, script__in=scripts).select_related("wallet")
    return {address.script: address for address in found}
