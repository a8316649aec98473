"""Questions that come together are put together, and each gets its own answer."""

import asyncio
from collections.abc import Sequence
from contextvars import ContextVar

import pytest

from adapters.postgres.gathering import GATHERED_MAX, WAITING_MAX, Gathering
from application.errors import DatabaseUnavailable

pytestmark = pytest.mark.anyio

WHOSE: ContextVar[str] = ContextVar("whose", default="nobody's")


class Squares:
    """Squares numbers once it may; keeps what it was asked at a time."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.may = asyncio.Event()
        self.may.set()
        self.trouble: Exception | None = None

    async def __call__(self, numbers: Sequence[int]) -> list[int]:
        self.batches.append(list(numbers))
        await self.may.wait()
        if self.trouble is not None:
            raise self.trouble
        if 13 in numbers:
            raise ValueError("unlucky")
        return [number * number for number in numbers]


async def test_what_is_asked_in_one_turn_of_the_loop_is_one_question() -> None:
    squares = Squares()
    gathering = Gathering(squares, rounds=1)

    assert await asyncio.gather(*(gathering.ask(number) for number in range(5))) == [0, 1, 4, 9, 16]
    assert await gathering.ask(6) == 36
    assert squares.batches == [[0, 1, 2, 3, 4], [6]]


async def test_what_comes_while_one_is_asked_is_the_next_question() -> None:
    squares = Squares()
    squares.may.clear()
    gathering = Gathering(squares, rounds=1)
    first = asyncio.create_task(gathering.ask(1))
    await asyncio.sleep(0.01)
    rest = [asyncio.create_task(gathering.ask(number)) for number in (2, 3)]
    await asyncio.sleep(0.01)
    assert squares.batches == [[1]]

    squares.may.set()

    assert await asyncio.gather(first, *rest) == [1, 4, 9]
    assert squares.batches == [[1], [2, 3]]


async def test_two_rounds_are_two_questions_at_once_and_no_more() -> None:
    squares = Squares()
    squares.may.clear()
    gathering = Gathering(squares, rounds=2)
    tasks = []
    for number in range(4):
        tasks.append(asyncio.create_task(gathering.ask(number)))
        await asyncio.sleep(0.01)
    assert squares.batches == [[0], [1]]

    squares.may.set()

    assert await asyncio.gather(*tasks) == [0, 1, 4, 9]


async def test_one_question_that_cannot_be_put_spoils_no_other() -> None:
    gathering = Gathering(Squares(), rounds=1)

    answers = await asyncio.gather(*(gathering.ask(number) for number in (1, 13, 3)), return_exceptions=True)

    assert answers[0::2] == [1, 9]
    assert isinstance(answers[1], ValueError)


async def test_a_database_that_is_away_is_asked_once_for_all() -> None:
    squares = Squares()
    squares.trouble = DatabaseUnavailable("away")
    gathering = Gathering(squares, rounds=1)

    answers = await asyncio.gather(*(gathering.ask(number) for number in range(9)), return_exceptions=True)

    assert {type(answer) for answer in answers} == {DatabaseUnavailable}
    assert len(squares.batches) == 1


async def test_who_goes_away_takes_nobody_along_and_is_not_asked_for() -> None:
    squares = Squares()
    squares.may.clear()
    gathering = Gathering(squares, rounds=1)
    tasks = [asyncio.create_task(gathering.ask(number)) for number in (1, 2)]
    await asyncio.sleep(0.01)
    later = [asyncio.create_task(gathering.ask(number)) for number in (3, 4)]
    await asyncio.sleep(0.01)

    tasks[0].cancel()
    later[0].cancel()
    squares.may.set()

    assert (await tasks[1], await later[1]) == (4, 16)
    assert squares.batches == [[1, 2], [4]]


async def test_both_the_batch_and_the_queue_have_a_limit() -> None:
    squares = Squares()
    gathering = Gathering(squares, rounds=1)
    tasks = [asyncio.create_task(gathering.ask(number + 100)) for number in range(WAITING_MAX)]
    # They start in order, so by now all of them wait.
    refused = asyncio.create_task(gathering.ask(1))

    answers = await asyncio.gather(*tasks, refused, return_exceptions=True)

    assert isinstance(answers[-1], DatabaseUnavailable)
    assert answers[0] == 10_000
    assert answers[-2] == (WAITING_MAX + 99) ** 2
    assert {len(batch) for batch in squares.batches} == {GATHERED_MAX}


async def test_whoever_asks_first_lends_the_others_nothing_of_theirs() -> None:
    seen: list[str] = []

    async def look(questions: Sequence[int]) -> Sequence[int]:
        seen.append(WHOSE.get())
        return questions

    async def ask(who: str, question: int) -> None:
        WHOSE.set(who)
        assert await gathering.ask(question) == question
        assert WHOSE.get() == who

    gathering = Gathering(look, rounds=1)
    await asyncio.gather(asyncio.create_task(ask("Anna", 1)), asyncio.create_task(ask("Ben", 2)))

    assert seen == ["nobody's"]
