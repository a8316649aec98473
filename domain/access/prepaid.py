"""What was bought for a number of days, as far as access is concerned."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Literal, assert_never, get_args
from uuid import UUID

import msgspec
from msgspec.structs import replace

from domain.access.deciding import Deciding, deciding
from domain.access.gives import gives
from domain.prepaid.facts import (
    PrepaidBought,
    PrepaidDuplicated,
    PrepaidEvent,
    PrepaidMoved,
    PrepaidRestored,
    PrepaidRevoked,
    RevokedFor,
    Span,
)

PREPAID_FACTS: tuple[type[PrepaidEvent], ...] = get_args(PrepaidEvent)

Aspect = Literal["bought", "moved", "money"]


class PrepaidTerm(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One purchase; `span` is None where it gives nothing, since there was enough left of another one."""

    purchase_id: UUID
    plan_id: UUID
    plan_name: str
    features: tuple[str, ...]
    stream_limit: int | None = None
    max_height: int | None = None
    span: Span | None = None
    revoked: RevokedFor | None = None
    facts: dict[Aspect, Deciding] = {}
    """The newest fact on each aspect."""

    @property
    def counts(self) -> Span | None:
        """When it gives access."""
        return self.span if self.revoked is None else None


PrepaidTerms = Mapping[str, PrepaidTerm]
"""By the ids of the purchases."""


def with_purchase(terms: PrepaidTerms, fact: PrepaidEvent) -> dict[str, PrepaidTerm]:
    """The terms after one more fact."""
    return {**terms, str(fact.purchase_id): _purchase(terms.get(str(fact.purchase_id)), fact)}


def _purchase(term: PrepaidTerm | None, fact: PrepaidEvent) -> PrepaidTerm:
    if isinstance(fact, PrepaidBought | PrepaidDuplicated):
        return PrepaidTerm(
            purchase_id=fact.purchase_id,
            **gives(fact.plan),
            span=fact.span if isinstance(fact, PrepaidBought) else None,
            facts={"bought": deciding(fact)},
        )
    assert term is not None, "a purchase is bought first"
    match fact:
        case PrepaidMoved():
            return replace(term, span=fact.after, facts={**term.facts, "moved": deciding(fact)})
        case PrepaidRevoked():
            return replace(term, revoked=fact.why, facts={**term.facts, "money": deciding(fact)})
        case PrepaidRestored():
            return replace(term, revoked=None, facts={**term.facts, "money": deciding(fact)})
        case _:
            assert_never(fact)


def prepaid_until(terms: PrepaidTerms) -> datetime | None:
    """The end of all that was bought; None where nothing counts."""
    return max((span.ends_at for term in terms.values() if (span := term.counts) is not None), default=None)


class Bought(msgspec.Struct, frozen=True, kw_only=True):
    """What one purchase gives, and until when it goes on with those that follow it."""

    purchase_id: UUID
    plan_id: UUID
    features: tuple[str, ...]
    stream_limit: int | None
    max_height: int | None
    span: Span
    until: datetime
    revoked: RevokedFor | None
    facts: Mapping[Aspect, Deciding]
    following: tuple[PrepaidTerm, ...]
    """Those that it goes on with."""


def bought(terms: PrepaidTerms, feature: str | None = None) -> Iterator[Bought]:
    """The purchases that give something; who wants a feature does not count on a following one that lacks it."""
    by_start = {
        span.starts_at: term
        for term in terms.values()
        if (span := term.counts) is not None and feature in {None, *term.features}
    }
    for term in terms.values():
        if term.span is not None:
            chain = _chain(term, by_start)
            yield Bought(
                purchase_id=term.purchase_id,
                plan_id=term.plan_id,
                features=term.features,
                stream_limit=term.stream_limit,
                max_height=term.max_height,
                span=term.span,
                until=max(each.span.ends_at for each in chain if each.span),
                revoked=term.revoked,
                facts=term.facts,
                following=tuple(chain[1:]),
            )


def _chain(first: PrepaidTerm, by_start: Mapping[datetime, PrepaidTerm]) -> list[PrepaidTerm]:
    """A purchase, and those that begin where the one before ends; one that is revoked is followed by none."""
    chain = [first]
    while (span := chain[-1].counts) is not None and (following := by_start.get(span.ends_at)) is not None:
        chain.append(following)
    return chain
