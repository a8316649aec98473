"""Answers kept for those who ask the same again under the same key, for 24 hours of real time."""

from typing import Protocol
from uuid import UUID

import msgspec

KEPT_HOURS = 24


class Answer(msgspec.Struct, frozen=True):
    """What somebody was answered: the status, the headers that matter, and the body."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """A request that is to be carried out now, by its holder alone."""

    account_id: UUID
    digest: bytes
    holder: UUID
    seed: UUID
    """The same for every attempt under this key: what is derived from it is made once, however often it is tried."""


class IdempotencyKeyReused(Exception):
    """This key was used for another request; use a new one."""


class RequestInProgress(Exception):
    """The same request is being carried out; ask again for its answer."""

    retry_after_seconds = 1


class KeptAnswers(Protocol):
    """What is kept is encrypted under the caller's own key, and unreadable once that is shredded."""

    async def begin(
        self, account_id: UUID, *, method: str, path: str, key: str, request: bytes, lease_seconds: float
    ) -> Attempt | Answer:
        """The attempt that the caller is to carry out, or what came of an earlier one.

        An attempt whose holder has not been heard of for the length of its lease is another's to take over.

        Raises IdempotencyKeyReused, RequestInProgress.
        """
        ...

    async def renew(self, attempt: Attempt, *, lease_seconds: float) -> None:
        """It is still under way."""
        ...

    async def keep(self, attempt: Attempt, answer: Answer) -> None:
        """It is done. Changes nothing where another has taken the attempt over."""
        ...

    async def release(self, attempt: Attempt) -> None:
        """Nothing final came of it: the same request may be tried anew at once, another one may not."""
        ...


class SealedAnswers(Protocol):
    """The same as their table has them."""

    async def opened(self, account_id: UUID, digest: bytes, sealed: bytes) -> Answer | None:
        """What was kept in a row; None once its person has been erased. Raises SealBroken."""
        ...
