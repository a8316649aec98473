"""What providers told of nobody that we know: it names an erased person where their address stands in it."""

import json
import re
from collections.abc import Collection
from dataclasses import dataclass

from application.ports.erasures import NobodysDeliveries

PAGE_SIZE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Nobodys:
    """Such as a guest's payment: it has no customer, and its text has the address that was typed in."""

    deliveries: NobodysDeliveries

    async def forget_about(self, words: Collection[str]) -> None:
        """Empty those in which one of the words stands by itself: an address, a number, a customer's id."""
        if not words:
            return
        standing, after = standing_alone(words), 0
        while page := await self.deliveries.page(after=after, limit=PAGE_SIZE):
            about = [id for id, body in page if body is not None and standing.search(body.decode(errors="replace"))]
            if about:
                await self.deliveries.forget(about)
            after = page[-1][0]


def standing_alone(words: Collection[str]) -> re.Pattern[str]:
    """As they are and as JSON may write them, in whichever case; not as a part of another address or number."""
    spelt = sorted({spelling for word in words for spelling in (word, json.dumps(word)[1:-1])})
    return re.compile(rf"(?<![\w.+%-])(?:{'|'.join(map(re.escape, spelt))})(?![\w-]|\.\w)", re.IGNORECASE)
