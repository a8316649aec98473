"""Plans: shown to everybody, made by admins."""

from typing import Annotated

import msgspec
from litestar import Controller, Response, get, post
from litestar.params import JSONBody

from application.errors import ProviderRefused, ProviderUnavailable
from application.plans import NewPlan, PriceTaken
from domain.plan.plan import PrepaidNeedsDuration, PriceDoesNotMatch
from domain.shared.money import Money
from domain.shared.plan_terms import Interval
from entrypoints.http.authentication import ByRequest, SignedInAs
from entrypoints.http.given import GivenPlans
from entrypoints.http.paging import INVALID_CURSOR, Cursor, Limit, Page, page_of, position_after
from entrypoints.http.positions import at
from entrypoints.http.texts import NO_NUL, Line, Prose, Word
from entrypoints.http.views import CreatedPlanView, PlanView, created_plan_view, plan_view

PriceId = Annotated[str, msgspec.Meta(min_length=1, max_length=255, pattern=NO_NUL, examples=[None])]


class PlanToMake(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`duration_days` belongs to a plan that is bought once, and to no other."""

    name: Annotated[Line, msgspec.Meta(examples=["Standard"])]
    description: Prose = ""
    price: Money
    interval: Interval
    features: Annotated[tuple[Word, ...], msgspec.Meta(max_length=20)] = ()
    trial_days: Annotated[int, msgspec.Meta(ge=0, le=730, examples=[0])] = 0
    duration_days: Annotated[int, msgspec.Meta(ge=1, le=3660)] | None = None
    stream_limit: Annotated[int, msgspec.Meta(ge=1, le=100)] | None = None
    max_height: Annotated[int, msgspec.Meta(ge=240, le=4320)] | None = None
    stripe_price_id: PriceId | None = None


class PlanController(Controller):
    path = "/plans"
    tags = ("Plans",)

    @get(operation_id="list_plans", summary="What may be bought", refuses=(INVALID_CURSOR,))
    async def listing(self, plans: GivenPlans, limit: Limit = 20, cursor: Cursor = None) -> Page[PlanView]:
        """The newest first."""
        offers = await plans.page(before=position_after(cursor), limit=limit + 1)
        return page_of(offers, limit, view=plan_view, key=lambda offer: offer.created_position)


class AdminPlanController(Controller):
    path = "/admin/plans"
    tags = ("Plans",)
    guards = (SignedInAs("admin"),)

    @post(
        operation_id="create_plan",
        summary="Make a plan",
        refuses=(PrepaidNeedsDuration, PriceDoesNotMatch, PriceTaken, ProviderRefused, ProviderUnavailable),
    )
    async def create(
        self, data: JSONBody[PlanToMake], plans: GivenPlans, asked: ByRequest
    ) -> Response[CreatedPlanView]:
        """Its price is made at Stripe, unless one is named that is there already."""
        created = await plans.create(_new_plan(data), asked)
        return at(created.position, created_plan_view(created.plan))


def _new_plan(body: PlanToMake) -> NewPlan:
    return NewPlan(
        name=body.name,
        description=body.description,
        price=body.price,
        interval=body.interval,
        features=body.features,
        trial_days=body.trial_days,
        duration_days=body.duration_days,
        stream_limit=body.stream_limit,
        max_height=body.max_height,
        price_id=body.stripe_price_id,
    )
