"""Where mail is handed in, as the setting SMTP_URL says it."""

from ipaddress import ip_address
from typing import Literal, NamedTuple, Self
from urllib.parse import unquote, urlsplit

Security = Literal["none", "starttls", "tls"]

PORTS: dict[Security, int] = {"none": 25, "starttls": 587, "tls": 465}


class SmtpUrlInvalid(ValueError):
    """It cannot be used; the message says why and shows no password."""


class SmtpServer(NamedTuple):
    """`tls`: from the first byte (RFC 8314); `starttls`: after a greeting, and never without (RFC 3207)."""

    host: str
    port: int
    security: Security
    user: str
    password: str

    @classmethod
    def parse(cls, url: str) -> Self:
        """Reads `smtps://USER:PASSWORD@HOST:PORT`, or `smtp://` with or without `?starttls`. Raises SmtpUrlInvalid."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise SmtpUrlInvalid("it is no address") from None
        if not parts.hostname or parts.path not in {"", "/"} or parts.fragment:
            raise SmtpUrlInvalid("it is not written as smtps://USER:PASSWORD@HOST:PORT")
        security = _security(parts.scheme, parts.query)
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        if password and security == "none" and not _is_here(parts.hostname):
            raise SmtpUrlInvalid("its password would cross the network in the clear: smtps://, or add ?starttls")
        return cls(parts.hostname, port or PORTS[security], security, user, password)


def _security(scheme: str, query: str) -> Security:
    match scheme, query:
        case "smtps", "":
            return "tls"
        case "smtp", "":
            return "none"
        case "smtp", "starttls":
            return "starttls"
        case _:
            raise SmtpUrlInvalid("it begins with smtps:// or smtp://, and may end with ?starttls after the latter")


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
