"""An aggregate back from its facts, a decision on it, and the append; decided again when the stream moved."""

from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from typing import Any, Generic, Protocol, TypeVar, get_args, get_type_hints
from uuid import UUID

import msgspec
from msgspec.structs import replace

from application.errors import NotFound
from application.ports.ledger import GuardedRow, Ledger, Position, StreamMoved, Write
from application.ports.world import Identifiers
from domain.shared.fact import Actor, Cause, Fact
from domain.shared.identity import derived_id

S = TypeVar("S", covariant=True)
F = TypeVar("F", bound=Fact)

ATTEMPTS = 4
ATTEMPTS_TO_NOTE = 100
"""For what has happened already, and must only be written down: one of all who write at once always gets through."""


class Aggregate(Protocol[S]):
    """Anything that is folded from facts."""

    @classmethod
    def evolve(cls, state: Any, fact: Any) -> S: ...


@cache
def kinds_of(aggregate: type[Aggregate[Any]]) -> tuple[type[Fact], ...]:
    """The facts that an aggregate is folded from, as its `evolve` names them."""
    named = get_type_hints(aggregate.evolve)["fact"]
    return get_args(named) or (named,)


class Asked(msgspec.Struct, frozen=True):
    """Who asks, and by what: it goes into every fact that follows."""

    actor: Actor
    cause: Cause
    seed: UUID | None = None
    """Of a request that names an idempotency key: the same whenever it is tried again."""

    def new_id(self, of: str, identifiers: Identifiers) -> UUID:
        """For the one thing of its kind that the request makes: tried again under its key it makes the same one."""
        return derived_id(of, self.seed) if self.seed else identifiers.new()


class Recalled(msgspec.Struct, Generic[S], frozen=True):
    """The state of a stream and its version; no facts, no state."""

    stream: UUID
    state: S | None
    version: int

    def existing(self) -> S:
        """The state of what must exist. Raises NotFound."""
        if self.state is None:
            raise NotFound
        return self.state


class Decided(msgspec.Struct, frozen=True):
    """What came of a decision: where the ledger stands after it, and the facts that it recorded."""

    position: Position
    facts: Sequence[Fact]


class Records(msgspec.Struct, frozen=True):
    """Recall, decide, append: what all use cases have in common."""

    ledger: Ledger
    identifiers: Identifiers

    async def recall(self, aggregate: type[Aggregate[S]], stream: UUID) -> Recalled[S]:
        """No state, where there are no facts, or the id is that of something else: a client may confuse the two."""
        facts = await self.ledger.read(stream)
        state: S | None = None
        if facts and not isinstance(facts[0], kinds_of(aggregate)):
            return Recalled(stream, None, len(facts))
        for fact in facts:
            state = aggregate.evolve(state, fact)
        return Recalled(stream, state, len(facts))

    async def append(
        self, asked: Asked, *writes: tuple[Recalled[Any], Sequence[Fact]], rows: Sequence[GuardedRow] = ()
    ) -> Decided:
        """Record what was decided on recalled streams, and by whom; with nothing to record, where the ledger stands."""
        attributed = [
            Write(recalled.stream, recalled.version, [self._attributed(fact, asked) for fact in facts])
            for recalled, facts in writes
            if facts
        ]
        if not attributed and not rows:
            return Decided(await self.ledger.head(), ())
        position = await self.ledger.append(*attributed, rows=rows)
        return Decided(position, [fact for write in attributed for fact in write.facts])

    def _attributed(self, fact: F, asked: Asked) -> F:
        return replace(fact, fact_id=self.identifiers.new(), actor=asked.actor, cause=asked.cause)

    async def decide(
        self,
        aggregate: type[Aggregate[S]],
        stream: UUID,
        asked: Asked,
        decision: Callable[[S], Sequence[Fact]],
        *,
        attempts: int = ATTEMPTS,
    ) -> Decided:
        """Decide on one existing stream, again when it moved. Raises NotFound, a Refusal, or StreamMoved at the end."""

        async def once() -> Decided:
            recalled = await self.recall(aggregate, stream)
            return await self.append(asked, (recalled, decision(recalled.existing())))

        return await again_when_moved(once, attempts=attempts)

    async def note(
        self,
        aggregate: type[Aggregate[S]],
        stream: UUID,
        asked: Asked,
        decision: Callable[[S], Sequence[Fact]],
    ) -> Decided:
        """Decide on what became of something outside: there is nobody who could be told to try again."""
        return await self.decide(aggregate, stream, asked, decision, attempts=ATTEMPTS_TO_NOTE)


T = TypeVar("T")


async def again_when_moved(once: Callable[[], Awaitable[T]], *, attempts: int = ATTEMPTS) -> T:
    """Read, decide and append anew while others write to the same stream; so many times at most, 4 unless told."""
    for _ in range(attempts - 1):
        try:
            return await once()
        except StreamMoved:
            continue
    return await once()
