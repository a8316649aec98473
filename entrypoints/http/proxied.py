"""What trusted proxies say of a viewer: address and scheme, by uvicorn's middleware, and the country, by a header."""

import re
from collections.abc import Iterable, Sequence
from ipaddress import ip_address

from uvicorn._types import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, Scope
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware, _TrustedHosts

A_COUNTRY = re.compile(rb"[A-Z]{2}")
NOWHERE = (b"XX", b"ZZ")
"""By these, which ISO 3166-1 gives to nobody, services say that they do not know (Cloudflare, Unicode's CLDR)."""


class TrustedProxies(_TrustedHosts):
    """Who come from them come from an address. Text that is none would make everybody who sends it a peer of its own:
    those are the proxy's own peer together.
    """

    def get_trusted_client_address(self, x_forwarded_for: str) -> tuple[str, int]:
        host, port = super().get_trusted_client_address(x_forwarded_for)
        try:
            ip_address(host)
        except ValueError:
            return "", 0  # By which uvicorn leaves the peer as it is.
        return host, port


class Proxied(ProxyHeadersMiddleware):
    """Takes the word of these proxies alone, told apart by the address that the connection comes from."""

    def __init__(self, app: ASGI3Application, trusted: Sequence[str], country_header: str = "") -> None:
        super().__init__(app, list(trusted))
        self.trusted_hosts = TrustedProxies(list(trusted))
        self._country_header = country_header.lower().encode("ascii")

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        if self._country_header and scope["type"] == "http":
            # Before the address becomes the viewer's.
            peer = scope["client"]
            if peer is not None and peer[0] in self.trusted_hosts:
                scope.setdefault("state", {})["country"] = country_in(scope["headers"], self._country_header)
        await super().__call__(scope, receive, send)


def country_in(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> str | None:
    """The country, as ISO 3166-1 alpha-2; None where it is none, unknown, or said twice."""
    said = [value for key, value in headers if key == name]
    if len(said) != 1 or not A_COUNTRY.fullmatch(said[0]) or said[0] in NOWHERE:
        return None
    return said[0].decode("ascii")
