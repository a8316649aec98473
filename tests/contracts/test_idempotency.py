"""What kept answers keep to: run against PostgreSQL and in memory."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import psycopg
import pytest

from adapters.memory.idempotency import MemoryKeptAnswers
from adapters.memory.secrets import MemoryBlindIndex
from adapters.memory.vault import MemoryVault
from adapters.postgres.idempotency import PostgresKeptAnswers
from adapters.postgres.pool import new_pool
from adapters.postgres.retention import PostgresRetention
from application.errors import NotSignedIn
from application.ports.idempotency import Answer, Attempt, IdempotencyKeyReused, KeptAnswers, RequestInProgress

pytestmark = pytest.mark.anyio

GIVEN = Answer(201, (("content-type", "application/json"), ("ledger-position", "7")), b'{"id": "Anna\'s"}')


@pytest.fixture(params=["memory", "postgres"])
async def kept(request: pytest.FixtureRequest) -> AsyncIterator[KeptAnswers]:
    if request.param == "memory":
        yield MemoryKeptAnswers()
        return
    async with new_pool(request.getfixturevalue("module_database"), size=8) as pool:
        yield PostgresKeptAnswers(pool, MemoryVault(), MemoryBlindIndex())


@pytest.fixture
def anna() -> UUID:
    return uuid4()


async def begin(
    kept: KeptAnswers,
    account_id: UUID,
    *,
    method: str = "POST",
    path: str = "/v1/checkout",
    key: str = "k1",
    request: bytes = b"{}",
    lease_seconds: float = 60,
) -> Attempt | Answer:
    return await kept.begin(account_id, method=method, path=path, key=key, request=request, lease_seconds=lease_seconds)


async def attempt(kept: KeptAnswers, account_id: UUID, *, key: str = "k1", lease_seconds: float = 60) -> Attempt:
    begun = await begin(kept, account_id, key=key, lease_seconds=lease_seconds)
    assert isinstance(begun, Attempt)
    return begun


async def test_what_was_answered_is_answered_again(kept: KeptAnswers, anna: UUID) -> None:
    await kept.keep(await attempt(kept, anna), GIVEN)

    assert await begin(kept, anna) == GIVEN
    assert await begin(kept, anna) == GIVEN


async def test_a_key_is_its_accounts_its_methods_and_its_paths_alone(kept: KeptAnswers, anna: UUID) -> None:
    await kept.keep(await attempt(kept, anna), GIVEN)

    others = [
        await begin(kept, uuid4()),
        await begin(kept, anna, method="PUT"),
        await begin(kept, anna, path="/v1/checkout/other"),
        await begin(kept, anna, key="k2"),
    ]

    assert all(isinstance(other, Attempt) for other in others)


@pytest.mark.parametrize("done", [True, False])
async def test_another_request_under_the_same_key_is_refused(kept: KeptAnswers, anna: UUID, *, done: bool) -> None:
    first = await attempt(kept, anna)
    if done:
        await kept.keep(first, GIVEN)
    else:
        await kept.release(first)

    with pytest.raises(IdempotencyKeyReused):
        await begin(kept, anna, request=b'{"other": true}')


async def test_while_it_runs_it_is_not_begun_again(kept: KeptAnswers, anna: UUID) -> None:
    await attempt(kept, anna)

    with pytest.raises(RequestInProgress):
        await begin(kept, anna)


async def test_one_whose_holder_is_gone_goes_on_with_the_same_seed(kept: KeptAnswers, anna: UUID) -> None:
    killed = await attempt(kept, anna, lease_seconds=0.0)

    taken_over = await attempt(kept, anna)

    assert taken_over.seed == killed.seed
    assert taken_over.holder != killed.holder
    await kept.keep(killed, GIVEN)
    await kept.renew(killed, lease_seconds=0.0)
    await kept.release(killed)
    with pytest.raises(RequestInProgress):
        await begin(kept, anna)
    await kept.keep(taken_over, GIVEN)
    assert await begin(kept, anna) == GIVEN


async def test_who_is_heard_of_keeps_it(kept: KeptAnswers, anna: UUID) -> None:
    slow = await attempt(kept, anna, lease_seconds=0.3)
    await kept.renew(slow, lease_seconds=60)
    await asyncio.sleep(0.4)

    with pytest.raises(RequestInProgress):
        await begin(kept, anna)


async def test_one_that_is_let_go_is_tried_anew_with_the_same_seed(kept: KeptAnswers, anna: UUID) -> None:
    first = await attempt(kept, anna)
    await kept.release(first)

    assert (await attempt(kept, anna)).seed == first.seed


async def test_two_keys_have_two_seeds(kept: KeptAnswers, anna: UUID) -> None:
    assert (await attempt(kept, anna)).seed != (await attempt(kept, anna, key="k2")).seed


async def test_an_answer_that_was_given_stays(kept: KeptAnswers, anna: UUID) -> None:
    mine = await attempt(kept, anna)
    await kept.keep(mine, GIVEN)
    await kept.keep(mine, Answer(500, (), b"another"))
    await kept.release(mine)

    assert await begin(kept, anna) == GIVEN


async def test_of_fifty_at_once_one_carries_it_out(kept: KeptAnswers, anna: UUID) -> None:
    outcomes = await asyncio.gather(*(begin(kept, anna) for _ in range(50)), return_exceptions=True)

    assert sum(isinstance(outcome, Attempt) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, RequestInProgress) for outcome in outcomes) == 49


async def test_after_a_day_a_key_is_as_good_as_new(database: str, anna: UUID) -> None:
    async with new_pool(database) as pool:
        kept = PostgresKeptAnswers(pool, MemoryVault(), MemoryBlindIndex())
        first = await attempt(kept, anna)
        await kept.keep(first, GIVEN)
        _a_day_later(database)

        anew = await begin(kept, anna, request=b"another")
        assert isinstance(anew, Attempt)
        assert anew.seed != first.seed
        assert (await PostgresRetention(pool).forget())["idempotency"] == 0
        _a_day_later(database)
        assert (await PostgresRetention(pool).forget())["idempotency"] == 1


async def test_nothing_of_key_request_and_answer_can_be_read_and_none_once_the_person_is_shredded(
    database: str, anna: UUID
) -> None:
    async with new_pool(database) as pool:
        vault = MemoryVault()
        kept = PostgresKeptAnswers(pool, vault, MemoryBlindIndex())
        begun = await begin(kept, anna, key="canary-key", request=b"canary-request")
        assert isinstance(begun, Attempt)
        await kept.keep(begun, Answer(200, (), b"canary-answer"))
        with psycopg.connect(database) as connection:
            rows = connection.execute("SELECT * FROM ops.idempotency").fetchall()

        assert b"canary" not in b"".join(value for row in rows for value in row if isinstance(value, bytes))
        assert "canary" not in str(rows)
        await vault.shred(anna)
        with pytest.raises(IdempotencyKeyReused):
            await begin(kept, anna, key="canary-key", request=b"canary-request")
        erased = await attempt(kept, anna, key="k9")
        await kept.keep(erased, GIVEN)
        assert isinstance(await begin(kept, anna, key="k9"), Attempt)


async def test_who_is_being_erased_leaves_no_row(database: str, anna: UUID) -> None:
    async with new_pool(database) as pool:
        kept = PostgresKeptAnswers(pool, MemoryVault(), MemoryBlindIndex())
        with psycopg.connect(database) as connection:
            connection.execute("INSERT INTO ops.erasures (id, account_id) VALUES (%s, %s)", (uuid4(), anna))

        with pytest.raises(NotSignedIn):
            await begin(kept, anna)
        assert isinstance(await begin(kept, uuid4()), Attempt)
        with psycopg.connect(database) as connection:
            assert (
                connection.execute("SELECT account_id FROM ops.idempotency WHERE account_id = %s", (anna,)).rowcount
                == 0
            )


def _a_day_later(database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE ops.idempotency SET expires_at = expires_at - interval '24 hours'")
