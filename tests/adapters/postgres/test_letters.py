"""What the tables of codes and letters do that no contract can say: what lies in them, and how tries are counted."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from application.ports.codes import NewCode
from application.ports.letters import Letter
from application.ports.vault import SealBroken
from application.wording import CodeLetter, Wording
from tests.contracts.members import claim_of
from tests.contracts.post import Post, postgres_post
from tests.people import ANNA, BORIS, MONDAY

pytestmark = pytest.mark.anyio

WORDS = Wording("https://streamly.example")
EMAIL, NEW_EMAIL, PHONE = "anna@example.org", "anna@example.net", "+14155550100"


@pytest.fixture
async def post(database: str) -> AsyncIterator[Post]:
    async with postgres_post(database) as opened:
        await opened.ledger.append(rows=[claim_of(ANNA)])
        yield opened


def run(dsn: str, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def noted(codes: list[str], letter: CodeLetter) -> CodeLetter:
    """The same letter, with its code written down."""

    def write(code: str) -> Letter:
        codes.append(code)
        return letter(code)

    return write


def sign_in(subject: bytes = b"Anna's number", *, codes: list[str] | None = None) -> NewCode:
    letter = noted([] if codes is None else codes, WORDS.sign_in_code(PHONE))
    return NewCode(kind="sign_in", subject=subject, account_id=None, write=letter)


async def test_of_fifty_guesses_at_once_five_are_compared(database: str, post: Post) -> None:
    codes: list[str] = []
    await post.codes.issue(sign_in(codes=codes), now=MONDAY)
    wrong = [guess for number in range(51) if (guess := f"{number:06}") != codes[0]][:49]

    guesses = [*wrong, codes[0]]
    proofs = await asyncio.gather(
        *(post.codes.check("sign_in", b"Anna's number", guess, now=MONDAY) for guess in guesses)
    )

    ((tries, status),) = run(database, "SELECT tries, status FROM ops.codes")
    right = sum(proof is not None for proof in proofs)
    assert (tries == 5) if right == 0 else (tries <= 5)
    assert (status, right) in {("live", 0), ("spent", 1)}
    assert await post.codes.check("sign_in", b"Anna's number", codes[0], now=MONDAY) is None
    assert run(database, "SELECT tries FROM ops.codes") == [(tries,)]


async def test_nothing_that_was_sent_can_be_read_in_the_tables(database: str, post: Post) -> None:
    sent: list[str] = []
    write = noted(sent, WORDS.email_change(NEW_EMAIL))

    for account_id in (ANNA, None):
        code = NewCode(
            kind="email_change", subject=b"%s" % str(account_id).encode(), account_id=account_id, payload=NEW_EMAIL,
            write=write,
        )  # fmt: skip
        await post.codes.issue(code, now=MONDAY)

    lying = b"".join(
        bytes(value) if isinstance(value, bytes) else str(value).encode()
        for table in ("codes", "letters")
        for row in run(database, f"SELECT * FROM ops.{table}")
        for value in row
    )
    for secret in (*sent, EMAIL, NEW_EMAIL, "anna", "token="):
        assert secret.encode() not in lying
    months = [(month, account) for month, account in run(database, "SELECT month, account_id FROM ops.letters")]
    assert sorted(months, key=str) == sorted([(None, ANNA), ("2027-03", None)], key=str)


async def test_the_digest_of_digits_takes_more_than_the_database(post: Post, database: str) -> None:
    codes: list[str] = []
    await post.codes.issue(sign_in(codes=codes), now=MONDAY)

    guessed = run(
        database,
        "SELECT count(*) FROM ops.codes, generate_series(0, 999999) AS guess"
        " WHERE digest IN (sha256(salt || lpad(guess::text, 6, '0')::bytea), sha256(lpad(guess::text, 6, '0')::bytea))",
    )

    assert guessed == [(0,)]


async def test_a_text_cannot_be_passed_off_as_that_of_another_letter(database: str, post: Post) -> None:
    for number in range(2):
        await post.codes.issue(sign_in(b"%d" % number), now=MONDAY)

    run(
        database,
        "UPDATE ops.letters SET sealed = other.sealed FROM ops.letters AS other WHERE other.id <> letters.id",
    )

    with pytest.raises(SealBroken):
        await post.letters.written(PHONE, limit=10)


async def test_a_code_whose_letter_cannot_be_written_is_not_there(database: str, post: Post) -> None:
    run(database, "ALTER TABLE ops.letters ADD CONSTRAINT none_today CHECK (channel <> 'sms')")

    with pytest.raises(psycopg.errors.CheckViolation):
        await post.codes.issue(sign_in(), now=MONDAY)

    assert run(database, "SELECT count(*) FROM ops.codes") == [(0,)]


async def test_a_payload_is_that_of_its_code(database: str, post: Post) -> None:
    tokens: list[str] = []
    write = noted(tokens, WORDS.email_change(NEW_EMAIL))

    for account_id in (ANNA, BORIS):
        code = NewCode(
            kind="email_change", subject=account_id.bytes, account_id=ANNA, payload=str(account_id), write=write
        )
        await post.codes.issue(code, now=MONDAY)
    run(database, "UPDATE ops.codes SET payload = other.payload FROM ops.codes AS other WHERE other.id <> codes.id")

    with pytest.raises(SealBroken):
        await post.codes.find(tokens[0], "email_change", now=MONDAY)


async def test_a_letter_that_another_worker_is_taking_is_passed_over(database: str, post: Post) -> None:
    for number in range(2):
        await post.codes.issue(sign_in(b"%d" % number), now=datetime.now(UTC) - timedelta(seconds=1))

    with psycopg.connect(database) as another:
        taken = another.execute("SELECT id FROM ops.letters LIMIT 1 FOR UPDATE").fetchone()
        due = await post.letters.take_due(limit=10, seconds=60)

    assert taken is not None
    assert len(due) == 1
    assert due[0].id != taken[0]
