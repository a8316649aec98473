"""Lives that chance makes up: whatever went wrong in them, access is what Stripe's own state and the policy say.

`STREAMLY_LIVES=2000` says how many (51 otherwise), `STREAMLY_LIVES_FROM=700` with which seed they begin. The name of a
test is its policy and its seed, so that `STREAMLY_LIVES_FROM=712 STREAMLY_LIVES=3 pytest tests/lives -k usual-712`
lives one again.
"""

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from tests.lives.gifts import GIFTS
from tests.lives.judgement import bring_to_an_end, judge
from tests.lives.life import Life, new_life
from tests.lives.oracle import Policy
from tests.lives.people import DOINGS, begin
from tests.lives.selling import SALES
from tests.lives.town import Town, running_town
from tests.lives.troubles import TROUBLES
from tests.postgres import Databases

pytestmark = pytest.mark.anyio

POLICIES = {
    "usual": Policy(),
    "strict": Policy(
        grace_days_past_due=3, lease_slack_days=1, pause_collection_grants=False, dispute_open_suspends=True
    ),
    "mild": Policy(grace_days_past_due=14, lease_slack_days=5, full_refund_revokes=False, dispute_lost_revokes=False),
}
LIVES = int(os.environ.get("STREAMLY_LIVES", "51"))
FROM = int(os.environ.get("STREAMLY_LIVES_FROM", "1"))
SEEDS = range(FROM, FROM + -(-LIVES // len(POLICIES)))
EVERYTHING = (
    "a worker was killed at",
    "a worker was cancelled at",
    "a sweep of customers was killed at",
    "a sweep of undelivered was killed at",
    "a sweep of undelivered was cancelled at",
    "'thin': True",
    "went on",
    "its lease ran out",
    "fails",
    "were swept",
    "all comes that was outstanding",
    "announced that it ends",
    "waits for its payment",
    "paused",
    "refunded",
    "failed: done",
    "lose lost",
    "trial",
    "and owes 2",
    " and Premium",
    "to Mug",
    "to Free",
    "gave a credit of",
    "gave time to",
    "void: done",
    "added ",
    "removed ",
    "made a plan of",
)


MOVES_MIN, MOVES_MAX = 8, 30
ENOUGH_LIVES = 45
"""So many that chance must have come by everything that matters."""


@dataclass
class Lived:
    """What the lives of this run had in them."""

    lives: int = 0
    granted: int = 0
    refused: int = 0
    tales: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def lived() -> Lived:
    return Lived()


@pytest.fixture(scope="module", params=POLICIES)
async def town(
    request: pytest.FixtureRequest,
    databases: Databases,
    template_database: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Town]:
    dsn = databases.clone(template_database)
    folder = tmp_path_factory.mktemp(request.param)
    async with running_town(dsn, folder, request.param, POLICIES[request.param]) as town:
        yield town
    databases.drop(dsn)


@pytest.mark.parametrize("seed", SEEDS)
async def test_access_is_what_stripe_and_the_policy_say(town: Town, seed: int, lived: Lived) -> None:
    async with new_life(town, seed) as life:
        try:
            await lead(life)
            await bring_to_an_end(life)
            judged = await judge(life)
        except BaseException as trouble:
            trouble.add_note("\n  ".join([f"{town.name}-{seed}:", *life.tale]))
            raise
    lived.lives += 1
    lived.granted += judged.granted
    lived.refused += judged.refused
    lived.tales += life.tale


async def lead(life: Life) -> None:
    await life.do(begin)
    moves = {**DOINGS, **SALES, **GIFTS, **TROUBLES}
    for move in life.rng.choices(list(moves), list(moves.values()), k=life.rng.randint(MOVES_MIN, MOVES_MAX)):
        await life.do(move)


def test_the_lives_had_everything_in_them(lived: Lived) -> None:
    """Else the test above would hold for want of trouble."""
    if lived.lives < ENOUGH_LIVES:
        pytest.skip("a few lives need not have everything in them")
    tales = "\n".join(lived.tales)

    missing = [word for word in EVERYTHING if word not in tales]

    assert missing == []
    assert lived.granted > lived.lives
    assert lived.refused > lived.lives
