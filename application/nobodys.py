"""What providers told of nobody that we know: it names an erased person where their address stands in it."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from application.ports.erasures import NobodysDeliveries, Told
from application.ports.inbox import Customers

PAGE_SIZE = 200
ESCAPED: Final = re.compile(r"\\(?:((?:u[0-9a-f]{4})(?:\\u[0-9a-f]{4})*)|(.))", re.IGNORECASE | re.DOTALL)
"""As JSON writes what is no plain character: by its codes in UTF-16, or by one letter."""
SPACES: Final = "bfnrt"
UNESCAPED_TIMES_MAX = 3
"""An address may stand in a link that stands in JSON that stands in a string of JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nobodys:
    """Such as a guest's payment: it has no customer, and its text has the address that was typed in."""

    deliveries: NobodysDeliveries
    customers: Customers

    async def forget_about(self, words: Collection[str]) -> None:
        """Empty those in which one of the words stands by itself: an address, a number, a customer's id."""
        if not words:
            return
        sought, after = Sought(words), 0
        while page := await self.deliveries.page(after=after, limit=PAGE_SIZE):
            about = [told for told in page if told.body is not None and sought.stands_in(told.body)]
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
