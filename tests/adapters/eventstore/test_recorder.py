"""The ledger's own promises on PostgreSQL: sealed fields, nothing lost or doubled around a commit, order."""

import asyncio
import threading
from uuid import uuid4

import psycopg
import pytest
from eventsourcing.persistence import OperationalError

from adapters.eventstore.committer import GroupCommitter
from adapters.eventstore.datastore import DatabaseFunctionsEnabled, refuse_database_functions
from adapters.eventstore.mapper import FactUnstorable
from adapters.eventstore.recorder import Append, LedgerRecorder, Outcome
from application.errors import LedgerBusy
from application.ports.ledger import Write
from application.ports.vault import SealBroken
from application.projections.catalogue import catalogue
from domain.account.account import AccountRegistered
from domain.payment.payment import PaymentRefunded
from domain.shared.money import Money
from domain.video.facts import VideoCreated, VideoPublished
from tests.adapters.eventstore.house import LedgerHouse, ledger_house
from tests.people import ANNA

pytestmark = pytest.mark.anyio


def registered(name: str = "Anna Karenina") -> AccountRegistered:
    return AccountRegistered(fact_id=uuid4(), account_id=ANNA, email="anna@example.com", name=name, role="viewer")


def published() -> VideoPublished:
    return VideoPublished(fact_id=uuid4(), video_id=uuid4())


async def test_a_personal_field_is_nowhere_in_the_stored_bytes(database: str) -> None:
    async with ledger_house(database) as house:
        await house.ledger.append(Write(ANNA, 0, [registered()]))
        with psycopg.connect(database) as connection:
            row = connection.execute("SELECT state, topic, account_id FROM ledger.events").fetchone()
    assert row is not None
    state, topic, account_id = row
    assert b"Karenina" not in state
    assert b"anna@example.com" not in state
    assert (topic, account_id) == ("account.registered", ANNA)
    assert b'"position":1' in state


async def test_an_erased_person_reads_as_null_and_the_rest_stays(database: str) -> None:
    async with ledger_house(database) as house:
        await house.ledger.append(Write(ANNA, 0, [registered()]))
        await house.vault.shred(ANNA)
        (fact,) = await house.ledger.read(ANNA)
    assert isinstance(fact, AccountRegistered)
    assert (fact.email, fact.name, fact.role) == (None, None, "viewer")


async def test_a_sealed_field_cannot_be_moved_to_another_fact(database: str) -> None:
    async with ledger_house(database) as house:
        await house.ledger.append(Write(ANNA, 0, [registered()]))
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("ALTER TABLE ledger.events DISABLE TRIGGER events_append_only")
            connection.execute("UPDATE ledger.events SET originator_version = 2")
        with pytest.raises(SealBroken):
            await house.ledger.read(ANNA)


async def test_the_ledger_refuses_to_be_changed(database: str) -> None:
    async with ledger_house(database) as house:
        await house.ledger.append(Write(ANNA, 0, [registered()]))
        with psycopg.connect(database, autocommit=True) as connection:
            for statement in (
                "UPDATE ledger.events SET topic = ''",
                "DELETE FROM ledger.events",
                "TRUNCATE ledger.events",
            ):
                with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
                    connection.execute(statement)


class ReplyLost(LedgerRecorder):
    """Commits, and then loses the connection before anybody hears of it."""

    losing = True

    def record(self, appends: list[Append]) -> list[Outcome]:  # type: ignore[override]
        outcomes = super().record(appends)
        if self.losing:
            self.losing = False
            raise OperationalError("the connection was lost")
        return outcomes


async def test_a_commit_whose_reply_was_lost_is_found_and_not_done_again(database: str) -> None:
    async with ledger_house(database) as house:
        committer = GroupCommitter(_losing(house))
        position = await committer.append(Append([Write(ANNA, 0, [published(), published()])], [], {}))
        await committer.close()
        assert position == 2
        assert await house.ledger.head() == 2


def _losing(house: LedgerHouse) -> ReplyLost:
    return ReplyLost(
        house.recorder.datastore,  # type: ignore[arg-type]
        mapper=house.mapper,
        inline=house.recorder.inline,
        business_time=house.clock,
    )


async def test_a_connection_cut_before_the_commit_is_had_again_and_the_facts_recorded_once(database: str) -> None:
    async with ledger_house(database) as house:
        await house.ledger.append(Write(ANNA, 0, [published()]))
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )
        assert await house.ledger.append(Write(ANNA, 1, [published()])) == 2


async def test_a_reader_that_follows_misses_nothing_while_many_write(database: str) -> None:
    async with ledger_house(database) as house, ledger_house(database) as other:
        seen: list[int] = []
        done = threading.Event()

        def follow() -> None:
            with psycopg.connect(database, autocommit=True) as connection:
                last = 0
                while not (done.is_set() and len(seen) == 400):
                    rows = connection.execute(
                        "SELECT notification_id FROM ledger.events WHERE notification_id > %s ORDER BY 1", (last,)
                    ).fetchall()
                    seen.extend(row[0] for row in rows)
                    last = seen[-1] if seen else 0

        reader = threading.Thread(target=follow, daemon=True)
        reader.start()
        writers = [each.ledger.append(Write(uuid4(), 0, [published()])) for each in (house, other) for _ in range(200)]
        await asyncio.gather(*writers)
        done.set()
        await asyncio.to_thread(reader.join, 10)
    assert seen == list(range(1, 401))


async def test_a_full_queue_says_so_and_records_nothing(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.eventstore.committer.WAITING_MAX", 3)
    async with ledger_house(database) as house:
        asked = [house.ledger.append(Write(uuid4(), 0, [published()])) for _ in range(10)]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        recorded = [answer for answer in answers if isinstance(answer, int)]
        assert [type(answer) for answer in answers if not isinstance(answer, int)] == [LedgerBusy] * (
            10 - len(recorded)
        )
        assert await house.ledger.head() == len(recorded)


def test_the_librarys_unlocked_function_is_refused_at_start() -> None:
    with pytest.raises(DatabaseFunctionsEnabled):
        refuse_database_functions({"POSTGRES_ENABLE_DB_FUNCTIONS": "y"})
    refuse_database_functions({})


def created(title: str) -> VideoCreated:
    return VideoCreated(
        fact_id=uuid4(),
        video_id=uuid4(),
        title=title,
        description="",
        category="",
        access="free",
        requires=None,
        platform="local",
    )


async def test_a_nul_that_postgresql_cannot_hold_is_refused_before_it_is_on_the_ledger(database: str) -> None:
    """On the ledger it would stop every read model that holds the text, for good."""
    async with ledger_house(database) as house:
        titles = ["Onions", "Oni\0ns", r"O\u0000", r"O\\u0000", "\\\0"]
        asked = [house.ledger.append(Write(uuid4(), 0, [created(title)])) for title in titles]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert [type(answer).__name__ for answer in answers] == [
            "int",
            "FactUnstorable",
            "int",
            "int",
            "FactUnstorable",
        ]
        assert issubclass(FactUnstorable, ValueError)
        with psycopg.connect(database, autocommit=True) as connection:
            assert house.read_models.advance(connection, catalogue) == 3


async def test_what_could_not_be_read_again_is_refused_before_it_is_on_the_ledger(database: str) -> None:
    """No Struct checks its bounds when it is made, and no read model could be rebuilt past such a fact."""
    async with ledger_house(database) as house:
        sold = [(999, "USD"), (10**12 + 1, "USD"), (999, ""), (999, "usd"), (-1, "USD")]
        asked = [house.ledger.append(Write(uuid4(), 0, [refunded(*money)])) for money in sold]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert [type(answer).__name__ for answer in answers] == ["int", *["FactUnstorable"] * 4]
        assert await house.ledger.head() == 1


def refunded(amount: int, currency: str) -> PaymentRefunded:
    return PaymentRefunded(
        fact_id=uuid4(),
        account_id=ANNA,
        payment_id=uuid4(),
        provider="stripe",
        provider_reference="in_1",
        subscription_reference=None,
        refund_reference="re_1",
        amount=Money(amount, currency),
        kept=Money(0, "USD"),
    )
