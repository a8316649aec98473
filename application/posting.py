"""Letters leave: each is handed to whoever carries it, again after a while where that fails, and not for ever."""

import asyncio
import logging
from dataclasses import dataclass
from typing import assert_never

from application.ports.letters import (
    DueLetter,
    Letters,
    Mail,
    NotSentNow,
    TextMessages,
    Undeliverable,
)

log = logging.getLogger(__name__)

AT_ONCE = 4
LEASE_SECONDS = 300.0
"""Longer than one of them may take, with all that go before it."""
RETRY_DELAYS_SECONDS = (2.0, 10.0, 30.0, 120.0, 300.0, 900.0, 3600.0, 3 * 3600.0)
"""Codes are over within minutes and then no longer sent; what is good for a day is tried for four hours and a half."""
TRIES_MAX = len(RETRY_DELAYS_SECONDS) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """Any number of workers may call it; each letter is sent by one of them at a time.

    A worker that is killed between sending a letter and noting it leads to the same letter a second time.
    """

    letters: Letters
    mail: Mail
    text_messages: TextMessages | None
    """None: the operator has set up none, and then no text message was written."""

    async def send_due(self, *, limit: int = 20) -> int:
        """See to those that are due, several at once, and say how many there were. Raises DatabaseUnavailable."""
        due = await self.letters.take_due(limit=limit, seconds=LEASE_SECONDS)
        at_once = asyncio.Semaphore(AT_ONCE)

        async def send_one(letter: DueLetter) -> None:
            async with at_once:
                await self._send_or_note(letter)

        await asyncio.gather(*map(send_one, due))
        return len(due)

    async def _send_or_note(self, due: DueLetter) -> None:
        if due.attempt > TRIES_MAX:
            await self._give_up(due, "its tries were begun and not ended", refused=False)
            return
        try:
            reference = await self._send(due)
        except Undeliverable as trouble:
            await self._give_up(due, str(trouble), refused=trouble.refused)
        except NotSentNow as trouble:
            await self._put_off(due, str(trouble), at_least_seconds=trouble.retry_after_seconds)
        except Exception as trouble:  # noqa: BLE001 - one letter that nobody foresaw holds up no other
            # Without the traceback and the words: both may repeat the address.
            await self._put_off(due, type(trouble).__name__, at_least_seconds=0.0)
        else:
            await self.letters.sent(due.id, reference=reference)

    async def _send(self, due: DueLetter) -> str:
        match due.letter.channel:
            case "email":
                return await self.mail.send(due.letter, id=due.id)
            case "sms":
                if self.text_messages is None:
                    raise NotSentNow("text messages are not set up any more")
                return await self.text_messages.send(due.letter, again=due.attempt > 1)
            case _:
                assert_never(due.letter.channel)

    async def _put_off(self, due: DueLetter, error: str, *, at_least_seconds: float) -> None:
        if due.attempt >= TRIES_MAX:
            await self._give_up(due, error, refused=False)
            return
        seconds = max(RETRY_DELAYS_SECONDS[due.attempt - 1], at_least_seconds)
        log.warning("a letter is put off: %s", error, extra=_named(due))
        await self.letters.retry_later(due.id, error=error, seconds=seconds)

    async def _give_up(self, due: DueLetter, error: str, *, refused: bool) -> None:
        log.log(logging.WARNING if refused else logging.ERROR, "a letter is given up: %s", error, extra=_named(due))
        await self.letters.give_up(due.id, error=error, refused=refused)


def _named(due: DueLetter) -> dict[str, object]:
    """Which letter it is, and not to whom."""
    return {"letter": str(due.id), "channel": due.letter.channel, "kind": due.letter.kind, "attempt": due.attempt}
