"""What a plan gives to whoever has it, in the words that all that gives access has in common."""

from typing import TypedDict
from uuid import UUID

from domain.shared.plan_terms import PlanTerms


class Gives(TypedDict):
    """As `PlanTerms` says."""

    plan_id: UUID
    plan_name: str
    features: tuple[str, ...]
    stream_limit: int | None
    max_height: int | None


def gives(plan: PlanTerms) -> Gives:
    return Gives(
        plan_id=plan.plan_id,
        plan_name=plan.name,
        features=plan.features,
        stream_limit=plan.stream_limit,
        max_height=plan.max_height,
    )
