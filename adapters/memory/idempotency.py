"""Idempotency keys in memory."""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from time import monotonic
from uuid import UUID, uuid4

from application.ports.idempotency import KEPT_HOURS, Answer, Attempt, IdempotencyKeyReused, RequestInProgress

HOUR_SECONDS = 3_600


@dataclass
class _Kept:
    request: bytes
    attempt: Attempt
    leased_until: float
    expires_at: float
    answer: Answer | None = None


class MemoryKeptAnswers:
    """`clock` gives seconds that never run back."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._kept: dict[bytes, _Kept] = {}

    async def begin(
        self, account_id: UUID, *, method: str, path: str, key: str, request: bytes, lease_seconds: float
    ) -> Attempt | Answer:
        now, digest = self._clock(), sha256(f"{account_id} {method} {path} {key}".encode()).digest()
        seed, until = uuid4(), now + KEPT_HOURS * HOUR_SECONDS
        if (kept := self._kept.get(digest)) is not None and kept.expires_at > now:
            if kept.request != request:
                raise IdempotencyKeyReused
            if kept.answer is not None:
                return kept.answer
            if kept.leased_until > now:
                raise RequestInProgress
            seed, until = kept.attempt.seed, kept.expires_at
        attempt = Attempt(account_id=account_id, digest=digest, holder=uuid4(), seed=seed)
        self._kept[digest] = _Kept(request, attempt, now + lease_seconds, until)
        return attempt

    async def renew(self, attempt: Attempt, *, lease_seconds: float) -> None:
        if (mine := self._mine(attempt)) is not None:
            mine.leased_until = self._clock() + lease_seconds

    async def keep(self, attempt: Attempt, answer: Answer) -> None:
        if (mine := self._mine(attempt)) is not None:
            mine.answer = answer

    async def release(self, attempt: Attempt) -> None:
        await self.renew(attempt, lease_seconds=0.0)

    def _mine(self, attempt: Attempt) -> _Kept | None:
        kept = self._kept.get(attempt.digest)
        return kept if kept is not None and kept.attempt == attempt and kept.answer is None else None
