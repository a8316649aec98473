"""What providers told of nobody that we know: it names an erased person where their address stands in it."""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from application.ports.erasures import NobodysDeliveries, Told
from application.ports.inbox import Customers
from application.ports.secrets import BlindIndex

PAGE_SIZE = 200
ESCAPED: Final = re.compile(r"\\(?:((?:u[0-9a-f]{4})(?:\\u[0-9a-f]{4})*)|(.))", re.IGNORECASE | re.DOTALL)
"""As JSON writes what is no plain character: by its codes in UTF-16, or by one letter."""
SPACES: Final = "bfnrt"
UNESCAPED_TIMES_MAX = 3
"""An address may stand in a link that stands in JSON that stands in a string of JSON."""
ADDRESS: Final = re.compile(r"([\w.+%!#$&'*/=?^`{|}~-]{1,64})@((?:[\w-]{1,63}\.)+[^\W_]{1,63})")
AROUND_ADDRESSES: Final = re.compile(r"[^\w.+%-]")
"""May be a part of one; far oftener it is what stands before one."""
NUMBER: Final = re.compile(r"(?<![\w+])\+\d{7,15}(?!\d)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Nobodys:
    """Such as a guest's payment: it has no customer, and its text has the address that was typed in."""

    deliveries: NobodysDeliveries
    customers: Customers
    blind_index: BlindIndex

    async def forget_about(self, words: Collection[str], *, digests: Collection[bytes] = ()) -> None:
        """Empty those in which one of the words stands by itself: an address, a number, a customer's id.

        `digests` are the blind indexes of addresses and numbers that nobody can read any more.
        """
        sought: list[Sought | SoughtByDigest] = [Sought(words)] if words else []
        if digests:
            sought.append(SoughtByDigest(digests, self.blind_index))
        if sought:
            await self._forget_where(lambda body: any(one.stands_in(body) for one in sought))

    async def _forget_where(self, names: Callable[[bytes], bool]) -> None:
        after = 0
        while page := await self.deliveries.page(after=after, limit=PAGE_SIZE):
            about = [told for told in page if told.body is not None and names(told.body)]
            if ids := await self._nobodys(about):
                await self.deliveries.forget(ids)
            after = page[-1].id

    async def _nobodys(self, about: Sequence[Told]) -> list[int]:
        """But for those about an account's customer: they are that person's."""
        return [
            told.id for told in about if told.customer is None or await self.customers.account_of(told.customer) is None
        ]


class Sought:
    """Words that are looked for in whichever case and spelling; not as a part of another address or number."""

    def __init__(self, words: Collection[str]) -> None:
        self._words = sorted({word.lower() for word in words})
        any_word = "|".join(map(re.escape, self._words))
        self._standing_alone = re.compile(rf"(?<![\w.+%-])(?:{any_word})(?![^\W_]|\.\w|-[\w-]*\.\w)")

    def stands_in(self, body: bytes) -> bool:
        return any(self._stands_in(text.lower()) for text in _spellings(body.decode(errors="replace")))

    def _stands_in(self, text: str) -> bool:
        """A plain look first: in most texts there is none."""
        return any(word in text for word in self._words) and self._standing_alone.search(text) is not None


class SoughtByDigest:
    """Addresses and numbers of which nothing is left but their blind indexes: each that stands in a text is tried."""

    def __init__(self, digests: Collection[bytes], blind_index: BlindIndex) -> None:
        self._digests = frozenset(digests)
        self._blind_index = blind_index

    def stands_in(self, body: bytes) -> bool:
        return any(self._stands_in(text.lower()) for text in _spellings(body.decode(errors="replace")))

    def _stands_in(self, text: str) -> bool:
        return any(self._blind_index.of("email", one) in self._digests for one in _addresses(text)) or any(
            self._blind_index.of("phone", one) in self._digests for one in NUMBER.findall(text)
        )


def _addresses(text: str) -> Iterator[str]:
    """Also without what may only stand before them."""
    for local, domain in ADDRESS.findall(text):
        for start in (0, *(one.end() for one in AROUND_ADDRESSES.finditer(local))):
            yield f"{local[start:]}@{domain}"


def _spellings(text: str) -> Iterator[str]:
    """As it came, and with what JSON and links escape in it, one layer after the other."""
    yield text
    for _ in range(UNESCAPED_TIMES_MAX):
        before = text
        for mark, unescape in (("\\", _without_escapes), ("%", unquote)):
            if mark in text and (plain := unescape(text)) != text:
                yield (text := plain)
        if text == before:
            return


def _without_escapes(text: str) -> str:
    return ESCAPED.sub(_unescaped, text)


def _unescaped(escape: re.Match[str]) -> str:
    codes, letter = escape.groups()
    if codes:
        return bytes.fromhex(re.sub(r"\\?u", "", codes, flags=re.IGNORECASE)).decode("utf-16-be", errors="replace")
    return " " if letter in SPACES else str(letter)
