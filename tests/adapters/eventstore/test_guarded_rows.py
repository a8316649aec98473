"""Operational rows in the appends of one batch: as if one append came after the other, and soon."""

import threading
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

import anyio
import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from adapters.eventstore import recorder as recording
from adapters.eventstore.recorder import Append, LedgerRecorder
from adapters.memory.tables import MemoryTables
from application.errors import DatabaseUnavailable
from application.ports.ledger import Delete, GuardedRow, Insert, InsertOnce, RowMoved, RowTaken, UpdateIf, Write
from domain.video.facts import VideoPublished
from tests.adapters.eventstore.house import LedgerHouse, ledger_house
from tests.people import ANNA, BORIS

pytestmark = pytest.mark.anyio

ANNAS = {"provider": "stripe", "customer_id": "cus_anna"}
BORISS = {"provider": "stripe", "customer_id": "cus_boris"}


@pytest.fixture
async def house(database: str) -> AsyncIterator[LedgerHouse]:
    async with ledger_house(database) as house:
        yield house


def one(*rows: GuardedRow) -> Append:
    return Append([Write(uuid4(), 0, [VideoPublished(fact_id=uuid4(), video_id=ANNA)])], rows, {})


def claim(name: bytes, owner: UUID = ANNA) -> Insert:
    return Insert("claims", {"kind": "email", "blind_index": name, "owner": owner})


def fence(key: dict[str, Any], was: int, becomes: int, *, required: bool = True) -> UpdateIf:
    return UpdateIf("customer_fences", {**key, "epoch": was}, {"epoch": becomes}, required=required)


def told(outcomes: Sequence[object]) -> list[object]:
    return [each if isinstance(each, int) else type(each) for each in outcomes]


def rows_of(dsn: str, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(dsn) as connection:
        return connection.execute(statement.encode()).fetchall()


async def test_of_a_batch_only_who_is_refused_is_left_out(house: LedgerHouse) -> None:
    house.recorder.record([one(claim(b"anna"))])
    batch = [one(claim(b"%d" % number)) for number in range(20)]
    batch[7], batch[13] = one(claim(b"anna")), one(claim(b"12"))
    outcomes = told(house.recorder.record(batch))
    assert (outcomes[7], outcomes[13]) == (RowTaken, RowTaken)
    assert [each for each in outcomes if isinstance(each, int)] == list(range(2, 20))
    assert len(rows_of(house.dsn, "SELECT 1 FROM ops.claims")) == 19
    assert await house.ledger.head() == 19


async def test_who_is_refused_alone_leaves_nothing(house: LedgerHouse) -> None:
    house.recorder.record([one(claim(b"anna"))])
    assert told(house.recorder.record([one(claim(b"boris"), claim(b"anna"))])) == [RowTaken]
    assert rows_of(house.dsn, "SELECT convert_from(blind_index, 'UTF8') FROM ops.claims") == [("anna",)]
    assert await house.ledger.head() == 1


async def test_appends_that_change_one_row_find_it_as_the_one_before_left_it(house: LedgerHouse) -> None:
    house.recorder.record([one(Insert("customer_fences", {**ANNAS, "epoch": 1}))])
    batch = [one(fence(ANNAS, 1, 2)), one(fence(ANNAS, 2, 3)), one(fence(ANNAS, 1, 9)), one(fence(ANNAS, 3, 4))]
    assert told(house.recorder.record(batch)) == [2, 3, RowMoved, 4]
    assert rows_of(house.dsn, "SELECT epoch FROM ops.customer_fences") == [(4,)]


async def test_nor_does_it_matter_that_nothing_is_required(house: LedgerHouse) -> None:
    """What a statement for both would leave out, nobody would miss: these have to go one after the other."""
    house.recorder.record([one(Insert("customer_fences", {**key, "epoch": 1})) for key in (ANNAS, BORISS)])
    chain = [one(fence(ANNAS, was, was + 1, required=False)) for was in (1, 2, 3)]
    last_word = [one(UpdateIf("customer_fences", BORISS, {"epoch": epoch}, required=False)) for epoch in (7, 9, 8)]
    listed = [
        one(UpdateIf("customer_fences", {"customer_id": who}, {"holder": holder}, required=False))
        for who, holder in ((["cus_anna", "cus_boris"], ANNA), (["cus_boris", "cus_carla"], BORIS))
    ]
    assert told(house.recorder.record([*chain, *last_word, *listed])) == list(range(3, 11))
    found = rows_of(house.dsn, "SELECT customer_id, epoch, holder FROM ops.customer_fences ORDER BY 1")
    assert found == [("cus_anna", 4, ANNA), ("cus_boris", 8, BORIS)]


async def test_a_row_that_comes_and_goes_in_one_batch_is_as_the_last_one_left_it(house: LedgerHouse) -> None:
    free = Delete("claims", {"kind": "email", "blind_index": b"anna"})
    batch = [one(claim(b"anna")), one(free, claim(b"anna", BORIS)), one(claim(b"anna"))]
    assert told(house.recorder.record(batch)) == [1, 2, RowTaken]
    assert rows_of(house.dsn, "SELECT owner FROM ops.claims") == [(BORIS,)]
    batch = [one(free), one(claim(b"anna")), one(free, claim(b"anna", BORIS))]
    assert told(house.recorder.record(batch)) == [3, 4, 5]
    assert rows_of(house.dsn, "SELECT owner FROM ops.claims") == [(BORIS,)]


async def test_a_stream_that_a_refused_append_would_have_moved_is_free_for_the_next(house: LedgerHouse) -> None:
    house.recorder.record([one(claim(b"anna"))])
    stream = uuid4()
    facts = [VideoPublished(fact_id=uuid4(), video_id=BORIS)]
    batch = [Append([Write(stream, 0, facts)], [claim(b"anna")], {}), Append([Write(stream, 0, facts)], [], {})]
    assert told(house.recorder.record(batch)) == [RowTaken, 2]


async def test_many_rows_of_a_kind_go_in_one_statement(house: LedgerHouse) -> None:
    """By what the server itself counts: the statements of a batch do not grow with the appends in it."""
    counts = []
    for size in (2, 40):
        batch = [
            one(
                claim(b"%d-%d" % (size, number)),
                Insert("customer_fences", {"provider": "stripe", "customer_id": f"{size}-{number}", "epoch": 1}),
                UpdateIf("inbox", {"id": [1_000 + number, 2_000 + number]}, {"status": "done"}, required=False),
            )
            for number in range(size)
        ]
        counting = Counting()
        counting.record_with(house, batch)
        counts.append(counting.statements)
    assert counts[0] == counts[1] > 0


class Counting:
    """How many statements are sent, on whichever connection."""

    def __init__(self) -> None:
        self.statements = 0

    def record_with(self, house: LedgerHouse, batch: Sequence[Append]) -> None:
        counting = self

        class CountingCursor(psycopg.Cursor[Any]):
            def execute(self, *arguments: Any, **options: Any) -> Any:
                counting.statements += 1
                return super().execute(*arguments, **options)

        class Recorder(LedgerRecorder):
            @contextmanager
            def _locked(self) -> Iterator[psycopg.Connection[Any]]:
                with super()._locked() as connection:
                    connection.cursor_factory = CountingCursor
                    yield connection
                    connection.cursor_factory = psycopg.Cursor

        assert all(isinstance(outcome, int) for outcome in like(house, Recorder).record(batch))


def like(house: LedgerHouse, kind: type[LedgerRecorder]) -> LedgerRecorder:
    return kind(
        house.recorder.datastore,  # type: ignore[arg-type]
        mapper=house.mapper,
        inline=house.recorder.inline,
        business_time=house.clock,
    )


class Holder:
    """A second connection that holds a row, until it is told to let go."""

    def __init__(self, dsn: str, statement: str) -> None:
        self.connection = psycopg.connect(dsn)
        self.connection.execute(statement.encode())

    def let_go(self) -> None:
        self.connection.rollback()
        self.connection.close()


HOLD_ANNAS_FENCE = "SELECT 1 FROM ops.customer_fences WHERE customer_id = 'cus_anna' FOR UPDATE"


async def test_a_row_that_is_held_holds_up_its_own_append_alone(house: LedgerHouse) -> None:
    house.recorder.record([one(Insert("customer_fences", {**key, "epoch": 1})) for key in (ANNAS, BORISS)])
    holder = Holder(house.dsn, HOLD_ANNAS_FENCE)
    batch = [one(claim(b"%d" % number)) for number in range(30)]
    batch[11] = one(fence(ANNAS, 1, 2), claim(b"anna"))
    batch[12] = one(fence(BORISS, 1, 2))
    started = time.monotonic()
    outcomes = told(await anyio.to_thread.run_sync(house.recorder.record, batch))
    elapsed = time.monotonic() - started
    holder.let_go()
    assert outcomes[11] is DatabaseUnavailable
    assert [each for each in outcomes if isinstance(each, int)] == list(range(3, 32))
    assert elapsed < 4, "far less than the time that the ledger's own lock is waited for"
    assert rows_of(house.dsn, "SELECT 1 FROM ops.claims WHERE blind_index = 'anna'") == []
    assert told(house.recorder.record([batch[11]])) == [32]


async def test_a_row_that_is_held_for_a_moment_is_waited_for(
    house: LedgerHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "ROW_WAIT_MS", 5_000)
    house.recorder.record([one(Insert("customer_fences", {**ANNAS, "epoch": 1}))])
    holder = Holder(house.dsn, HOLD_ANNAS_FENCE)
    timer = threading.Timer(0.2, holder.let_go)
    timer.start()
    outcomes = await anyio.to_thread.run_sync(house.recorder.record, [one(), one(fence(ANNAS, 1, 2))])
    timer.join()
    assert told(outcomes) == [2, 3]


async def test_after_guarded_rows_the_other_locks_are_waited_for_as_before(house: LedgerHouse) -> None:
    waits: list[str] = []

    class Asking(LedgerRecorder):
        def _insert_placed(self, connection: psycopg.Connection[Any], placed: Any) -> None:
            waits.append(connection.execute("SHOW lock_timeout").fetchone()["lock_timeout"])  # type: ignore[index]
            super()._insert_placed(connection, placed)

    asking = like(house, Asking)
    asking.record([one(claim(b"anna"))])
    asking.record([one(claim(b"anna")), one(claim(b"boris"))])
    assert waits == ["8s", "8s"]


async def test_what_is_no_operational_table_is_refused_and_the_others_are_recorded(house: LedgerHouse) -> None:
    with pytest.raises(AssertionError, match="refresh_tokens"):
        house.recorder.record([one(Delete("refresh_tokens", {"session_id": ANNA}))])
    with pytest.raises(AssertionError, match="never all rows"):
        house.recorder.record([one(Delete("claims", {}))])
    assert told(house.recorder.record([one()])) == [1]


NAMES = st.sampled_from([b"a", b"b\0\xff", b"c"])
OWNERS = st.sampled_from([ANNA, BORIS])
CUSTOMERS = st.sampled_from(["cus_a", "cus_b", 'it\'s a \\ "cus", {é}\n'])
EPOCHS = st.integers(1, 3)


def some(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """One value, or a list of them."""
    return values | st.lists(values, max_size=3)


CLAIMS = st.builds(lambda name, owner: {"kind": "email", "blind_index": name, "owner": owner}, NAMES, OWNERS)
FENCES = st.builds(lambda name, epoch: {"provider": "stripe", "customer_id": name, "epoch": epoch}, CUSTOMERS, EPOCHS)
WHERE_FENCE = st.builds(lambda name, epoch: {"customer_id": name, "epoch": epoch}, some(CUSTOMERS), some(EPOCHS))
ROWS = st.one_of(
    st.builds(Insert, st.just("claims"), CLAIMS),
    st.builds(InsertOnce, st.just("claims"), CLAIMS),
    st.builds(Delete, st.just("claims"), st.builds(lambda name: {"blind_index": name}, some(NAMES))),
    st.builds(
        UpdateIf,
        st.just("claims"),
        st.builds(lambda owner: {"kind": "email", "owner": owner}, some(OWNERS)),
        st.builds(lambda owner: {"owner": owner}, OWNERS),
        st.booleans(),
    ),
    st.builds(Insert, st.just("customer_fences"), FENCES),
    st.builds(InsertOnce, st.just("customer_fences"), FENCES),
    st.builds(
        UpdateIf,
        st.just("customer_fences"),
        WHERE_FENCE,
        st.builds(lambda epoch: {"epoch": epoch}, EPOCHS),
        st.booleans(),
    ),
    st.builds(
        UpdateIf,
        st.just("customer_fences"),
        st.builds(lambda name: {"customer_id": name}, some(CUSTOMERS)),
        st.builds(lambda epoch: {"epoch": epoch}, EPOCHS),
        st.booleans(),
    ),
    st.builds(Delete, st.just("customer_fences"), WHERE_FENCE),
)
BATCHES = st.lists(st.lists(st.lists(ROWS, max_size=4), min_size=1, max_size=6), min_size=1, max_size=4)


NO_FENCE = UpdateIf("customer_fences", {"customer_id": "cus_a"}, {"epoch": 2}, True)


@given(batches=BATCHES)
# The first row that cannot be changed says why, whatever comes behind it in the table of an earlier one.
@example(batches=[[[claim(b"a")]], [[claim(b"c"), NO_FENCE, claim(b"a")]]])
@example(batches=[[[claim(b"a")]], [[claim(b"c"), NO_FENCE, claim(b"a")], [claim(b"a"), NO_FENCE]]])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_batches_do_what_the_appends_one_by_one_would(
    house: LedgerHouse, batches: list[list[list[GuardedRow]]]
) -> None:
    with psycopg.connect(house.dsn) as connection:
        connection.execute("TRUNCATE ops.claims, ops.customer_fences")
    tables = MemoryTables()
    for batch in batches:
        outcomes = house.recorder.record([one(*rows) for rows in batch])
        assert [_refusal(each) for each in outcomes] == [_refused_in_memory(tables, rows) for rows in batch]
    _assert_same(house.dsn, tables)


def _refusal(outcome: object) -> type[object] | None:
    return None if isinstance(outcome, int) else type(outcome)


def _refused_in_memory(tables: MemoryTables, rows: list[GuardedRow]) -> type[object] | None:
    try:
        tables.change(rows)
    except (RowTaken, RowMoved) as refused:
        return type(refused)
    return None


def _assert_same(dsn: str, tables: MemoryTables) -> None:
    claims = {(row["kind"], row["blind_index"], row["owner"]) for row in tables.rows("claims")}
    assert set(rows_of(dsn, "SELECT kind, blind_index, owner FROM ops.claims")) == claims
    fences = {(row["customer_id"], row["epoch"]) for row in tables.rows("customer_fences")}
    assert set(rows_of(dsn, "SELECT customer_id, epoch FROM ops.customer_fences")) == fences
