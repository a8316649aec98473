"""What one-time codes keep to: run against PostgreSQL and in memory."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from msgspec.structs import replace

from application.ports.codes import CodeKind, NewCode, Proof, TooManyCodes
from application.ports.ledger import Delete, GuardedRow, Insert, RowMoved
from application.ports.letters import ChannelClosed, Letter
from application.wording import Wording
from tests.contracts.members import claim_of
from tests.contracts.post import Post, post_in
from tests.people import ANNA, BORIS, MONDAY

pytestmark = pytest.mark.anyio

PHONE, OTHER_PHONE, EMAIL = "+14155550100", "+14155550101", "anna@example.org"
BORIS_EMAIL = "boris@example.org"
NUMBER, NEW_ADDRESS = b"index of Anna's number", "anna@example.net"
WORDS = Wording("https://streamly.example")
MINUTES = timedelta(minutes=1)


@pytest.fixture(params=["memory", "postgres"])
async def post(request: pytest.FixtureRequest) -> AsyncIterator[Post]:
    async with post_in(request) as opened:
        claims = [("email", EMAIL, ANNA), ("email", BORIS_EMAIL, BORIS)]
        await opened.ledger.append(rows=[claim(opened, kind, what, whose) for kind, what, whose in claims])
        yield opened


def claim(post: Post, kind: str, what: str, whose: UUID) -> Insert:
    return Insert("claims", {"kind": kind, "blind_index": post.sealed.blind_index.of(kind, what), "owner": whose})


class Sent:
    """Writes letters, and knows the last code in one."""

    code = ""

    def sign_in(
        self,
        *,
        phone: str = PHONE,
        subject: bytes = NUMBER,
        account_id: UUID | None = None,
        is_familiar: bool = False,
    ) -> NewCode:
        def write(code: str) -> Letter:
            self.code = code
            return WORDS.sign_in_code(phone)(code)

        return NewCode(kind="sign_in", subject=subject, account_id=account_id, write=write, is_familiar=is_familiar)

    def link(
        self,
        kind: CodeKind = "email_change",
        *,
        account_id: UUID = ANNA,
        to: str = EMAIL,
        payload: str | None = NEW_ADDRESS,
    ) -> NewCode:
        def write(token: str) -> Letter:
            self.code = token
            return WORDS.email_change(to)(token)

        return NewCode(kind=kind, subject=account_id.bytes, account_id=account_id, payload=payload, write=write)


async def checked(
    post: Post, digits: str, *, now: datetime = MONDAY, subject: bytes = NUMBER, is_familiar: bool = False
) -> Proof | None:
    return await post.codes.check("sign_in", subject, digits, now=now, is_familiar=is_familiar)


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06}"


async def test_a_code_is_six_digits_and_good_once(post: Post) -> None:
    sent = Sent()

    over_at = await post.codes.issue(sent.sign_in(), now=MONDAY)

    assert over_at == MONDAY + 10 * MINUTES
    assert len(sent.code) == 6
    assert sent.code.isdecimal()
    proof = await checked(post, sent.code)
    assert proof is not None
    assert (proof.kind, proof.account_id, proof.payload) == ("sign_in", None, None)
    assert await checked(post, sent.code) is None


async def test_its_letter_is_written_with_it(post: Post) -> None:
    sent = Sent()
    await post.codes.issue(sent.sign_in(), now=MONDAY)

    (letter,) = await post.letters.written(PHONE, limit=10)

    assert sent.code in letter.body
    assert (letter.to, letter.at) == (PHONE, MONDAY)
    assert await post.letters.written(OTHER_PHONE, limit=10) == []


async def test_a_code_of_another_kind_or_for_another_subject_is_none(post: Post) -> None:
    sent = Sent()
    await post.codes.issue(sent.sign_in(), now=MONDAY)

    assert await checked(post, sent.code, subject=b"index of another") is None
    assert await post.codes.check("phone_change", NUMBER, sent.code, now=MONDAY) is None
    assert await checked(post, "") is None
    assert await checked(post, "\ud800") is None
    assert await checked(post, sent.code) is not None


async def test_after_five_wrong_tries_the_right_one_is_wrong_too(post: Post) -> None:
    sent = Sent()
    await post.codes.issue(sent.sign_in(), now=MONDAY)

    for _ in range(5):
        assert await checked(post, wrong(sent.code)) is None

    assert await checked(post, sent.code) is None


async def test_the_fifth_try_may_be_the_right_one(post: Post) -> None:
    sent = Sent()
    await post.codes.issue(sent.sign_in(), now=MONDAY)

    for _ in range(4):
        assert await checked(post, wrong(sent.code)) is None

    assert await checked(post, sent.code) is not None


async def test_of_fifty_who_race_with_the_right_code_one_gets_in(post: Post) -> None:
    sent = Sent()
    await post.codes.issue(sent.sign_in(), now=MONDAY)

    proofs = await asyncio.gather(*(checked(post, sent.code) for _ in range(50)))

    assert sum(proof is not None for proof in proofs) == 1


async def test_a_code_is_over_when_its_time_is(post: Post) -> None:
    sent = Sent()
    await post.codes.issue(sent.sign_in(), now=MONDAY)

    assert await checked(post, sent.code, now=MONDAY + 10 * MINUTES) is None
    assert await checked(post, sent.code, now=MONDAY + 9.99 * MINUTES) is not None


async def test_a_newer_code_ends_the_older(post: Post) -> None:
    first, second = Sent(), Sent()
    await post.codes.issue(first.sign_in(), now=MONDAY)
    await post.codes.issue(second.sign_in(), now=MONDAY + MINUTES)

    if first.code != second.code:
        assert await checked(post, first.code, now=MONDAY + MINUTES) is None
    assert await checked(post, second.code, now=MONDAY + MINUTES) is not None


async def test_three_codes_in_a_quarter_of_an_hour_and_ten_a_day(post: Post) -> None:
    sent, now = Sent(), MONDAY
    for _ in range(3):
        for minutes in (0, 1, 2):
            await post.codes.issue(sent.sign_in(), now=now + minutes * MINUTES)
        with pytest.raises(TooManyCodes) as too_soon:
            await post.codes.issue(Sent().sign_in(), now=now + 3 * MINUTES)
        assert too_soon.value.retry_after_seconds == 12 * 60
        now += 15 * MINUTES
    await post.codes.issue(sent.sign_in(), now=now)

    with pytest.raises(TooManyCodes) as too_many:
        await post.codes.issue(Sent().sign_in(), now=now + 15 * MINUTES)

    assert too_many.value.retry_after_seconds == (24 * 60 - 60) * 60
    assert await checked(post, sent.code, now=now) is not None
    await post.codes.issue(sent.sign_in(), now=MONDAY + timedelta(days=1))


async def test_strangers_and_who_is_familiar_end_each_their_own_codes(post: Post) -> None:
    at_home, later, strange = Sent(), Sent(), Sent()
    await post.codes.issue(at_home.sign_in(is_familiar=True), now=MONDAY)
    for _ in range(3):
        await post.codes.issue(strange.sign_in(), now=MONDAY)
    with pytest.raises(TooManyCodes):
        await post.codes.issue(Sent().sign_in(), now=MONDAY)

    assert await checked(post, at_home.code) is not None
    await post.codes.issue(at_home.sign_in(is_familiar=True), now=MONDAY)
    await post.codes.issue(later.sign_in(is_familiar=True), now=MONDAY)
    with pytest.raises(TooManyCodes):
        await post.codes.issue(Sent().sign_in(is_familiar=True), now=MONDAY)
    if at_home.code not in {later.code, strange.code}:
        assert await checked(post, at_home.code) is None
    assert await checked(post, strange.code, is_familiar=True) is not None
    assert await checked(post, later.code, is_familiar=True) is not None


async def test_tries_of_strangers_do_not_count_for_who_is_familiar_nor_theirs_for_strangers(post: Post) -> None:
    sent = Sent()
    for is_familiar in (True, False):
        await post.codes.issue(sent.sign_in(), now=MONDAY)
        for _ in range(5):
            assert await checked(post, wrong(sent.code), is_familiar=is_familiar) is None
        assert await checked(post, sent.code, is_familiar=is_familiar) is None
        assert await checked(post, sent.code, is_familiar=not is_familiar) is not None


async def test_who_is_refused_gets_no_letter(post: Post) -> None:
    for _ in range(3):
        await post.codes.issue(Sent().sign_in(), now=MONDAY)

    with pytest.raises(TooManyCodes):
        await post.codes.issue(Sent().sign_in(), now=MONDAY)

    assert len(await post.letters.written(PHONE, limit=10)) == 3


async def test_many_who_ask_for_one_number_are_limited_together(post: Post) -> None:
    def from_another(number: int) -> NewCode:
        return Sent().sign_in(subject=b"subject %d" % number)

    for number in range(3):
        await post.codes.issue(from_another(number), now=MONDAY)

    with pytest.raises(TooManyCodes):
        await post.codes.issue(from_another(4), now=MONDAY)
    await post.codes.issue(Sent().sign_in(phone=OTHER_PHONE, subject=b"subject 4"), now=MONDAY)


async def test_of_fifty_codes_asked_for_at_once_three_are_sent(post: Post) -> None:
    asked = (post.codes.issue(Sent().sign_in(), now=MONDAY) for _ in range(50))

    outcomes = await asyncio.gather(*asked, return_exceptions=True)

    assert sum(isinstance(outcome, datetime) for outcome in outcomes) == 3
    assert sum(isinstance(outcome, TooManyCodes) for outcome in outcomes) == 47
    assert len(await post.letters.written(PHONE, limit=100)) == 3


async def test_a_code_to_nobody_counts_as_much_and_proves_nothing(post: Post) -> None:
    letter = WORDS.password_reset(EMAIL)
    nobody = NewCode(kind="password_reset", subject=NUMBER, account_id=None, write=letter, is_sent=False)
    for _ in range(3):
        assert await post.codes.issue(nobody, now=MONDAY) == MONDAY + 30 * MINUTES

    with pytest.raises(TooManyCodes):
        await post.codes.issue(nobody, now=MONDAY)

    assert await post.letters.written(None, limit=10) == []
    assert await post.codes.find("", "password_reset", now=MONDAY) is None


async def test_what_is_sent_to_nobody_counts_for_whom_it_is_written_to(post: Post) -> None:
    def written(account_id: UUID) -> NewCode:
        return replace(Sent().link(account_id=account_id), is_sent=False)

    askers = [uuid4() for _ in range(4)]
    await post.ledger.append(rows=[claim_of(asker) for asker in askers])
    for asker in askers[:3]:
        await post.codes.issue(written(asker), now=MONDAY)

    with pytest.raises(TooManyCodes):
        await post.codes.issue(written(askers[3]), now=MONDAY)
    with pytest.raises(TooManyCodes):
        await post.codes.issue(Sent().link(), now=MONDAY)
    with pytest.raises(ChannelClosed):
        await post.codes_by_mail.issue(replace(Sent().sign_in(), is_sent=False), now=MONDAY)


async def test_a_link_proves_what_it_was_sent_for_until_an_append_spends_it(post: Post) -> None:
    sent = Sent()
    await post.codes.issue(sent.link(), now=MONDAY)
    assert len(sent.code) == 43

    proof = await post.codes.find(sent.code, "email_verification", "email_change", now=MONDAY)

    assert proof is not None
    assert (proof.kind, proof.account_id, proof.payload) == ("email_change", ANNA, NEW_ADDRESS)
    await post.ledger.append(rows=[post.codes.spending(proof)])
    assert await post.codes.find(sent.code, "email_change", now=MONDAY) is None
    with pytest.raises(RowMoved):
        await post.ledger.append(rows=[post.codes.spending(proof)])


async def test_a_link_of_another_kind_changed_or_too_late_proves_nothing(post: Post) -> None:
    sent = Sent()
    await post.codes.issue(sent.link(), now=MONDAY)

    assert await post.codes.find(sent.code, "password_reset", now=MONDAY) is None
    assert await post.codes.find(sent.code + "x", "email_change", now=MONDAY) is None
    assert await post.codes.find("\ud800", "email_change", now=MONDAY) is None
    assert await post.codes.find(sent.code, "email_change", now=MONDAY + 30 * MINUTES) is None
    assert await post.codes.find(sent.code, "email_change", now=MONDAY) is not None


async def test_what_was_sent_to_an_account_is_ended_with_an_append(post: Post) -> None:
    reset, change, boris = Sent(), Sent(), Sent()
    await post.codes.issue(reset.link("password_reset"), now=MONDAY)
    await post.codes.issue(change.link("email_change"), now=MONDAY)
    await post.codes.issue(boris.link("password_reset", account_id=BORIS, to=BORIS_EMAIL), now=MONDAY)

    await post.ledger.append(rows=[post.codes.ending(ANNA, ["password_reset", "erasure"])])
    await post.ledger.append(rows=[post.codes.ending(ANNA, ["password_reset"])])

    assert await post.codes.find(reset.code, "password_reset", now=MONDAY) is None
    assert await post.codes.find(change.code, "email_change", now=MONDAY) is not None
    assert await post.codes.find(boris.code, "password_reset", now=MONDAY) is not None


async def test_the_append_that_makes_an_account_carries_its_first_link(post: Post) -> None:
    sent = Sent()

    rows = await post.codes.rows(sent.link("email_verification", payload=None), now=MONDAY)
    assert await post.codes.find(sent.code, "email_verification", now=MONDAY) is None
    await post.ledger.append(rows=rows)

    proof = await post.codes.find(sent.code, "email_verification", now=MONDAY + timedelta(hours=23))
    assert proof is not None
    assert (proof.account_id, proof.payload) == (ANNA, None)
    (letter,) = await post.letters.written(EMAIL, limit=10)
    assert f"#token={sent.code}" in letter.body


async def test_who_has_been_erased_is_sent_nothing_and_proves_nothing(post: Post) -> None:
    before, after = Sent(), Sent()
    await post.codes.issue(before.link(), now=MONDAY)
    await post.sealed.vault.shred(ANNA)

    await post.codes.issue(after.link("password_reset"), now=MONDAY)

    assert await post.codes.find(before.code, "email_change", now=MONDAY) is None
    assert await post.codes.find(after.code, "password_reset", now=MONDAY) is None
    assert await post.letters.written(None, limit=10) == []


async def test_an_erasure_that_has_removed_the_claims_finds_every_code(post: Post) -> None:
    sent = Sent()
    await post.ledger.append(rows=[Delete("claims", {"owner": ANNA})])

    assert await post.codes.issue(sent.link(), now=MONDAY) == MONDAY + 30 * MINUTES

    assert await post.codes.find(sent.code, "email_change", now=MONDAY) is None
    assert await post.letters.written(None, limit=10) == []


@pytest.mark.parametrize("kind", ["password_reset", "erasure"])
async def test_to_an_address_that_the_account_has_no_more_no_code_goes_whatever_else_it_has(
    post: Post, kind: CodeKind
) -> None:
    sent, still = Sent(), Sent()
    moved: list[GuardedRow] = [
        Delete("claims", claim(post, "email", EMAIL, ANNA).values),
        claim(post, "email", NEW_ADDRESS, ANNA),
    ]
    await post.ledger.append(rows=moved)

    assert await post.codes.issue(sent.link(kind), now=MONDAY) > MONDAY
    await post.codes.issue(still.link("password_reset", to=NEW_ADDRESS), now=MONDAY)

    assert await post.letters.written(EMAIL, limit=10) == []
    assert await post.codes.find(sent.code, kind, now=MONDAY) is None
    assert await post.codes.find(still.code, "password_reset", now=MONDAY) is not None


async def test_a_code_to_a_number_that_was_released_meanwhile_is_not_made(post: Post) -> None:
    sent = Sent()
    await post.codes.issue(sent.sign_in(account_id=ANNA), now=MONDAY)
    assert await checked(post, sent.code) is None

    await post.ledger.append(rows=[claim(post, "phone", PHONE, ANNA)])
    await post.codes.issue(sent.sign_in(account_id=ANNA), now=MONDAY)
    assert await checked(post, sent.code) is not None


async def test_a_code_that_was_asked_for_with_a_former_password_is_not_made(post: Post) -> None:
    former, present = Sent(), Sent()
    await post.ledger.append(rows=[Insert("credentials", {"account_id": ANNA, "password_hash": "of the new one"})])

    await post.codes.issue(replace(former.link(), password_hash="of the one before"), now=MONDAY)
    await post.codes.issue(replace(present.link(), password_hash="of the new one"), now=MONDAY)

    assert await post.codes.find(former.code, "email_change", now=MONDAY) is None
    assert await post.codes.find(present.code, "email_change", now=MONDAY) is not None
    assert len(await post.letters.written(None, limit=10)) == 1


async def test_without_a_way_out_no_code_is_made(post: Post) -> None:
    sent = Sent()
    with pytest.raises(ChannelClosed):
        await post.codes_by_mail.issue(sent.sign_in(), now=MONDAY)
    with pytest.raises(ChannelClosed):
        await post.codes_by_mail.rows(sent.sign_in(), now=MONDAY)

    assert await checked(post, sent.code) is None
    await post.codes_by_mail.issue(sent.link(), now=MONDAY)
