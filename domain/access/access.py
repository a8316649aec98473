"""May this person watch this at that moment, and which facts say so: one pure function."""

from collections.abc import Iterator
from datetime import datetime
from typing import Literal

import msgspec
from msgspec.structs import replace

from domain.access.by_hand import Grant, way_out
from domain.access.deciding import Deciding
from domain.access.prepaid import Bought, PrepaidTerm, bought
from domain.access.standing import Standing, Term
from domain.account.erasure import ErasureRequested
from domain.shared.fact import Refusal
from domain.subscription.facts import RevokedFor
from domain.subscription.truth import PAID

Reason = Literal[
    "free",
    "subscription",
    "grace",
    "trial",
    "prepaid",
    "grant",
    "no_subscription",
    "payment_pending",
    "payment_failed",
    "ended",
    "paused",
    "blocked",
    "feature_missing",
    "refunded",
    "disputed",
]


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """The answer: whether, why, until when, and on which facts it rests."""

    granted: bool
    reason: Reason
    until: datetime | None
    """The moment at which playback stops if nothing more is heard; None where there is no end, or no access."""
    features: tuple[str, ...]
    deciding: tuple[Deciding, ...]
    otherwise: str
    """In words: what would change the answer."""


class Requirement(msgspec.Struct, frozen=True):
    """What a video asks of its viewer; `feature` None: any plan will do."""

    free: bool = False
    feature: str | None = None


ANY_PLAN = Requirement()

GIVEN_BACK: dict[RevokedFor, str] = {
    "refunded": "The payment was refunded; the next one that is paid would open it again.",
    "disputed": "The payment is disputed; winning the dispute, or the next payment, would open it again.",
}


class SubscriptionRequired(Refusal):
    """The viewer has no access to this video; `more["access"]` says why."""


class PlanUpgradeRequired(Refusal):
    """The viewer's plan does not give the feature that this video needs."""


class AccountBlocked(Refusal):
    """The account is disabled or blocked."""


Part = Term | Bought | Grant
"""What may give access by itself."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What one term alone says."""

    granted: bool
    reason: Reason
    until: datetime | None
    otherwise: str


def decide(standing: Standing | None, required: Requirement, now: datetime) -> Access:
    """The best that any of the account's terms, purchases and grants gives; what blocks it outweighs them all."""
    return weigh(standing, required, now)[0]


def weigh(standing: Standing | None, required: Requirement, now: datetime) -> tuple[Access, list[Part]]:
    """As `decide`, with all that gives access to something; nothing where none of it is what decides."""
    if standing is not None and (blocked := _blocked(standing, now)):
        return blocked, []
    if required.free:
        return _granted("free", None, "It is free for everybody."), []
    if standing is None or not (standing.terms or standing.prepaid or standing.grants):
        return _refused("no_subscription", "A subscription to any plan that has it would open it."), []
    judged = [(judge(part, now), part) for part in parts(standing, required.feature)]
    granting = [(verdict, term) for verdict, term in judged if verdict.granted]
    if not granting:
        verdict, term = _nearest(judged, now)
        return _refused(verdict.reason, verdict.otherwise, deciding=_facts(term)), []
    return _best(granting, required, now), [term for _, term in granting]


def _best(granting: list[tuple[Verdict, Part]], required: Requirement, now: datetime) -> Access:
    """Of all that gives access to something."""
    giving = [(verdict, term) for verdict, term in granting if required.feature in {None, *term.features}]
    if not giving:
        return _feature_missing(granting, required)
    verdict, term = max(giving, key=lambda pair: (pair[0].until or now, _heard_of(pair[1])))
    return _granted(
        verdict.reason, verdict.until, verdict.otherwise, features=_features(granting), deciding=_facts(*_chain(term))
    )


def _blocked(standing: Standing, now: datetime) -> Access | None:
    """An account may be disabled and blocked, several times over: each of it is enough."""
    blocks = [block for block in standing.blocks.values() if block.in_force(now)]
    disabled = [standing.disabled] if standing.disabled else []
    if not (disabled or blocks):
        return None
    if standing.disabled and standing.disabled.type == ErasureRequested.tag():
        return _refused("blocked", "Nothing: the account has been erased.", deciding=(standing.disabled,))
    ways_out = ["Support can enable the account again."] if disabled else []
    ways_out += [way_out(blocks)] if blocks else []
    facts = sorted([*disabled, *(block.fact for block in blocks)], key=lambda fact: fact.position)
    return _refused("blocked", " ".join(ways_out), deciding=tuple(facts))


def parts(standing: Standing, feature: str | None = None) -> Iterator[Part]:
    """Its grants, its purchases, and its terms with all that is in these."""
    yield from standing.grants.values()
    yield from bought(standing.prepaid, feature)
    for term in standing.terms.values():
        yield from terms_in(term)


def terms_in(term: Term) -> Iterator[Term]:
    """The term, and what its subscription gives beside the plan as if it were terms of their own."""
    yield _with_its_money(term)
    for further in term.further:
        part = replace(
            term,
            price_id=further.price_id,
            plan_id=further.plan_id,
            plan_name=further.plan_name,
            features=further.features,
            stream_limit=further.stream_limit,
            max_height=further.max_height,
            period_end=further.period_end,
            lease_until=further.lease_until,
        )
        yield _with_its_money(part)


def _with_its_money(term: Term) -> Term:
    """The fact on it is one of those that decide."""
    back = term.went_back.get(term.price_id)
    return replace(term, facts={**term.facts, "money": back.fact}) if back else term


def judge(term: Part, now: datetime) -> Verdict:
    """What one subscription, purchase or grant gives at a moment; what is not understood gives nothing."""
    if isinstance(term, Grant):
        return _by_hand(term, now)
    if isinstance(term, Bought):
        return _bought(term, now)
    if term.started_at > now:
        return _no("no_subscription", "The subscription had not started yet.")
    if term.ended_at is not None and term.ended_at <= now:
        return _no("ended", "A new subscription would open it again.")
    if term.plan_dropped:
        return _no(
            "no_subscription", "The subscription is to no plan any more; changing it to one would open it again."
        )
    if term.revoked is not None:
        return _no(term.revoked, GIVEN_BACK[term.revoked])
    if term.collection_denies:
        return _no("paused", "Its payments are paused by whoever sells it; when they go on, it opens again.")
    if term.status == "paused":
        return _no("paused", "Resuming the subscription would open it again.")
    if term.status == "past_due":
        return _in_grace(term, now)
    if term.status in PAID:
        return _paid(term, now)
    if term.status == "incomplete":
        return _no("payment_pending", "Completing the first payment would open it.")
    if term.status == "unpaid":
        return _no("payment_failed", "Paying the open invoice would open it again.")
    return _no("ended", "A new subscription would open it again.")


def _by_hand(grant: Grant, now: datetime) -> Verdict:
    if now >= grant.until:
        return _no("ended", "A subscription, or another grant by support, would open it again.")
    otherwise = "It was granted by hand, and stops then unless a subscription or another grant goes on."
    return Verdict(granted=True, reason="grant", until=grant.until, otherwise=otherwise)


def _paid(term: Term, now: datetime) -> Verdict:
    if now >= term.lease_until:
        return _no("ended", "A new subscription would open it again.")
    if term.status == "trialing":
        return Verdict(
            granted=True, reason="trial", until=_stop(term), otherwise="It stops when the trial is not paid."
        )
    if term.ends_at is not None:
        otherwise = "It was cancelled; resuming it before its end would keep it."
        return Verdict(granted=True, reason="subscription", until=_stop(term), otherwise=otherwise)
    otherwise = "It goes on with each renewal, and stops when one fails or it is cancelled."
    return Verdict(granted=True, reason="subscription", until=_stop(term), otherwise=otherwise)


def _in_grace(term: Term, now: datetime) -> Verdict:
    """An announced end and the lease outweigh grace."""
    if term.grace_until is None or now >= term.grace_until or now >= term.lease_until:
        return _no("payment_failed", "Paying the open invoice would open it again.")
    until = min(term.grace_until, _stop(term))
    return Verdict(granted=True, reason="grace", until=until, otherwise="Paying the open invoice would keep it.")


def _stop(term: Term) -> datetime:
    """When access stops if nothing more is heard; an end already known comes first."""
    return min(term.lease_until, term.ended_at) if term.ended_at else term.lease_until


def _bought(part: Bought, now: datetime) -> Verdict:
    """Paid in full for its days, so that it needs no slack."""
    if part.span.starts_at > now:
        return _no("no_subscription", "What was bought had not begun yet.")
    if part.revoked is not None:
        return _no(part.revoked, "The payment went back; buying it again would open it again.")
    if part.span.ends_at <= now:
        return _no("ended", "Buying it again, or a subscription, would open it again.")
    otherwise = "It was bought until then; bought again in the 30 days before, it goes on."
    return Verdict(granted=True, reason="prepaid", until=part.until, otherwise=otherwise)


def _nearest(judged: list[tuple[Verdict, Part]], now: datetime) -> tuple[Verdict, Part]:
    """A refusal is explained by what lives, else by what was heard of last; by a grant only where nothing else is."""
    return max(judged, key=lambda pair: (not isinstance(pair[1], Grant), lives(pair[1], now), _heard_of(pair[1])))


def lives(part: Part, now: datetime) -> bool:
    """Whether it is a subscription that has begun and is not over: one that gives nothing may be made to give again."""
    return isinstance(part, Term) and part.started_at <= now and (part.ended_at is None or now < part.ended_at)


def _heard_of(term: Part) -> int:
    """Where its newest fact is; no two terms have the same, so it never matters in which order they are kept."""
    return max(fact.position for fact in term.facts.values())


def _chain(part: Part) -> list[Part | PrepaidTerm]:
    """What an answer rests on that is granted: until when, a purchase that follows may say."""
    return [part, *part.following] if isinstance(part, Bought) else [part]


def _feature_missing(granting: list[tuple[Verdict, Part]], required: Requirement) -> Access:
    deciding = _facts(*(term for _, term in granting))
    otherwise = f"A plan that gives “{required.feature}” would open it."
    return _refused("feature_missing", otherwise, features=_features(granting), deciding=deciding)


def _features(granting: list[tuple[Verdict, Part]]) -> tuple[str, ...]:
    return tuple(sorted({feature for _, term in granting for feature in term.features}))


def _facts(*terms: Part | PrepaidTerm) -> tuple[Deciding, ...]:
    return tuple(sorted((fact for term in terms for fact in term.facts.values()), key=lambda fact: fact.position))


def _no(reason: Reason, otherwise: str) -> Verdict:
    return Verdict(granted=False, reason=reason, until=None, otherwise=otherwise)


def _granted(
    reason: Reason,
    until: datetime | None,
    otherwise: str,
    *,
    features: tuple[str, ...] = (),
    deciding: tuple[Deciding, ...] = (),
) -> Access:
    return Access(granted=True, reason=reason, until=until, features=features, deciding=deciding, otherwise=otherwise)


def _refused(
    reason: Reason, otherwise: str, *, features: tuple[str, ...] = (), deciding: tuple[Deciding, ...] = ()
) -> Access:
    return Access(granted=False, reason=reason, until=None, features=features, deciding=deciding, otherwise=otherwise)
