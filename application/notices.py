"""Telling people that a way into their account was changed, where they were reached before the change."""

from collections.abc import Callable
from dataclasses import dataclass

from application.ports.ledger import GuardedRow
from application.ports.letters import Channel, ChannelClosed, Letter, Letters
from application.ports.world import Clock
from domain.account.account import Account

NoticeLetter = Callable[[Channel, str], Letter]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notices:
    """Written with the append of what they tell of."""

    letters: Letters
    real_time: Clock

    async def rows(self, before: Account, write: NoticeLetter) -> list[GuardedRow]:
        """To the e-mail address that the account had, else to its number; none where neither is to be reached."""
        reached: list[tuple[Channel, str | None]] = [("email", before.email), ("sms", before.phone)]
        for channel, to in reached:
            if to is None:
                continue
            try:
                row = await self.letters.row(write(channel, to), account_id=before.id, now=self.real_time.now())
            except ChannelClosed:
                continue
            return [row] if row is not None else []
        return []
