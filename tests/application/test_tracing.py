"""A trace is gone on with as W3C's Trace Context says, and one that is no good is not."""

import asyncio

import pytest

from adapters.tracing.unrecorded import UnrecordedSpans
from application.tracing import Trace, begin, outgoing, step, underway

TRACE_ID, SPAN_ID = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def test_where_one_is_in_a_trace_is_read_and_written() -> None:
    sampled, unsampled = f"00-{TRACE_ID}-{SPAN_ID}-01", f"00-{TRACE_ID}-{SPAN_ID}-00"

    assert Trace.of(sampled) == Trace(TRACE_ID, SPAN_ID, sampled=True)
    assert Trace.of(unsampled) == Trace(TRACE_ID, SPAN_ID, sampled=False)
    assert Trace(TRACE_ID, SPAN_ID, sampled=True).traceparent == sampled
    assert Trace(TRACE_ID, SPAN_ID, sampled=False).traceparent == unsampled
    assert Trace.of(f"cc-{TRACE_ID}-{SPAN_ID}-01-of-a-later-version") == Trace(TRACE_ID, SPAN_ID, sampled=True)


@pytest.mark.parametrize(
    "no_good",
    [
        "",
        "00",
        f"00-{TRACE_ID}-{SPAN_ID}",
        f"00-{TRACE_ID}-{SPAN_ID}-01-more",
        f"ff-{TRACE_ID}-{SPAN_ID}-01",
        f"00-{TRACE_ID.upper()}-{SPAN_ID}-01",
        f"00-{'0' * 32}-{SPAN_ID}-01",
        f"00-{TRACE_ID}-{'0' * 16}-01",
        f"00-{TRACE_ID}-{SPAN_ID}-01\n",
        f"00-{TRACE_ID[:-1]}٣-{SPAN_ID}-01",
        f"cc-{TRACE_ID}-{SPAN_ID}-01-{'x' * 300}",
    ],
)
def test_what_is_no_good_is_no_trace(no_good: str) -> None:
    assert Trace.of(no_good) is None


def test_whom_we_ask_can_go_on_and_is_told_nothing_where_nothing_is_under_way() -> None:
    assert outgoing() == {}

    this = begin(UnrecordedSpans(), "GET", after=Trace(TRACE_ID, SPAN_ID, sampled=True), notes={})
    told = Trace.of(outgoing()["traceparent"])
    this.end()

    assert told is not None
    assert (told.trace_id, told.sampled) == (TRACE_ID, True)
    assert told.span_id == this.trace.span_id != SPAN_ID
    assert outgoing() == {}


def test_each_step_of_a_worker_is_a_trace_and_its_tasks_belong_to_it() -> None:
    async def steps() -> list[str]:
        async def asked() -> str:
            here = underway()
            assert here is not None
            return f"{here.notes['step']} {here.trace.trace_id}"

        seen: list[str] = []
        for _ in range(2):
            with step(UnrecordedSpans(), "sweep"):
                seen += await asyncio.gather(asked(), asyncio.create_task(asked()))
        assert underway() is None
        return seen

    first, second, third, fourth = asyncio.run(steps())
    assert first == second != third == fourth
    assert first.startswith("sweep ")
    assert first != f"sweep {'0' * 32}"


def test_a_step_that_fails_has_ended() -> None:
    with pytest.raises(ZeroDivisionError), step(UnrecordedSpans(), "sweep"):
        raise ZeroDivisionError

    assert underway() is None
