"""Plans: shown to everybody, made and changed by admins."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, Response, get, patch, post
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, UnsetType

from application.errors import NotFound, ProviderRefused, ProviderUnavailable
from application.plans import NewPlan, PlanChange, PriceTaken
from application.ports.ledger import StreamMoved
from domain.plan.plan import PrepaidHasNoTrial, PrepaidNeedsDuration, PriceDoesNotMatch
from domain.shared.money import Money
from domain.shared.plan_terms import Interval
from entrypoints.http.authentication import ByRequest, SignedInAs
from entrypoints.http.given import GivenPlans
from entrypoints.http.idempotency import Idempotent
from entrypoints.http.paging import INVALID_CURSOR, Cursor, Limit, Page, page_of, position_after
from entrypoints.http.positions import at
from entrypoints.http.texts import NO_NUL, Line, Prose, Word
from entrypoints.http.views import AdminPlanView, PlanView, admin_plan_view, plan_view

Name = Annotated[Line, msgspec.Meta(examples=["Standard"])]
Features = Annotated[tuple[Word, ...], msgspec.Meta(max_length=20)]
TrialDays = Annotated[int, msgspec.Meta(ge=0, le=730, examples=[0])]
DurationDays = Annotated[int, msgspec.Meta(ge=1, le=3660)]
StreamLimit = Annotated[int, msgspec.Meta(ge=1, le=100)]
Height = Annotated[int, msgspec.Meta(ge=144, le=4320)]
PriceId = Annotated[str, msgspec.Meta(min_length=1, max_length=255, pattern=NO_NUL, examples=[None])]


class PlanToMake(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`duration_days` belongs to a plan that is bought once, and to no other."""

    name: Name
    description: Prose = ""
    price: Money
    interval: Interval
    features: Features = ()
    trial_days: TrialDays = 0
    duration_days: DurationDays | None = None
    stream_limit: StreamLimit | None = None
    max_height: Height | None = None
    stripe_price_id: PriceId | None = None


class PlanToChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is left out stays as it is; a limit that is null is none. `active` false: it is not sold any more."""

    name: Name | UnsetType = UNSET
    description: Prose | UnsetType = UNSET
    price: Money | UnsetType = UNSET
    features: Features | UnsetType = UNSET
    trial_days: TrialDays | UnsetType = UNSET
    stream_limit: StreamLimit | UnsetType | None = UNSET
    max_height: Height | UnsetType | None = UNSET
    active: bool | UnsetType = UNSET
    stripe_price_id: PriceId | UnsetType = UNSET


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
        middleware=(Idempotent,),
        refuses=(
            PrepaidHasNoTrial,
            PrepaidNeedsDuration,
            PriceDoesNotMatch,
            PriceTaken,
            ProviderRefused,
            ProviderUnavailable,
        ),
    )
    async def create(self, data: JSONBody[PlanToMake], plans: GivenPlans, asked: ByRequest) -> Response[AdminPlanView]:
        """Its price is made at Stripe, unless one is named that is there already."""
        created = await plans.create(_new_plan(data), asked)
        return at(created.position, admin_plan_view(created.plan))

    @patch(
        "/{plan_id:uuid}",
        operation_id="change_plan",
        summary="Change a plan",
        refuses=(
            NotFound,
            PrepaidHasNoTrial,
            PriceDoesNotMatch,
            PriceTaken,
            ProviderRefused,
            ProviderUnavailable,
            StreamMoved,
        ),
    )
    async def change(
        self, plan_id: FromPath[UUID], data: JSONBody[PlanToChange], plans: GivenPlans, asked: ByRequest
    ) -> Response[AdminPlanView]:
        """A new price is made at Stripe, unless one is named that is there already; who pays an older one goes on so.

        The amount that it has makes a new price as well, where the one that is sold was archived at Stripe.
        What the plan gives reaches its subscribers when Stripe is asked about them next, at the latest by the nightly
        sweep; what was bought for a number of days stays as it was bought.
        """
        changed = await plans.change(plan_id, _plan_change(data), asked)
        return at(changed.position, admin_plan_view(changed.plan))


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


def _plan_change(body: PlanToChange) -> PlanChange:
    return PlanChange(
        name=body.name,
        description=body.description,
        price=body.price,
        features=body.features,
        trial_days=body.trial_days,
        stream_limit=body.stream_limit,
        max_height=body.max_height,
        active=body.active,
        price_id=body.stripe_price_id,
    )
