"""Generations beside each other: kept in step, swapped under readers, rolled back to, dropped, poisoned, mended."""

import contextlib
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from msgspec.structs import replace

from adapters.eventstore import following, pages
from adapters.eventstore.live import Batches, LiveEngine
from adapters.eventstore.mapper import FactMapper
from adapters.eventstore.pages import Pages
from adapters.eventstore.read_models import NoKeptGeneration, ReadModelPoisoned, ReadModels, RebuildUnderWay
from adapters.eventstore.swapping import Dropped
from adapters.eventstore.tables import Generation
from application.errors import ReadModelMoved
from application.projections.projection import Projection
from domain.shared.fact import Fact
from tests.adapters.eventstore.house import stands
from tests.adapters.eventstore.shelves import expected, record, stored
from tests.shelf import FACTS, Author, Book, BookGiven, BookLost, BookPut, Spoilt, shelf

BEGAN = datetime(2026, 11, 21, 3, 6, tzinfo=UTC)


def told(*facts: Fact, after: int = 0) -> list[Fact]:
    return [
        replace(fact, position=after + number, recorded_at=BEGAN + timedelta(seconds=after + number))
        for number, fact in enumerate(facts, start=1)
    ]


def a_history(count: int, *, after: int = 0) -> list[Fact]:
    turns: list[Fact] = []
    for number in range(after, after + count):
        book = UUID(int=number % 7)
        turn = (
            BookPut(book_id=book, author=f"a{number % 3}"),
            BookGiven(book_id=book, author="b"),
            BookLost(book_id=book),
        )
        turns.append(turn[(number * 5 + number // 7) % 3])
    return told(*turns, after=after)


def house(dsn: str, projection: Projection, **options: int) -> ReadModels:
    return ReadModels(dsn, {"shelf": projection}, FactMapper(FACTS, {}), **options)


def follow(connection: psycopg.Connection, read_models: ReadModels, projection: Projection) -> None:
    """As the live engine does."""
    take_turns(Batches(read_models.live_follower, threading.Event()), connection, read_models, projection)


def take_turns(
    batches: Batches, connection: psycopg.Connection, read_models: ReadModels, projection: Projection
) -> None:
    """Until no generation has more before it."""
    behind = [True]
    while any(behind):
        fed = read_models.live_follower.fed(connection.cursor(), projection)
        behind = [batches.turn(connection, Generation(projection, each.number), each.position) for each in fed]


@pytest.fixture
def connection(database: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database, autocommit=True) as opened:
        yield opened


def generations(connection: psycopg.Connection) -> list[tuple[int, str]]:
    return connection.execute("SELECT generation, state FROM ledger.read_models ORDER BY 1").fetchall()


def test_a_kept_generation_is_fed_and_rolled_back_to(connection: psycopg.Connection, database: str) -> None:
    projection, facts = shelf(), a_history(60)
    read_models = house(database, projection)
    record(connection, facts[:20])
    read_models.prepare()
    read_models.rebuild("shelf")
    record(connection, facts[20:40])
    follow(connection, read_models, projection)
    assert stored(connection, Generation(projection, 1)) == expected(facts[:40])
    record(connection, facts[40:])

    back = read_models.rollback("shelf")

    assert (back.generation, back.facts) == (1, 60)
    assert generations(connection) == [(1, "live"), (2, "kept")]
    assert stored(connection, Generation(projection, 1)) == expected(facts)
    follow(connection, read_models, projection)
    assert stored(connection, Generation(projection, 2)) == expected(facts)
    assert read_models.rollback("shelf").generation == 2
    stand = stands(database)["shelf"]
    assert (stand.generation, stand.kept, stand.head, stand.position) == (2, [1], 60, 60)


def test_two_that_follow_in_turns_never_take_a_row_from_memory_that_the_other_has_changed(
    connection: psycopg.Connection, database: str
) -> None:
    projection, facts = shelf(), a_history(90)
    turns = [house(database, projection) for _ in range(2)]
    turns[0].prepare()
    for number in range(9):
        record(connection, facts[number * 10 : number * 10 + 10])
        follow(connection, turns[number * 5 % 3 % 2], projection)
        assert stored(connection, Generation(projection, 1)) == expected(facts[: number * 10 + 10])


def test_a_row_that_somebody_removed_is_missed_and_the_rest_goes_on(
    connection: psycopg.Connection, database: str
) -> None:
    projection = shelf()
    read_models = house(database, projection)
    read_models.prepare()
    book = UUID(int=1)
    record(connection, told(BookPut(book_id=book, author="Ada")))
    follow(connection, read_models, projection)
    connection.execute("DELETE FROM shelf_1.books")
    record(connection, told(BookGiven(book_id=book, author="Bo"), BookPut(book_id=UUID(int=2), author="Bo"), after=1))
    follow(connection, read_models, projection)
    assert {key.int for key in stored(connection, Generation(projection, 1))[Book]} == {2}
    assert [difference.key for difference in read_models.verify("shelf").differences] == [str(book)]


def test_one_old_generation_is_kept_and_it_can_be_dropped(connection: psycopg.Connection, database: str) -> None:
    projection = shelf()
    read_models = house(database, projection)
    record(connection, a_history(10))
    read_models.prepare()
    with pytest.raises(NoKeptGeneration):
        read_models.rollback("shelf")
    for _ in range(3):
        read_models.rebuild("shelf")
    assert generations(connection) == [(3, "kept"), (4, "live")]
    assert read_models.drop_kept("shelf", older_than=timedelta(hours=1)) == Dropped("shelf", (), ())
    assert read_models.drop_kept("shelf") == Dropped("shelf", (3,), ())
    assert generations(connection) == [(4, "live")]
    assert connection.execute("SELECT count(*) FROM pg_namespace WHERE nspname ~ '^shelf_'").fetchone() == (1,)


def test_a_swap_waits_for_no_reader_and_a_drop_holds_none_up(connection: psycopg.Connection, database: str) -> None:
    projection, facts = shelf(), a_history(50)
    read_models = house(database, projection)
    record(connection, facts)
    read_models.prepare()
    with psycopg.connect(database) as reader:
        reader.execute("SELECT count(*) FROM shelf_1.books")
        started = time.monotonic()
        read_models.rebuild("shelf")
        assert time.monotonic() - started < 3
        told: list[Dropped] = []
        dropping = threading.Thread(target=lambda: told.append(read_models.drop_kept("shelf")), daemon=True)
        dropping.start()
        waits = []
        while dropping.is_alive():
            began = time.monotonic()
            connection.execute("SELECT count(*) FROM shelf_1.books")
            waits.append(time.monotonic() - began)
        assert generations(connection) == [(1, "kept"), (2, "live")], "it is being read"
        assert max(waits) < 0.5
        (dropped,) = told
        (in_use,) = dropped.in_use
        assert (dropped.dropped, in_use.generation) == ((), 1)
        assert reader.info.backend_pid in in_use.sessions, "beside it the one above may be at a read in that moment"
        assert set(in_use.sessions) <= {reader.info.backend_pid, connection.info.backend_pid}
    record(connection, a_history(10, after=50))
    follow(connection, read_models, projection)
    assert len(stored(connection, Generation(projection, 1))[Book]) == len(
        expected([*facts, *a_history(10, after=50)])[Book]
    )
    assert read_models.drop_kept("shelf").dropped == (1,)


def test_of_two_that_rebuild_one_is_told_to_wait_and_both_end_well(
    connection: psycopg.Connection, database: str
) -> None:
    read_models = house(database, shelf())
    record(connection, a_history(30))
    read_models.prepare()
    ended: list[str] = []

    def rebuild() -> None:
        try:
            read_models.rebuild("shelf")
            ended.append("rebuilt")
        except RebuildUnderWay:
            ended.append("told to wait")

    rebuilding = [threading.Thread(target=rebuild, daemon=True) for _ in range(4)]
    for each in rebuilding:
        each.start()
    for each in rebuilding:
        each.join(20)
    assert len(ended) == 4
    assert "rebuilt" in ended
    assert read_models.verify("shelf").differences == ()


@pytest.mark.parametrize("where", ["while it reads", "when it is filled"])
def test_a_rebuild_whose_connection_is_killed_leaves_what_was_live(
    connection: psycopg.Connection, database: str, where: str
) -> None:
    projection, facts = shelf(), a_history(40)
    read_models = house(database, projection, rows_in_memory=3 if where == "when it is filled" else 1000)
    record(connection, facts)
    read_models.prepare()

    def kill(position: int, target: int) -> None:
        if where == "while it reads" or position == target:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )

    with pytest.raises(psycopg.OperationalError):
        read_models.rebuild("shelf", on_progress=kill)
    assert stored(connection, Generation(projection, 1)) == expected(facts)
    rebuilt = house(database, projection).rebuild("shelf")
    assert generations(connection) == [(1, "kept"), (rebuilt.generation, "live")]
    assert stored(connection, Generation(projection, rebuilt.generation)) == expected(facts)


def test_a_poison_fact_is_passed_over_and_told_of_and_the_rest_goes_on(
    connection: psycopg.Connection, database: str
) -> None:
    projection = shelf()
    read_models = house(database, projection)
    read_models.prepare()
    before, after = a_history(30), a_history(25, after=32)
    (spoilt, too_large) = told(Spoilt(), BookPut(book_id=UUID(int=3), author="x" * 10_000_000), after=30)
    # The index on the author holds 2,704 bytes at most: what the step makes of this the database refuses.
    record(connection, [*before, spoilt, too_large, *after])

    follow(connection, read_models, projection)

    stand = stands(database)["shelf"]
    assert (stand.position, stand.head) == (57, 57)
    assert "fact 31" in (stand.trouble or "")
    assert "what is 31 to be?" in (stand.trouble or "")
    assert stored(connection, Generation(projection, 1)) == expected([*before, *after])
    with pytest.raises(ReadModelPoisoned, match="fact 31"):
        read_models.rebuild("shelf")
    assert generations(connection) == [(1, "live")]
    mended = shelf()
    mended.routes = {kind: routes for kind, routes in mended.routes.items() if kind is not Spoilt}
    mended.read_as.pop(Spoilt.tag())
    connection.execute("ALTER TABLE ledger.events DISABLE TRIGGER events_append_only")
    connection.execute("DELETE FROM ledger.events WHERE notification_id = 32")
    house(database, mended).rebuild("shelf")
    assert stands(database)["shelf"].trouble is None


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (b'{"type":"test.book_lost","position":31}', "a stored 'test.book_lost' cannot be read: .*book_id"),
        (b'{"type":"test.spoilt_no_more","position":31}', "a stored 'test.spoilt_no_more' cannot be read"),
        (
            b'{"type":"test.author_banned","position":31,"author":"a"}',
            "is a test.author_banned, and is stored as another",
        ),
        (b'{"type":"test.book_put","position":31,"author":"\xff"}', "cannot be read: .*utf-8"),
        (b'{"type":"test.book_put","position":31', "truncated"),
        (b"\xff", "malformed"),
        (b'{"type":' + b"[" * 5_000, "got `array`"),
    ],
    ids=["lacks a field", "unknown", "of another kind", "no text", "cut off", "no JSON", "deep"],
)
def test_a_fact_that_cannot_be_read_is_named_by_whoever_meets_it(
    connection: psycopg.Connection, database: str, monkeypatch: pytest.MonkeyPatch, state: bytes, said: str
) -> None:
    monkeypatch.setattr(pages, "PAGE_POSITIONS", 7)
    projection = shelf()
    # Beyond what this projection reads, though another one does.
    projection.read_as.pop("test.author_banned")
    record(connection, a_history(30))
    read_models = house(database, projection)
    read_models.prepare()
    connection.execute(
        "INSERT INTO ledger.events VALUES (gen_random_uuid(), 1, 'test.book_lost', %s, 31, now(), NULL)", (state,)
    )
    record(connection, a_history(30, after=31))
    with pytest.raises(ReadModelPoisoned, match=f"fact 31.*{said}"):
        read_models.rebuild("shelf")
    follow(connection, read_models, projection)
    assert "fact 31" in (stands(database)["shelf"].trouble or "")
    assert stands(database)["shelf"].position == 61


def test_one_rebuild_may_follow_the_other_before_the_server_has_seen_the_first_connection_closed(
    connection: psycopg.Connection, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(connection, a_history(30))
    read_models = house(database, shelf())
    read_models.prepare()
    with contextlib.ExitStack() as later, monkeypatch.context() as patch:
        close = psycopg.Connection.close
        patch.setattr(psycopg.Connection, "close", lambda lingering: later.callback(close, lingering))

        read_models.verify("shelf")
        made = read_models.rebuild("shelf")

    assert made.facts == 30


def test_facts_of_older_shapes_are_brought_up_to_date(connection: psycopg.Connection, database: str) -> None:
    class BookPutV2(BookPut, frozen=True, tag="test.book_put.v2"):
        pass

    def upcast(shape: dict[str, Any]) -> dict[str, Any]:
        return {**shape, "type": "test.book_put.v2", "author": shape["author"].upper()}

    for plain in (False, True):
        projection = Projection(f"shelf_{plain}".lower(), version=1, plain=plain, authors=Author, books=Book)

        @projection.fold(BookPutV2, into=Author, key="author")
        def counted(author: Author | None, fact: BookPutV2) -> Author:
            return Author(fact.author, author.books_put + 1 if author else 1)

        if not plain:
            record(
                connection,
                told(BookPut(book_id=UUID(int=1), author="ada"), BookPutV2(book_id=UUID(int=1), author="ADA")),
            )
        mapper = FactMapper({BookPutV2.tag(): BookPutV2}, {"test.book_put": upcast})
        ReadModels(database, {projection.name: projection}, mapper).prepare()
        assert stored(connection, Generation(projection, 1))[Author] == {"ADA": Author("ADA", 2)}


def test_few_facts_among_many_are_read_in_larger_pages(connection: psycopg.Connection, database: str) -> None:
    connection.execute(
        "INSERT INTO ledger.events (originator_id, originator_version, topic, state, notification_id, recorded_at)"
        " SELECT gen_random_uuid(), 1, 'other', '{}', n, now() FROM generate_series(1, 60000) n"
        " WHERE n NOT IN (7, 59990)"
    )
    few = [replace(fact, position=position) for fact, position in zip(a_history(2), (7, 59990), strict=True)]
    record(connection, few)
    with psycopg.connect(database, autocommit=True) as reader:
        found = list(Pages(shelf(), FactMapper(FACTS, {})).follow(reader, 0, 60_000))
    assert [fact.position for page in found for fact in page.facts] == [7, 59990]
    assert [page.upto for page in found] == [5_000, 15_000, 35_000, 60_000]


def test_a_page_and_a_batch_end_where_the_facts_are_large(
    connection: psycopg.Connection, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    most = 100_000
    monkeypatch.setattr(pages, "PAGE_BYTES_MAX", most)
    monkeypatch.setattr(pages, "PAGE_POSITIONS", 10)
    monkeypatch.setattr(following, "PAGE_POSITIONS", 10)
    monkeypatch.setattr(following, "BATCH_BYTES_MAX", 3 * most)
    projection = shelf()
    facts = told(*(BookPut(book_id=UUID(int=n), author="a", notes=("x" * 9_000,)) for n in range(200)))
    read_models = house(database, projection)
    read_models.prepare()
    record(connection, facts)
    with psycopg.connect(database, autocommit=True) as reader:
        found = list(Pages(projection, FactMapper(FACTS, {})).follow(reader, 0, 200))
    assert [fact.position for page in found for fact in page.facts] == list(range(1, 201))
    assert max(page.size for page in found) < most + 10_000
    assert max(len(page.facts) for page in found) > 10
    batches = []
    while forward := read_models.advance(connection, projection):
        batches.append(forward)
    assert max(batches) < 60
    assert sum(batches) == 200
    read_models.rebuild("shelf")
    for generation in (1, 2):
        assert stored(connection, Generation(projection, generation)) == expected(facts)


def test_a_batch_that_takes_too_long_is_made_smaller_until_it_does_not(
    connection: psycopg.Connection, database: str
) -> None:
    projection = shelf()
    read_models = house(database, projection)
    read_models.prepare()
    record(connection, a_history(60))
    batches = Batches(read_models.live_follower, threading.Event())
    connection.execute("SET statement_timeout = '100ms'")
    connection.execute(
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS"
        " $$BEGIN PERFORM pg_sleep(0.02); RETURN NEW; END$$;"
        "CREATE TRIGGER slow BEFORE INSERT ON shelf_1.entries FOR EACH ROW EXECUTE FUNCTION slow()"
    )
    tries = 0
    while stands(database)["shelf"].position < 60:
        tries += 1
        assert tries < 30
        with contextlib.suppress(psycopg.errors.QueryCanceled):
            take_turns(batches, connection, read_models, projection)
    assert tries > 1
    assert stands(database)["shelf"].trouble is None
    assert stored(connection, Generation(projection, 1)) == expected(a_history(60))


TOO_SLOW = """
    CREATE FUNCTION too_slow() RETURNS trigger LANGUAGE plpgsql AS
        $$BEGIN RAISE 'canceling statement due to statement timeout' USING ERRCODE = 'query_canceled'; END$$;
    CREATE TRIGGER too_slow BEFORE INSERT ON a_broken_1.books EXECUTE FUNCTION too_slow();
"""


@pytest.mark.parametrize("sabotage", ["ALTER TABLE a_broken_1.books DROP COLUMN notes", TOO_SLOW])
def test_a_read_model_that_cannot_be_written_keeps_no_other_from_going_on(database: str, sabotage: str) -> None:
    broken, well = shelf(), shelf()
    broken.name, well.name = "a_broken", "b_well"
    read_models = ReadModels(database, {"a_broken": broken, "b_well": well}, FactMapper(FACTS, {}))
    read_models.prepare()
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(sabotage.encode())
        record(connection, a_history(20))
    engine = LiveEngine(database, read_models)
    engine.start()
    try:
        deadline = time.monotonic() + 10
        while stands(database)["b_well"].position < 20:
            assert time.monotonic() < deadline
            time.sleep(0.02)
    finally:
        engine.stop()


def test_a_number_is_never_given_twice(connection: psycopg.Connection, database: str) -> None:
    read_models = house(database, shelf())
    read_models.prepare()
    numbers = {read_models.rebuild("shelf").generation for _ in range(2)}
    read_models.verify("shelf")
    read_models.drop_kept("shelf")
    numbers.add(read_models.rebuild("shelf").generation)
    assert numbers == {2, 3, 5}


def test_a_poison_fact_that_comes_while_a_rebuild_swaps_is_told_of_as_one(
    connection: psycopg.Connection, database: str
) -> None:
    read_models = house(database, shelf())
    record(connection, a_history(20))
    read_models.prepare()
    read_models.rebuild("shelf")

    def poison(position: int, target: int) -> None:
        if position == target == 20:
            record(connection, told(Spoilt(), after=20))

    with pytest.raises(ReadModelPoisoned, match="fact 21"):
        read_models.rebuild("shelf", on_progress=poison)
    with pytest.raises(ReadModelPoisoned, match="fact 21"):
        read_models.rollback("shelf")
    assert [state for _, state in generations(connection)] == ["kept", "live"]


def test_an_older_program_rolls_back_to_what_it_made(connection: psycopg.Connection, database: str) -> None:
    older, newer = shelf(), shelf(version=2)
    facts = a_history(40)
    record(connection, facts[:20])
    house(database, older).prepare()
    assert house(database, newer).prepare() == ["shelf"]
    record(connection, facts[20:])
    follow(connection, house(database, newer), newer)
    with pytest.raises(ReadModelMoved):
        house(database, newer).rollback("shelf")
    assert house(database, older).rollback("shelf").generation == 1
    assert stored(connection, Generation(older, 1)) == expected(facts)
    with pytest.raises(ReadModelMoved):
        follow(connection, house(database, newer), newer)


def test_what_is_asked_for_is_remembered_until_it_is_done(connection: psycopg.Connection, database: str) -> None:
    read_models = house(database, shelf())
    read_models.prepare()
    connection.execute("UPDATE ledger.read_models SET rebuild_requested_at = now()")
    assert stands(database)["shelf"].rebuild_requested
    read_models.rebuild("shelf")
    assert not stands(database)["shelf"].rebuild_requested
