"""`streamly intents`: what was asked of the payment provider in vain, and trying it again."""

from uuid import UUID

import psycopg
import pytest

from tests.cli.running import Run, said

STREAM = UUID(int=7)


@pytest.fixture(autouse=True)
def asked(database: str) -> None:
    """A cancellation whose tries are used up, and a refund that waits for its next one."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO ops.intents (key, stream, due_at, attempts, failed, error)"
            " VALUES ('cancel-1', %(stream)s, '2026-01-01Z', 9, true, 'no answer'),"
            " ('refund-1', %(stream)s, '2126-01-01Z', 1, false, 'no answer yet')",
            {"stream": STREAM},
        )


def test_what_has_failed_is_listed_with_why(streamly: Run) -> None:
    [failed] = said(streamly("intents", "list", "--failed", "--json"))
    assert failed == {
        "key": "cancel-1",
        "stream": str(STREAM),
        "failed": True,
        "attempts": 9,
        "due_at": None,
        "error": "no answer",
    }
    every = said(streamly("intents", "list", "--json"))
    assert [one["key"] for one in every] == ["cancel-1", "refund-1"]
    assert "no answer yet" in streamly("intents", "list").stdout


def test_the_doctor_says_so_until_somebody_has_it_tried_again(streamly: Run) -> None:
    examined = streamly("doctor")
    assert examined.returncode == 1
    assert "WRONG intents: 1 have failed for good; `streamly intents list --failed` shows them" in examined.stdout

    [again] = said(streamly("intents", "retry", "cancel-1", "--json"))

    assert (again["key"], again["failed"], again["attempts"], again["error"]) == ("cancel-1", False, 0, None)
    assert again["due_at"]
    assert said(streamly("intents", "list", "--failed", "--json")) == []
    assert "ok    intents: 0 have failed for good" in streamly("doctor").stdout


def test_what_nobody_asked_for_is_refused_in_one_line(streamly: Run) -> None:
    refused = streamly("intents", "retry", "cancel-of-nobody")

    assert refused.returncode == 3
    assert refused.stderr == (
        "streamly: Nothing that was asked for with the key cancel-of-nobody waits for its outcome.\n"
    )
