"""Whose address it is: an IPv4 address is one place, of IPv6 everybody has a whole net and changes within it."""

import ipaddress

from django.db.models import Q

IPV6_PREFIX = 64
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def network_of(ip: str | None) -> str:
    """What limits by address count: an IPv4 address, or the /64 of an IPv6 one. Nothing for no address."""
    if not ip:
        return ""
    network = _network(ip)
    return str(network) if network.num_addresses > 1 else ip


def from_same_network(ip: str | None) -> Q:
    """Rows whose ``ip`` is in the same network; without an address none."""
    if not ip:
        return Q(pk__in=[])
    network = _network(ip)
    return Q(ip__gte=str(network[0]), ip__lte=str(network[-1]))


def _network(ip: str) -> Network:
    address = ipaddress.ip_address(ip)
    whole = isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is None
    return ipaddress.ip_network((address, IPV6_PREFIX if whole else address.max_prefixlen), strict=False)
