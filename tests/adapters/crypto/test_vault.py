"""The vault in Postgres: agreement between processes, rotation of master keys, and what a shredding leaves behind."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.errors import CheckViolation

from adapters.crypto.blind_index import HmacBlindIndex
from adapters.crypto.master_keys import MasterKeyMissing, MasterKeys, MasterKeysInvalid
from adapters.crypto.recent_keys import REMEMBERED_MAX, RecentKeys
from adapters.crypto.vault import KEYS_PER_QUERY_MAX, KeyShredded, PostgresVault
from adapters.postgres.pool import Pool
from application.errors import DatabaseUnavailable
from application.ports.vault import Cipher, SealBroken, Vault
from tests.adapters.crypto.vaults import DDL, FIRST_KEY, MASTER_KEYS, create_vault, vault_pool
from tests.postgres import Databases

pytestmark = pytest.mark.anyio

SECOND_KEY, THIRD_KEY = bytes([2] * 32), bytes([3] * 32)


class Stopwatch:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def dsn(databases: Databases) -> Iterator[str]:
    dsn = create_vault(databases)
    yield dsn
    databases.drop(dsn)


@pytest.fixture
async def pool(dsn: str) -> AsyncIterator[Pool]:
    async with vault_pool(dsn) as pool:
        yield pool


@pytest.fixture
def vault(pool: Pool) -> PostgresVault:
    return PostgresVault(pool, MASTER_KEYS)


@pytest.fixture
def database_itself(dsn: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield connection


async def key_of(vault: Vault, person: UUID) -> Cipher:
    return (await vault.of_persons([person], create=True))[person]


async def test_the_vaults_migration_may_be_run_again(database_itself: psycopg.Connection) -> None:
    database_itself.execute(DDL.read_bytes())


async def test_processes_that_make_the_same_keys_at_once_agree_on_them(pool: Pool) -> None:
    """Asked for in opposite orders, they would wait for each other in a circle if they did not sort first."""
    crowd = [uuid4() for _ in range(2_000)]
    processes = [PostgresVault(pool, MASTER_KEYS) for _ in range(4)]
    asked = [crowd, crowd[::-1], crowd[1_000:] + crowd[:1_000], crowd[::2] + crowd[1::2]]

    first, *others = await asyncio.gather(
        *(vault.of_persons(persons, create=True) for vault, persons in zip(processes, asked, strict=True))
    )

    for person in crowd:
        sealed = first[person].seal(b"Alice", b"")
        assert [other[person].open(sealed, b"") for other in others] == [b"Alice"] * 3


async def test_a_key_is_committed_when_it_is_handed_out(
    vault: PostgresVault, database_itself: psycopg.Connection
) -> None:
    alice = uuid4()
    await vault.of_persons([alice], create=True)

    row = database_itself.execute(
        "SELECT kind, kid, shredded_at FROM vault.keys WHERE id = %s", [str(alice)]
    ).fetchone()
    assert row == ("person", "2026", None)


async def test_the_table_holds_no_key_in_the_clear(vault: PostgresVault, database_itself: psycopg.Connection) -> None:
    alice = uuid4()
    sealed = (await key_of(vault, alice)).seal(b"Alice", b"")
    (wrapped,) = database_itself.execute("SELECT wrapped FROM vault.keys").fetchone() or (b"",)

    other_masters = PostgresVault(vault._pool, MasterKeys({"2026": SECOND_KEY}))
    with pytest.raises(SealBroken):
        await other_masters.of_persons([alice])
    assert len(wrapped) == 1 + 12 + 32 + 16
    assert sealed


async def test_a_row_put_in_anothers_place_does_not_open(pool: Pool, database_itself: psycopg.Connection) -> None:
    alice, mallory = uuid4(), uuid4()
    await PostgresVault(pool, MASTER_KEYS).of_persons([alice, mallory], create=True)
    database_itself.execute(
        "UPDATE vault.keys SET wrapped = (SELECT wrapped FROM vault.keys WHERE id = %s) WHERE id = %s",
        [str(alice), str(mallory)],
    )

    with pytest.raises(SealBroken):
        await PostgresVault(pool, MASTER_KEYS).of_persons([mallory])


async def test_more_persons_than_one_query_takes_are_answered_too(vault: PostgresVault) -> None:
    crowd = [uuid4() for _ in range(KEYS_PER_QUERY_MAX + 1)]

    assert (await vault.of_persons(crowd, create=True)).keys() == set(crowd)


async def test_a_key_is_kept_in_memory_for_a_minute(dsn: str) -> None:
    alice, time = uuid4(), Stopwatch()
    async with vault_pool(dsn) as pool:
        vault = PostgresVault(pool, MASTER_KEYS, time)
        sealed = (await key_of(vault, alice)).seal(b"Alice", b"")
        november = await vault.of_inbox("2026-11")

    time.seconds += 59.9
    assert (await vault.of_persons([alice]))[alice].open(sealed, b"") == b"Alice"
    assert await vault.of_inbox("2026-11") is november

    time.seconds += 0.1
    with pytest.raises(DatabaseUnavailable):
        await vault.of_persons([alice])


async def test_without_its_database_the_vault_says_that_it_is_unavailable(dsn: str) -> None:
    async with vault_pool(dsn) as pool:
        vault = PostgresVault(pool, MASTER_KEYS)
    for call in (
        vault.check(),
        vault.of_persons([uuid4()]),
        vault.of_persons([uuid4()], create=True),
        vault.of_inbox("2026-11"),
        vault.shred(uuid4()),
        vault.rewrap(),
    ):
        with pytest.raises(DatabaseUnavailable):
            await call


async def test_a_person_shredded_by_another_process_is_unreadable_a_minute_later(pool: Pool) -> None:
    alice, time = uuid4(), Stopwatch()
    here, there = PostgresVault(pool, MASTER_KEYS, time), PostgresVault(pool, MASTER_KEYS)
    await key_of(here, alice)

    await there.shred(alice)

    time.seconds += 60
    assert await here.of_persons([alice], create=True) == {}


async def test_a_person_shredded_here_is_unreadable_at_once(vault: PostgresVault) -> None:
    alice = uuid4()
    await key_of(vault, alice)

    await vault.shred(alice)

    assert await vault.of_persons([alice]) == {}


async def test_a_tombstone_keeps_the_day_and_nothing_of_the_key(
    vault: PostgresVault, database_itself: psycopg.Connection
) -> None:
    alice = uuid4()
    await key_of(vault, alice)
    tombstone = "SELECT wrapped, kid, shredded_at FROM vault.keys"

    await vault.shred(alice)
    wrapped, kid, shredded_at = database_itself.execute(tombstone).fetchone() or (b"", "", None)
    await vault.shred(alice)

    assert (wrapped, kid) == (None, None)
    assert database_itself.execute(tombstone).fetchall() == [(None, None, shredded_at)]


async def test_no_row_is_both_a_key_and_a_tombstone(vault: PostgresVault, database_itself: psycopg.Connection) -> None:
    await key_of(vault, uuid4())

    with pytest.raises(CheckViolation):
        database_itself.execute("UPDATE vault.keys SET shredded_at = now()")


async def test_an_inbox_month_shredded_by_hand_says_so(
    vault: PostgresVault, database_itself: psycopg.Connection
) -> None:
    database_itself.execute("INSERT INTO vault.keys (kind, id, shredded_at) VALUES ('inbox', '2026-01', now())")

    with pytest.raises(KeyShredded, match="2026-01"):
        await vault.of_inbox("2026-01")


async def test_a_new_master_key_in_front_wraps_and_the_old_one_still_unwraps(
    pool: Pool, database_itself: psycopg.Connection
) -> None:
    alice, bob = uuid4(), uuid4()
    sealed = (await key_of(PostgresVault(pool, MASTER_KEYS), alice)).seal(b"Alice", b"")

    rotated = PostgresVault(pool, MasterKeys({"2027": SECOND_KEY, "2026": FIRST_KEY}))
    ciphers = await rotated.of_persons([alice, bob], create=True)

    assert ciphers[alice].open(sealed, b"") == b"Alice"
    kids = database_itself.execute("SELECT id, kid FROM vault.keys").fetchall()
    assert dict(kids) == {str(alice): "2026", str(bob): "2027"}


async def test_after_rewrapping_a_master_key_between_the_two_may_go(pool: Pool) -> None:
    alice, bob = uuid4(), uuid4()
    sealed = (await key_of(PostgresVault(pool, MASTER_KEYS), alice)).seal(b"Alice", b"")
    two = MasterKeys({"2027": SECOND_KEY, "2026": FIRST_KEY})
    await key_of(PostgresVault(pool, two), bob)

    three = PostgresVault(pool, MasterKeys({"2028": THIRD_KEY, "2027": SECOND_KEY, "2026": FIRST_KEY}))
    assert [await three.rewrap(at_most=1) for _ in range(3)] == [1, 1, 0]

    without_the_second = PostgresVault(pool, MasterKeys({"2028": THIRD_KEY, "2026": FIRST_KEY}))
    ciphers = await without_the_second.of_persons([alice, bob])
    assert ciphers[alice].open(sealed, b"") == b"Alice"
    assert bob in ciphers


async def test_a_master_key_taken_away_too_early_is_named(pool: Pool) -> None:
    alice = uuid4()
    await key_of(PostgresVault(pool, MASTER_KEYS), alice)

    with pytest.raises(MasterKeyMissing, match="'2026', which is not given"):
        await PostgresVault(pool, MasterKeys({"2027": SECOND_KEY})).of_persons([alice])


async def test_rewrapping_brings_no_shredded_key_back(
    pool: Pool, dsn: str, database_itself: psycopg.Connection
) -> None:
    alice = uuid4()
    await key_of(PostgresVault(pool, MASTER_KEYS), alice)
    rotated = PostgresVault(pool, MasterKeys({"2027": SECOND_KEY, "2026": FIRST_KEY}))

    with database_itself.transaction():
        database_itself.execute("UPDATE vault.keys SET wrapped = NULL, kid = NULL, shredded_at = now()")
        rewrapping = asyncio.create_task(rotated.rewrap())
        await until_somebody_waits_for_a_lock(dsn)

    assert await rewrapping == 1
    assert await rotated.of_persons([alice], create=True) == {}


async def until_somebody_waits_for_a_lock(dsn: str) -> None:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        for _ in range(500):
            if await (await connection.execute(waiting)).fetchone() != (0,):
                return
            await asyncio.sleep(0.01)
    pytest.fail("nobody waits")


async def test_the_check_holds_the_oldest_master_key_in_its_place(pool: Pool) -> None:
    rotated = MasterKeys({"2027": SECOND_KEY, "2026": FIRST_KEY})
    put_at_the_wrong_end = MasterKeys({"2026": FIRST_KEY, "2027": SECOND_KEY})

    await PostgresVault(pool, MASTER_KEYS).check()
    await PostgresVault(pool, MASTER_KEYS).check()
    await PostgresVault(pool, rotated).check()

    with pytest.raises(MasterKeysInvalid, match="must stay the last"):
        await PostgresVault(pool, put_at_the_wrong_end).check()
    assert HmacBlindIndex(put_at_the_wrong_end).of("email", "a") != HmacBlindIndex(MASTER_KEYS).of("email", "a")


async def test_the_check_refuses_other_bytes_under_the_same_name(pool: Pool) -> None:
    await PostgresVault(pool, MASTER_KEYS).check()

    with pytest.raises(MasterKeysInvalid, match="must stay the last"):
        await PostgresVault(pool, MasterKeys({"2026": SECOND_KEY})).check()


async def test_the_check_goes_on_after_rewrapping(pool: Pool) -> None:
    await PostgresVault(pool, MASTER_KEYS).check()
    rotated = PostgresVault(pool, MasterKeys({"2027": SECOND_KEY, "2026": FIRST_KEY}))

    assert await rotated.rewrap() == 1
    await rotated.check()


async def test_a_key_read_before_a_shredding_is_not_kept_after_it(vault: PostgresVault) -> None:
    cipher = await key_of(vault, uuid4())
    recent = RecentKeys(Stopwatch())

    recent.keep({("person", "alice"): None})
    recent.keep({("person", "alice"): cipher})

    assert recent.of([("person", "alice")]) == {("person", "alice"): None}


async def test_memory_is_bounded_and_the_oldest_goes_first() -> None:
    recent = RecentKeys(Stopwatch())
    places = [("person", str(number)) for number in range(REMEMBERED_MAX + 2)]
    for place in places:
        recent.keep({place: None})

    assert list(recent.of(places)) == places[2:]
