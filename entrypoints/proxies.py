"""Which reverse proxies are believed: networks of IPv4 and IPv6, and what a socket of both makes of the former."""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network

MAPPED = IPv6Network("::ffff:0:0/96")
"""Where a socket that listens for both sees clients of IPv4 (RFC 4291, section 2.5.5.2)."""
WIDEST_BITS = {4: 8, 6: 7}
"""No larger network is anybody's own: 10.0.0.0/8 and fc00::/7 are the largest that are set apart for that."""


class ProxiesUntrue(Exception):
    """What was given names no network, or so many addresses that whoever comes is believed."""


def proxies_of(entries: Iterable[str]) -> tuple[str, ...]:
    """The networks of these addresses and networks, those of IPv4 also as IPv6 has them. Raises ProxiesUntrue."""
    fours, sixes = set[IPv4Network](), set[IPv6Network]()
    for entry in entries:
        network = _network_of(entry)
        if isinstance(network, IPv4Network):
            fours.add(network)
        elif network.subnet_of(MAPPED):
            fours.add(IPv4Network((network.network_address.packed[12:], network.prefixlen - MAPPED.prefixlen)))
        else:
            sixes.add(network)
    known: list[IPv4Network | IPv6Network] = [*collapse_addresses(fours), *collapse_addresses(sixes)]
    for network in known:
        has_all_of_ipv4 = isinstance(network, IPv6Network) and network.supernet_of(MAPPED)
        if has_all_of_ipv4 or network.prefixlen < WIDEST_BITS[network.version]:
            raise ProxiesUntrue(f"{network}, of one entry or of several together, is everybody")
    return tuple(str(network) for network in [*known, *map(_mapped, collapse_addresses(fours))])


def _network_of(entry: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(entry)
    except ValueError:
        raise ProxiesUntrue(f"{entry} is no address and no network") from None


def _mapped(network: IPv4Network) -> IPv6Network:
    address = MAPPED.network_address + int(network.network_address)
    return IPv6Network((address, MAPPED.prefixlen + network.prefixlen))
