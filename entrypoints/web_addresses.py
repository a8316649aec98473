"""Addresses that an operator sets: of our own pages, of browsers' pages, of servers that are told secrets."""

import re
from urllib.parse import SplitResult, urlsplit

from entrypoints.database_addresses import is_here

AN_ORIGIN = re.compile(
    r"(https?)://(?:[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?|\[[0-9a-f:.]+\])(?::([1-9]\d{0,4}))?", re.ASCII
)
"""A scheme, a host and a port, as browsers send them (RFC 6454, section 6.2)."""
USUAL_PORTS = {"http": 80, "https": 443}
PORT_MAX = 65_535


def trouble_of_origin(origin: str) -> str | None:
    """An origin that no browser sends lets nobody in; `*`, also in a host, and `null` let in pages of anybody."""
    read = AN_ORIGIN.fullmatch(origin)
    if read is None:
        return (
            "is no origin: https:// or http://, a host in lower case without *, and a port; "
            "no path, and no / at the end"
        )
    scheme, port = read[1], int(read[2] or 0)
    if port == USUAL_PORTS[scheme] or port > PORT_MAX:
        return f"leave out the port, or name another; {port} is never sent"
    return None


def trouble_of_pages(address: str) -> str | None:
    """What is wrong with an address at which people find our pages, and to which paths are added."""
    parts = _read(address)
    if parts is None or parts.scheme != "https":
        return "must begin with https://"
    if not parts.hostname or re.search(r"\s", address):
        return "names no host"
    if parts.query or parts.fragment or "@" in parts.netloc:
        return "must end with its host, port or path: paths are added to it"
    return None


def keeps_secrets(base: str) -> bool:
    """Whether a provider's key may be sent there: encrypted, or to a program on this machine."""
    parts = _read(base)
    if parts is None:
        return False
    return not base or parts.scheme == "https" or (parts.scheme == "http" and is_here(parts.hostname or ""))


def _read(address: str) -> SplitResult | None:
    """None where it is none, also for its host or its port."""
    try:
        parts = urlsplit(address)
        return parts if parts.port != 0 else None
    except ValueError:
        return None
