"""Every case in every order that it allows: over HTTP, signed, to the whole service, with Stripe's truth beside it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.postgres import Databases
from tests.stripe_cases.case import Case, numbers, orders, told
from tests.stripe_cases.not_yet import NOT_YET
from tests.stripe_cases.shop import Shop, running_shop
from tests.stripe_cases.story import new_story

pytestmark = pytest.mark.anyio

USUAL = told("001", run="r0")
RUNS = (f"r{number}" for number in count(1))


def case_of(number: str) -> Any:
    marks = [pytest.mark.xfail(strict=True, reason=NOT_YET[number])] if number in NOT_YET else []
    return pytest.param(number, marks=marks, id=told(number, run="r0").id)


@pytest.mark.parametrize("number", [case_of(number) for number in numbers()])
async def test_access_is_what_stripe_and_the_policy_say(
    number: str, shop: Shop, databases: Databases, template_database: str, tmp_path: Path
) -> None:
    case = told(number, run="r0")
    async with shop_for(case, shop, databases, template_database, tmp_path) as chosen:
        wrong = await what_goes_wrong(chosen, number, len(list(orders(case))))
    if wrong is not None:
        raise wrong


async def what_goes_wrong(shop: Shop, number: str, count: int) -> AssertionError | None:
    """In the first of the orders that ends otherwise than the case says; told, since servers do not end well by it."""
    for place in range(count):
        story = await new_story(shop, number, next(RUNS))
        order = list(orders(story.case))[place]
        try:
            await story.play(order)
        except AssertionError as wrong:
            wrong.add_note(f"in the order {[delivery.event for delivery in order]}")
            return wrong
    return None


@asynccontextmanager
async def shop_for(
    case: Case, shop: Shop, databases: Databases, template_database: str, folder: Path
) -> AsyncIterator[Shop]:
    """Another one for another policy, and for a sweep, which asks about everybody."""
    if case.policy == USUAL.policy and not case.reconcile_at:
        yield shop
        return
    dsn = databases.clone(template_database)
    try:
        async with running_shop(dsn, folder, case.catalog, case.policy) as other:
            yield other
    finally:
        databases.drop(dsn)
