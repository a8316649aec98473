"""Whether a database's address leaves it to the server if what is sent to it is encrypted."""

import re
from ipaddress import ip_address
from urllib.parse import parse_qsl, unquote, urlsplit

ENCRYPTED = {"require", "verify-ca", "verify-full"}
"""The values of sslmode that fall back to nothing less (libpq, section 32.19.2)."""
PAIR = re.compile(r"\b(\w+)\s*=\s*('(?:[^'\\]|\\.)*'|\S*)")


def may_go_in_clear(address: str) -> bool:
    """Of libpq's address, as a URL or as pairs: whether it leads to another machine, and asks for no encryption."""
    try:
        hosts, named = _of_url(address) if "://" in address else _of_pairs(address)
    except ValueError:
        return True
    asked = (named.get("hostaddr") or named.get("host") or hosts).split(",")
    return named.get("sslmode") not in ENCRYPTED and not all(is_here(host) or _is_socket(host) for host in asked)


def _of_url(address: str) -> tuple[str, dict[str, str]]:
    parts = urlsplit(address)
    hosts = [re.sub(r":\d*$", "", host).strip("[]") for host in parts.netloc.rpartition("@")[2].split(",")]
    return unquote(",".join(hosts)), dict(parse_qsl(parts.query))


def _of_pairs(address: str) -> tuple[str, dict[str, str]]:
    return "", {name: value.strip("'") for name, value in PAIR.findall(address)}


def _is_socket(host: str) -> bool:
    """A folder, an abstract one, or none, which is where libpq looks first."""
    return not host or host[0] in "/@"


def is_here(host: str) -> bool:
    """Whether it is this machine, without asking who has that name."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
