"""What the operational tables do that no contract can say: by SQL, by the clock of the database, by a swap."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import psycopg
import pytest

from adapters.memory.vault import MemoryVault
from adapters.postgres.inbox import PostgresInbox
from adapters.postgres.listening import INBOX, READ_MODELS, Listener, Signal
from adapters.postgres.live_generations import LiveGenerations
from adapters.postgres.pool import Pool, new_pool
from adapters.postgres.positions import PostgresPositions
from adapters.postgres.retention import PostgresRetention
from adapters.postgres.sign_ins import PostgresSignIns
from application.ports.deliveries import Delivery
from application.ports.inbox import Customer
from application.ports.ledger import Write
from application.ports.sign_in import RefreshReused, Session
from application.ports.vault import SealBroken
from domain.video.facts import VideoCreated
from tests.adapters.eventstore.house import ledger_house
from tests.contracts.members import registered
from tests.contracts.operations import follow
from tests.people import ANNA, MONDAY

pytestmark = pytest.mark.anyio

CUSTOMER = Customer("stripe", "cus_anna")
BODY = b'{"email": "anna@example.com"}'


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    async with new_pool(database, size=4) as opened:
        yield opened


def delivery(event_id: str = "evt_1", customer_id: str | None = "cus_anna") -> Delivery:
    return Delivery(
        provider="stripe",
        event_id=event_id,
        type="invoice.paid",
        customer_id=customer_id,
        livemode=False,
        api_version=None,
        created_at=MONDAY,
        body=BODY,
    )


def created(video_id: UUID) -> VideoCreated:
    return VideoCreated(
        fact_id=uuid4(),
        video_id=video_id,
        title="Soup",
        description="",
        category="",
        access="free",
        requires=None,
        platform="local",
    )


def run(dsn: str, statement: str, *values: object) -> list[tuple[object, ...]]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        cursor = connection.execute(statement.encode(), values)
        return cursor.fetchall() if cursor.description else []


async def test_a_body_is_sealed_where_it_lies_under_the_key_of_its_month(database: str, pool: Pool) -> None:
    await PostgresInbox(pool, MemoryVault()).keep(delivery(), now=MONDAY)

    ((month, body, livemode),) = run(database, "SELECT month, body, livemode FROM ops.inbox")
    assert (month, livemode) == ("2027-03", False)
    assert isinstance(body, bytes)
    assert b"anna" not in body


async def test_a_body_cannot_be_passed_off_as_that_of_another_delivery(database: str, pool: Pool) -> None:
    inbox = PostgresInbox(pool, MemoryVault())
    await inbox.keep(delivery(), now=MONDAY)
    ((id,),) = run(database, "UPDATE ops.inbox SET event_id = 'evt_2' RETURNING id")
    assert isinstance(id, int)
    with pytest.raises(SealBroken):
        await inbox.body(id)

    run(database, "UPDATE ops.inbox SET body = NULL")
    assert await inbox.body(id) is None


async def test_the_worker_is_woken_by_what_is_to_be_settled_and_by_nothing_else(database: str, pool: Pool) -> None:
    inbox = PostgresInbox(pool, MemoryVault())
    async with Listener(database, INBOX) as listener:
        signal = listener.signal(INBOX)
        await asyncio.wait_for(signal.next.wait(), 5)
        heard = signal.next

        await inbox.keep(delivery("evt_1", customer_id=None), now=MONDAY)
        await inbox.keep(delivery("evt_2"), now=MONDAY, to_settle=False)
        await asyncio.sleep(0.05)
        assert not heard.is_set()

        await inbox.keep(delivery("evt_3"), now=MONDAY)
        await asyncio.wait_for(heard.wait(), 5)


async def test_deliveries_of_one_moment_share_a_commit(database: str, pool: Pool) -> None:
    inbox = PostgresInbox(pool, MemoryVault())

    await asyncio.gather(*(inbox.keep(delivery(f"evt_{number}"), now=MONDAY) for number in range(100)))

    ((kept, commits),) = run(database, "SELECT count(*), count(DISTINCT xmin::text) FROM ops.inbox")
    assert kept == 100
    assert isinstance(commits, int)
    assert commits < 20


async def test_one_delivery_that_cannot_be_stored_keeps_no_other_out(pool: Pool) -> None:
    inbox = PostgresInbox(pool, MemoryVault())

    outcomes = await asyncio.gather(
        *(inbox.keep(delivery(event_id), now=MONDAY) for event_id in ("evt_1", "evt\x00", "evt_2")),
        return_exceptions=True,
    )

    assert outcomes[0::2] == [True, True]
    assert isinstance(outcomes[1], psycopg.DataError)


async def test_what_was_parked_in_the_moment_of_the_binding_is_found_all_the_same(database: str, pool: Pool) -> None:
    inbox = PostgresInbox(pool, MemoryVault())
    await inbox.keep(delivery(), now=MONDAY)
    await inbox.park(CUSTOMER, why="customer_unknown")
    assert await inbox.customers_waiting(providers=["stripe"], limit=9) == []

    later(database, "1 minute")

    assert await inbox.customers_waiting(providers=["stripe"], limit=9) == [CUSTOMER]
    await inbox.retry_later(CUSTOMER, error="Stripe is down", delays_seconds=(60.0,))
    assert await inbox.unsettled() == 1
    assert await inbox.customers_waiting(providers=["stripe"], limit=9) == []


async def test_what_stays_parked_is_looked_at_ever_more_seldom(database: str, pool: Pool) -> None:
    inbox = PostgresInbox(pool, MemoryVault())
    await inbox.keep(delivery(), now=MONDAY)
    for age, again in (("10 minutes", "10 minutes"), ("10 hours", "10 hours"), ("9 days", "1 day")):
        later(database, age)
        await inbox.park(CUSTOMER, why="customer_unknown")
        run(database, "UPDATE ops.inbox SET look_again_at = look_again_at - %s::interval + interval '5 s'", again)
        assert await inbox.customers_waiting(providers=["stripe"], limit=9) == []
        run(database, "UPDATE ops.inbox SET look_again_at = look_again_at - interval '6 s', kept_at = now()")
        assert await inbox.customers_waiting(providers=["stripe"], limit=9) == [CUSTOMER]


async def test_what_waits_for_a_try_is_due_when_its_time_has_come(database: str, pool: Pool) -> None:
    inbox = PostgresInbox(pool, MemoryVault())
    await inbox.keep(delivery(), now=MONDAY)
    for seconds in (60, 3600):
        await inbox.retry_later(CUSTOMER, error="no\x00 answer", delays_seconds=(60.0, 3600.0))
        later(database, f"{seconds - 5} seconds")
        assert await inbox.customers_waiting(providers=["stripe"], limit=9) == []
        later(database, "6 seconds")
        assert await inbox.customers_waiting(providers=["stripe"], limit=9) == [CUSTOMER]

    assert run(database, "SELECT attempts, error, status FROM ops.inbox") == [(2, "no answer", "received")]


def later(dsn: str, interval: str) -> None:
    """Time goes by, as the inbox sees it."""
    moved = ", ".join(f"{column} = {column} - %s::interval" for column in ("due_at", "look_again_at", "kept_at"))
    run(dsn, f"UPDATE ops.inbox SET {moved}", interval, interval, interval)


async def test_two_refreshes_that_wait_for_the_same_row_are_not_both_granted(database: str, pool: Pool) -> None:
    async with ledger_house(database) as house:
        await registered(house.ledger, ANNA)
        sign_ins = PostgresSignIns(pool, LiveGenerations(pool, Signal()))
        now, then = datetime.now(UTC), datetime.now(UTC) + timedelta(days=30)
        await sign_ins.open_session(
            session_id=uuid4(), account_id=ANNA, epoch=0, refresh_digest=b"first", now=now, expires_at=then
        )
        with psycopg.connect(database) as holder:
            holder.execute("SELECT * FROM ops.refresh_tokens FOR UPDATE")
            racing = [
                asyncio.create_task(
                    sign_ins.rotate(spent=b"first", new=new, now=now, expires_at=then, longest=timedelta(days=90))
                )
                for new in (b"one", b"other")
            ]
            await two_wait_for_a_lock(database)

        outcomes = await asyncio.gather(*racing, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {Session, RefreshReused}


async def two_wait_for_a_lock(dsn: str) -> None:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    async with asyncio.timeout(4):
        while run(dsn, waiting) != [(2,)]:
            await asyncio.sleep(0.01)


async def test_a_reader_is_woken_when_the_read_models_have_come_to_its_position(database: str, pool: Pool) -> None:
    async with ledger_house(database) as house, Listener(database, READ_MODELS) as listener:
        positions = PostgresPositions(pool, listener, poll_seconds=60)
        await asyncio.wait_for(listener.signal(READ_MODELS).next.wait(), 5)
        soup = uuid4()
        position = await house.ledger.append(Write(soup, 0, [created(soup)]))
        readers = [asyncio.create_task(positions.wait_for(position, timeout_seconds=5)) for _ in range(50)]
        await asyncio.sleep(0.02)
        assert not any(reader.done() for reader in readers)

        follow(house)

        assert all(await asyncio.gather(*readers))
        assert not await positions.wait_for(position + 1, timeout_seconds=0.01)


async def test_a_reader_finds_out_by_looking_where_no_notification_comes(database: str, pool: Pool) -> None:
    run(
        database,
        "INSERT INTO ledger.read_models (name, generation, version, state, position) VALUES ('a', 1, 1, 'live', 4)",
    )
    positions = PostgresPositions(pool, Listener(database, READ_MODELS))
    reader = asyncio.create_task(positions.wait_for(5, timeout_seconds=5))
    await asyncio.sleep(0.02)

    run(database, "UPDATE ledger.read_models SET position = 5")

    assert await asyncio.wait_for(reader, 1)


@pytest.mark.parametrize(
    ("generation", "reached"),
    [
        (("plans", 2, 1, "building", False, 1, None), True),
        (("access", 1, 1, "live", True, 0, None), True),
        (("plans", 0, 1, "kept", False, 1, "1 second"), False),
        (("plans", 0, 1, "kept", False, 1, "2 minutes"), True),
        (("plans", 0, 7, "kept", False, 1, "1 second"), True),
        (("catalogue", 1, 1, "live", False, 4, None), False),
    ],
)
async def test_a_reader_waits_for_what_can_be_behind_and_may_be_read(
    database: str, pool: Pool, generation: tuple[object, ...], *, reached: bool
) -> None:
    written = (
        "INSERT INTO ledger.read_models (name, generation, version, state, inline, position, kept_since)"
        " VALUES (%s, %s, %s, %s, %s, %s, now() - %s::interval)"
    )
    run(database, written, "plans", 1, 1, "live", False, 5, None)
    run(database, "UPDATE ledger.read_models SET trouble = 'fact 3: no'")
    run(database, written, *generation)

    positions = PostgresPositions(pool, Listener(database, READ_MODELS))

    assert await positions.wait_for(5, timeout_seconds=5 if reached else 0.3) is reached


async def test_rows_are_forgotten_when_their_time_has_come_and_not_before(database: str, pool: Pool) -> None:
    now = datetime.now(UTC)
    for age in (0, 8, 31, 91, 401):
        keep_everything_of(database, now - timedelta(days=age))

    await PostgresRetention(pool).forget()

    ages = {table: ages_in(database, table, column, now) for table, column in AGE_COLUMNS.items()}
    assert ages == {
        "sessions": [0, 8],
        "refresh_tokens": [],
        "inbox": [0, 0, 8, 8, 31, 31, 91],
        "codes": [0],
        "letters": [0, 8],
        "idempotency": [],
        "throttles": [],
        "familiar": [],
        "play_sessions": [0, 0, 8, 31, 91],
        "sweeps": [0, 8, 31, 91, 401],
    }
    assert set((await PostgresRetention(pool).forget()).values()) == {0}


AGE_COLUMNS = {
    "sessions": "expires_at",
    "refresh_tokens": "expires_at",
    "inbox": "kept_at",
    "codes": "made_at",
    "letters": "written_at",
    "idempotency": "expires_at",
    "throttles": "tat",
    "familiar": "expires_at",
    "sweeps": "requested_at",
    "play_sessions": "started_at",
}


def keep_everything_of(dsn: str, at: datetime) -> None:
    """A session with a token, a done and a failed delivery, a play session of Anna and a stranger's, a sweep,
    a code and a letter, an answer that was kept, a throttle and a familiar address.

    The oldest sweep that is under way is never forgotten.
    """
    at -= timedelta(seconds=1)
    session = uuid4()
    run(dsn, "INSERT INTO ops.sessions VALUES (%s, %s, %s, %s)", session, ANNA, at, at)
    run(dsn, "INSERT INTO ops.refresh_tokens VALUES (%s, %s, %s, %s)", session.bytes, session, at, at)
    for status in ("done", "failed"):
        run(
            dsn,
            "INSERT INTO ops.inbox (provider, event_id, type, customer_id, livemode, created_at, received_at, kept_at,"
            " month, status) VALUES ('stripe', %s, 't', 'cus', true, %s, %s, %s, 'm', %s)",
            f"evt_{uuid4()}", at, at, at, status,
        )  # fmt: skip
    sweep = "INSERT INTO ops.sweeps (kind, cause, status, requested_at) VALUES ('customers', 'schedule', %s, %s)"
    run(dsn, sweep, "done", at)
    if at < datetime.now(UTC) - timedelta(days=400):
        run(dsn, sweep, "under_way", at)
    run(
        dsn,
        "INSERT INTO ops.codes (id, kind, subject, salt, digest, made_at, expires_at)"
        " VALUES (%s, 'sign_in', %s, '', '', %s, %s)",
        session, session.bytes, at, at,
    )  # fmt: skip
    run(
        dsn,
        "INSERT INTO ops.letters (id, channel, kind, recipient, written_at, expires_at, due_at)"
        " VALUES (%s, 'sms', 'sign_in', '', %s, %s, %s)",
        session, at, at, at,
    )  # fmt: skip
    run(dsn, "INSERT INTO ops.idempotency VALUES (%s, '', %s, %s, %s, NULL, %s)", session.bytes, ANNA, ANNA, at, at)
    run(dsn, "INSERT INTO ops.throttles VALUES (%s, %s)", session.bytes, at)
    run(dsn, "INSERT INTO ops.familiar VALUES (%s, %s)", session.bytes, at)
    for account_id in (ANNA, None):
        run(
            dsn,
            "INSERT INTO ops.play_sessions VALUES (%s, %s, %s, 'tv', %s, %s, %s, 0)",
            uuid4(), account_id, uuid4(), at, at, at,
        )  # fmt: skip


def ages_in(dsn: str, table: str, column: str, now: datetime) -> list[int]:
    rows = run(dsn, f"SELECT {column} FROM ops.{table} ORDER BY 1 DESC")
    return [round((now - moment).total_seconds() / 86_400) for (moment,) in rows if isinstance(moment, datetime)]
