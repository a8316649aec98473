"""Where a provider's pages send a viewer back to: to our own pages alone."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from domain.shared.fact import Refusal


class ReturnUrlNotAllowed(Refusal):
    """The page to come back to is not one of ours."""


@dataclass(frozen=True, slots=True)
class ReturnUrls:
    """Addresses must begin with one of `own_origins`; `public_url` is where our own pages are."""

    public_url: str
    own_origins: tuple[str, ...]

    def own(self, url: str | None, *, otherwise: str) -> str:
        """A foreign return address would let a stranger use our pages as a trap. Raises ReturnUrlNotAllowed."""
        if url is None:
            return self.public_url + otherwise
        if _origin(url) not in self.own_origins:
            raise ReturnUrlNotAllowed("Return addresses must be on one of this service's own origins.")
        return url


def _origin(url: str) -> str | None:
    """None for what is no address, hides another one behind a user's name, or would break out of a header."""
    if any(character <= " " or character == "\x7f" for character in url):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return None if "@" in parts.netloc else f"{parts.scheme}://{parts.netloc}"
