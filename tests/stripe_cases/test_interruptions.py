"""What the times of deliveries do not tell: a late answer, a killed worker, a payment that a case leaves out."""

import asyncio

import pytest

from tests.stripe_cases.case import Delivery, orders, told
from tests.stripe_cases.shop import INBOX, Shop
from tests.stripe_cases.story import Story, new_story

pytestmark = pytest.mark.anyio

PATIENCE_SECONDS = 10


@pytest.mark.parametrize("lease", ["runs out", "holds"])
async def test_an_answer_from_before_the_change_does_not_outweigh_the_change(shop: Shop, lease: str) -> None:
    """005: the first worker asks before the change, and its answer comes after what the second was told."""
    story = await new_story(shop, "005", f"late{lease.replace(' ', '')}")
    await story.begin()
    first, second = story.case.deliveries
    assert first.fetch_at is not None
    assert first.commit_at is not None

    await story.at(first.fetch_at)
    held = shop.truth.hold()
    await story.send(first)
    await asyncio.wait_for(held.asked.wait(), PATIENCE_SECONDS)
    story.move(second.at)
    if lease == "runs out":
        await shop.leases_run_out(story.run)
    await story.send(second)
    if lease == "runs out":
        await done(shop, story, [first, second])
    story.move(first.commit_at)
    held.released.set()

    await shop.settled(story.run)
    await story.finish(story.case.deliveries)


@pytest.mark.parametrize("number", ["001", "044"])
async def test_what_a_killed_worker_was_settling_is_settled_by_the_next(shop: Shop, number: str) -> None:
    """Killed between the question and the commit, with its lease; Stripe need not send anything again."""
    story = await new_story(shop, number, f"killed{number}")
    await story.begin()
    last = story.case.deliveries[-1]
    await story.at(last.at)
    held, questions = shop.truth.hold(), shop.truth.questions

    await story.send(last)
    await asyncio.wait_for(held.asked.wait(), PATIENCE_SECONDS)
    await shop.workers.kill()
    held.released.set()
    assert [row[1] for row in await shop.look(INBOX, story.run)] == ["received"]
    asked_once = shop.truth.questions
    await shop.leases_run_out(story.run)
    shop.workers.start()

    await shop.settled(story.run)
    assert shop.truth.questions > asked_once > questions
    await story.finish([last])


async def test_a_dispute_is_linked_through_its_payment(shop: Shop) -> None:
    """053 leaves the payment out, which Stripe keeps for ever; with it the case is as any other."""
    for place in range(len(list(orders(told("053", run="r0"))))):
        story = await new_story(shop, "053", f"shown{place}")
        [customer] = story.case.bindings
        payment = {"id": f"pi_A_1_{story.run}", "object": "payment_intent", "customer": customer, "created": 0}
        shop.truth.tell(story.case, also=[payment])

        await story.play(list(orders(story.case))[place])


async def done(shop: Shop, story: Story, deliveries: list[Delivery]) -> None:
    """Wait until the inbox says so, whoever else is still asking."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while [row[1] for row in await shop.look(INBOX, story.run)] != ["done"] * len(deliveries):
            await asyncio.sleep(0.005)
