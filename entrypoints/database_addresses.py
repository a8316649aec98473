"""Whether a database's address leaves it to the server if what is sent to it is encrypted."""

from ipaddress import ip_address
from itertools import zip_longest

from psycopg import ProgrammingError, pq
from psycopg.conninfo import conninfo_to_dict

ENCRYPTED = {"require", "verify-ca", "verify-full"}
"""The values of sslmode that fall back to nothing less (libpq, section 32.19.2)."""


def may_go_in_clear(address: str) -> bool:
    """Of libpq's address, as a URL or as pairs: whether it leads to another machine, and asks for no encryption.

    What it does not say libpq takes from the environment (PGHOST, PGSSLMODE, and what PGSERVICE names). What a service
    says that the address names is not looked at: it may lead anywhere.
    """
    try:
        said = {name: str(value) for name, value in conninfo_to_dict(address).items()}
    except ProgrammingError:
        return True
    named = said if "service" in said else _defaults() | said
    if named.get("sslmode") in ENCRYPTED:
        return False
    return "service" in said or not all(map(_stays_here, _hosts(named)))


def _defaults() -> dict[str, str]:
    """What libpq takes where an address says nothing."""
    return {each.keyword.decode(): each.val.decode() for each in pq.Conninfo.get_defaults() if each.val is not None}


def _hosts(named: dict[str, str]) -> list[str]:
    """Where it really connects to: an address goes before the name in the same place."""
    names, addresses = named.get("host", "").split(","), named.get("hostaddr", "").split(",")
    return [address or name for name, address in zip_longest(names, addresses, fillvalue="")]


def _stays_here(host: str) -> bool:
    """Also a socket's folder, an abstract one, or none, which is where libpq looks first."""
    return not host or host[0] in "/@" or is_here(host)


def is_here(host: str) -> bool:
    """Whether it is this machine, without asking who has that name."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
