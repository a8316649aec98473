"""What the outbox of letters keeps to: run against PostgreSQL and in memory."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from application.ports.letters import ChannelClosed, DueLetter, Letter, LetterCounts, Written
from application.wording import Wording
from tests.contracts.post import Post, post_in
from tests.people import ANNA, BORIS

pytestmark = pytest.mark.anyio

WORDS = Wording("https://streamly.example")
EMAIL, PHONE = "anna@example.org", "+14155550100"
LETTER = WORDS.password_changed("email", EMAIL)
TEXT = WORDS.sign_in_code(PHONE)("123456")


@pytest.fixture(params=["memory", "postgres"])
async def post(request: pytest.FixtureRequest) -> AsyncIterator[Post]:
    async with post_in(request) as opened:
        yield opened


def ago(**of: float) -> datetime:
    return datetime.now(UTC) - timedelta(**of)


async def written(
    post: Post,
    letter: Letter = LETTER,
    *,
    account_id: UUID | None = ANNA,
    at: datetime | None = None,
    expires_at: datetime | None = None,
) -> None:
    row = await post.letters.row(letter, account_id=account_id, now=at or ago(minutes=1), expires_at=expires_at)
    assert row is not None
    await post.ledger.append(rows=[row])


async def taken(post: Post, *, seconds: float = 60) -> list[DueLetter]:
    return list(await post.letters.take_due(limit=10, seconds=seconds))


async def test_what_an_append_wrote_is_due_and_taken_once(post: Post) -> None:
    await written(post, TEXT, account_id=None, at=ago(minutes=1))
    await written(post, LETTER, at=ago(minutes=2))

    due = await taken(post)

    assert [(each.letter, each.attempt) for each in due] == [(LETTER, 1), (TEXT, 1)]
    assert await taken(post) == []
    assert await post.letters.counts() == LetterCounts(waiting=2)


async def test_of_many_workers_each_letter_has_one(post: Post) -> None:
    for _ in range(20):
        await written(post)

    due = await asyncio.gather(*(post.letters.take_due(limit=5, seconds=60) for _ in range(10)))

    ids = [each.id for some in due for each in some]
    assert len(ids) == len(set(ids)) == 20


async def test_whoever_dies_with_one_leaves_it_to_the_next_and_the_try_is_counted(post: Post) -> None:
    await written(post)
    await taken(post, seconds=0)

    assert [each.attempt for each in await taken(post)] == [2]


async def test_sent_it_is_over_and_its_text_is_gone(post: Post) -> None:
    await written(post)
    [due] = await taken(post, seconds=0)

    await post.letters.sent(due.id, reference="queued as 7")

    assert await taken(post) == []
    assert await post.letters.written(EMAIL, limit=10) == []
    assert await post.letters.counts() == LetterCounts()


async def test_the_development_mailbox_keeps_what_was_sent(post: Post) -> None:
    at = ago(minutes=1).replace(microsecond=0)
    await written(post, at=at)
    [due] = await taken(post)

    await post.mailbox.sent(due.id, reference="kept")

    assert await post.mailbox.written(EMAIL, limit=10) == [
        Written(to=EMAIL, subject=LETTER.subject, body=LETTER.body, at=at)
    ]


async def test_the_mailbox_shows_the_newest_first_of_one_or_of_all(post: Post) -> None:
    for minutes, to in ((3, "boris@example.org"), (2, EMAIL), (1, "boris@example.org")):
        await written(post, WORDS.email_changed("email", to), at=ago(minutes=minutes))
    await written(post, TEXT, at=ago(minutes=4))

    shown = await post.mailbox.written(None, limit=3)

    assert [each.to for each in shown] == ["boris@example.org", EMAIL, "boris@example.org"]
    assert [each.to for each in await post.mailbox.written(PHONE, limit=3)] == [PHONE]
    assert len(await post.mailbox.written("boris@example.org", limit=1)) == 1


async def test_put_off_it_comes_again_after_so_long(post: Post) -> None:
    await written(post)
    [due] = await taken(post, seconds=0)

    await post.letters.retry_later(due.id, error="421", seconds=3600)
    assert await taken(post) == []

    await post.letters.retry_later(due.id, error="421", seconds=0)
    assert [each.attempt for each in await taken(post)] == [2]


async def test_given_up_it_is_counted_for_who_is_to_look(post: Post) -> None:
    for _ in range(3):
        await written(post)
    first, second, _ = await taken(post, seconds=0)

    await post.letters.give_up(first.id, error="550 5.1.1", refused=True)
    await post.letters.give_up(second.id, error="no\x00 answer", refused=False)
    await post.letters.sent(second.id, reference="too late")

    assert await post.letters.counts() == LetterCounts(waiting=1, refused=1, failed=1)
    assert len(await post.letters.written(EMAIL, limit=10)) == 1


async def test_what_would_be_told_too_late_is_not_told(post: Post) -> None:
    await written(post, TEXT, at=ago(minutes=11), expires_at=ago(minutes=1))
    await written(post, at=ago(hours=25))

    assert await taken(post) == []
    assert await post.letters.counts() == LetterCounts(failed=2)


async def test_nothing_is_sent_to_who_has_been_erased(post: Post) -> None:
    await written(post)
    await written(post, account_id=BORIS)

    await post.sealed.vault.shred(ANNA)

    assert len(await post.letters.written(None, limit=10)) == 1
    assert len(await taken(post)) == 1
    assert await post.letters.counts() == LetterCounts(waiting=1)
    assert await post.letters.row(LETTER, account_id=ANNA, now=ago(minutes=1)) is None


async def test_without_a_way_out_nothing_is_written(post: Post) -> None:
    with pytest.raises(ChannelClosed):
        await post.letters_by_mail.row(TEXT, account_id=None, now=ago(minutes=1))
    assert await post.letters_by_mail.row(LETTER, account_id=None, now=ago(minutes=1)) is not None
