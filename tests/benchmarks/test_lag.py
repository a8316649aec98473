"""How lag is counted: from the answer to the commit that shows the fact, with what it was sent too late on top."""

import pytest

from benchmarks.lag import Answered, Measured, Watch


def seen(*positions: int) -> Watch:
    watch = Watch()
    for position in positions:
        watch.note(position)
    return watch


def test_a_fact_is_visible_with_the_first_commit_that_is_not_before_it() -> None:
    watch = seen(3, 3, 7)
    first, last = watch.visible_at(3), watch.visible_at(7)

    assert watch.visible_at(1) == first
    assert first < watch.visible_at(4) == last


def test_lag_is_from_the_answer_to_the_commit_and_lateness_counts() -> None:
    watch = seen(5)
    visible = watch.visible_at(5)
    in_time = Answered(due=visible - 0.3, late=0.0, answered=visible - 0.1, position=5)
    too_late = in_time._replace(late=0.2)

    measured = Measured([in_time, too_late], watch)

    assert measured.visible_ms == pytest.approx([100, 300])
    assert measured.append_ms == pytest.approx([200, 200])


def test_what_shows_up_before_its_append_is_answered_has_no_lag() -> None:
    watch = seen(5)
    answered_after = Answered(due=0.0, late=0.0, answered=watch.visible_at(5) + 1, position=5)

    assert Measured([answered_after], watch).visible_ms == [0]
