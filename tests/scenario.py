"""Given these facts, when this is decided, then these facts follow: the one shape of a test of the domain."""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import pytest

from application.recall import Aggregate
from domain.shared.fact import Fact, Refusal

S = TypeVar("S")


class Decided:
    """A decision that has yet to be taken, and what is expected of it."""

    def __init__(self, take: Callable[[], Sequence[Fact]]) -> None:
        self._take = take

    def then(self, *facts: Fact) -> None:
        assert list(self._take()) == list(facts)

    def then_nothing(self) -> None:
        self.then()

    def then_refused(self, refusal: type[Refusal]) -> Refusal:
        """The refusal, for what else it says."""
        with pytest.raises(refusal) as refused:
            self._take()
        return refused.value


class Given(Generic[S]):
    """An aggregate with a past."""

    def __init__(self, state: S) -> None:
        self._state = state

    def when(self, decision: Callable[[S], Sequence[Fact]]) -> Decided:
        return Decided(lambda: decision(self._state))


def given(aggregate: type[Aggregate[S]], *facts: Fact) -> Given[S]:
    """An aggregate folded from facts that have happened to it, at least one."""
    return Given(folded(aggregate, *facts))


def nothing_yet() -> Given[None]:
    """Before the first fact."""
    return Given(None)


def folded(aggregate: type[Aggregate[S]], *facts: Fact) -> S:
    """The state after these facts."""
    state: S | None = None
    for fact in facts:
        state = aggregate.evolve(state, fact)
    assert state is not None, "a story begins with a fact"
    return state
