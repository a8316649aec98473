"""Access given and taken by hand: grants beside what is paid, blocks above everything."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from application.errors import NotFound
from application.ports.ledger import Position
from application.ports.world import Clock
from application.recall import Asked, Records
from domain.account.account import Account, AccountEvent

ATTEMPTS = 50
"""What several people do by hand for one account at once is no conflict: each is recorded in its turn."""


class Made(msgspec.Struct, frozen=True):
    """The id of a new grant or block, and where the ledger stands after it."""

    id: UUID
    position: Position


@dataclass(frozen=True, slots=True, kw_only=True)
class Grants:
    """Use cases of whoever may decide about somebody else's access; what is paid for is not touched by them."""

    records: Records
    business_time: Clock

    async def grant(
        self, account_id: UUID, *, until: datetime, features: Sequence[str], reason: str, asked: Asked
    ) -> Made:
        """Let somebody in until then: to what any plan opens, and to what asks for one of the features.

        Raises:
            NotFound, AccountErased, EndInThePast, EndTooFarAhead, TooManyByHand.
        """
        grant_id, named = asked.new_id("grant", self.records.identifiers), tuple(dict.fromkeys(features))
        now = self.business_time.now()
        decided = await self.records.decide(
            Account,
            account_id,
            asked,
            lambda it: it.grant_access(grant_id, until=until, features=named, reason=reason, now=now),
            attempts=ATTEMPTS,
        )
        return Made(grant_id, decided.position)

    async def withdraw(self, account_id: UUID, grant_id: UUID, *, asked: Asked) -> Position:
        """End a grant at once. Raises NotFound, also where it is over: of two who withdraw it one has done so."""
        now = self.business_time.now()
        return await self._end(account_id, asked, lambda it: it.withdraw_grant(grant_id, now=now))

    async def block(self, account_id: UUID, *, until: datetime | None, reason: str, asked: Asked) -> Made:
        """Keep somebody out of everything, until then or for good; what is being played stops.

        Raises:
            NotFound, AccountErased, EndInThePast, EndTooFarAhead, TooManyByHand.
        """
        block_id, now = asked.new_id("block", self.records.identifiers), self.business_time.now()
        decided = await self.records.decide(
            Account,
            account_id,
            asked,
            lambda it: it.block(block_id, until=until, reason=reason, now=now),
            attempts=ATTEMPTS,
        )
        return Made(block_id, decided.position)

    async def unblock(self, account_id: UUID, block_id: UUID, *, asked: Asked) -> Position:
        """Lift one block; others stay. Raises NotFound, also where it is over."""
        now = self.business_time.now()
        return await self._end(account_id, asked, lambda it: it.unblock(block_id, now=now))

    async def _end(
        self, account_id: UUID, asked: Asked, decision: Callable[[Account], Sequence[AccountEvent]]
    ) -> Position:
        decided = await self.records.decide(Account, account_id, asked, decision, attempts=ATTEMPTS)
        if not decided.facts:
            raise NotFound
        return decided.position
