"""Letters leave: tried again for a while, given up in the end, and nobody's address in the log."""

import logging
from datetime import timedelta
from uuid import UUID

import pytest

from adapters.mail.addresses import EmailValidatorAddresses
from application.mailbox import Mailbox
from application.ports.letters import Letter, LetterCounts, NotSentNow, Undeliverable
from application.posting import LEASE_SECONDS, RETRY_DELAYS_SECONDS, TRIES_MAX, Posting
from tests.application.house import House
from tests.people import ANNA

pytestmark = pytest.mark.anyio

EMAIL, PHONE = "anna@example.org", "+14155550100"


class Carrier:
    """Carries mail and text messages, or fails as it is told to."""

    def __init__(self) -> None:
        self.sent: list[Letter] = []
        self.trouble: Exception | None = None
        self.tries = 0
        self.again: list[bool] = []

    async def send(self, letter: Letter, *, id: UUID | None = None, again: bool = False) -> str:
        self.tries += 1
        self.again.append(again)
        if self.trouble is not None:
            raise self.trouble
        self.sent.append(letter)
        return "carried"


@pytest.fixture
def carrier() -> Carrier:
    return Carrier()


@pytest.fixture
def posting(house: House, carrier: Carrier) -> Posting:
    return Posting(letters=house.letters, mail=carrier, text_messages=carrier)


async def written(house: House, *letters: Letter, worth: timedelta | None = None) -> None:
    now = house.real_time.now()
    over_at = now + worth if worth else None
    rows = [await house.letters.row(letter, account_id=ANNA, now=now, expires_at=over_at) for letter in letters]
    await house.ledger.append(rows=[row for row in rows if row])


def later(house: House, seconds: float) -> None:
    house.real_time.pass_by(timedelta(seconds=seconds))


async def test_mails_and_text_messages_leave_once(house: House, posting: Posting, carrier: Carrier) -> None:
    letters = house.wording.password_changed("email", EMAIL), house.wording.sign_in_code(PHONE)("123456")
    await written(house, *letters)

    assert await posting.send_due() == 2
    assert await posting.send_due() == 0

    assert sorted(carrier.sent, key=lambda letter: letter.channel) == list(letters)
    assert await house.letters.counts() == LetterCounts()


async def test_what_cannot_be_sent_now_is_tried_ever_more_seldom_and_given_up(
    house: House, posting: Posting, carrier: Carrier, caplog: pytest.LogCaptureFixture
) -> None:
    await written(house, house.wording.password_changed("email", EMAIL))
    carrier.trouble = NotSentNow("the mail server said 451")

    for delay in RETRY_DELAYS_SECONDS:
        assert await posting.send_due() == 1
        later(house, delay - 0.5)
        assert await posting.send_due() == 0
        later(house, 0.5)
    assert await house.letters.counts() == LetterCounts(waiting=1)
    assert await posting.send_due() == 1

    assert carrier.tries == TRIES_MAX
    assert await house.letters.counts() == LetterCounts(failed=1)
    assert caplog.records[-1].levelno == logging.ERROR
    assert "given up" in caplog.text
    assert vars(caplog.records[-1])["kind"] == "password_changed"


async def test_a_text_message_is_looked_for_from_the_second_try_on(
    house: House, posting: Posting, carrier: Carrier
) -> None:
    await written(house, house.wording.sign_in_code(PHONE)("123456"))
    carrier.trouble = NotSentNow("Twilio cannot be reached")
    await posting.send_due()
    carrier.trouble = None
    later(house, RETRY_DELAYS_SECONDS[0])
    await posting.send_due()

    assert carrier.again == [False, True]


async def test_whoever_is_busy_says_when_to_come_back(house: House, posting: Posting, carrier: Carrier) -> None:
    await written(house, house.wording.password_changed("email", EMAIL))
    carrier.trouble = NotSentNow("Twilio said 429", retry_after_seconds=100)

    await posting.send_due()

    later(house, 99)
    assert await posting.send_due() == 0
    later(house, 1)
    assert await posting.send_due() == 1


@pytest.mark.parametrize("refused", [True, False])
async def test_what_is_refused_is_given_up_at_once(
    house: House, posting: Posting, carrier: Carrier, *, refused: bool
) -> None:
    await written(house, house.wording.password_changed("email", EMAIL))
    carrier.trouble = Undeliverable("no", refused=refused)

    await posting.send_due()
    later(house, 86_000)
    await posting.send_due()

    assert carrier.tries == 1


async def test_one_letter_that_nobody_foresaw_holds_up_no_other(
    house: House, carrier: Carrier, caplog: pytest.LogCaptureFixture
) -> None:
    broken = Carrier()
    broken.trouble = RuntimeError(f"cannot send to {PHONE}")
    posting = Posting(letters=house.letters, mail=carrier, text_messages=broken)
    await written(house, house.wording.sign_in_code(PHONE)("123456"), house.wording.password_changed("email", EMAIL))

    await posting.send_due()

    assert len(carrier.sent) == 1
    assert await house.letters.counts() == LetterCounts(waiting=1)
    told = caplog.text + "".join(str(vars(record)) for record in caplog.records)
    assert "RuntimeError" in told
    assert "5550100" not in told
    assert "123456" not in told


async def test_a_letter_that_kills_workers_comes_to_an_end(house: House, posting: Posting, carrier: Carrier) -> None:
    await written(house, house.wording.password_changed("email", EMAIL))
    for _ in range(TRIES_MAX):
        assert await house.letters.take_due(limit=1, seconds=LEASE_SECONDS)
        later(house, LEASE_SECONDS)

    await posting.send_due()

    assert carrier.tries == 0
    assert (await house.letters.counts()).failed == 1


async def test_a_code_that_is_over_is_not_sent(house: House, posting: Posting, carrier: Carrier) -> None:
    await written(house, house.wording.sign_in_code(PHONE)("123456"), worth=timedelta(minutes=10))
    carrier.trouble = NotSentNow("Twilio said 503")
    await posting.send_due()
    carrier.trouble = None

    later(house, 600)
    await posting.send_due()

    assert carrier.sent == []
    assert (await house.letters.counts()).failed == 1


async def test_a_text_message_waits_for_the_way_out_that_was_taken_away(house: House, carrier: Carrier) -> None:
    posting = Posting(letters=house.letters, mail=carrier, text_messages=None)
    await written(house, house.wording.sign_in_code(PHONE)("123456"))

    await posting.send_due()

    assert await house.letters.counts() == LetterCounts(waiting=1)


@pytest.mark.parametrize("to", [PHONE, " 14155550100", "+1 (415) 555-0100"])
async def test_the_mailbox_knows_a_number_in_any_spelling(house: House, to: str) -> None:
    mailbox = Mailbox(letters=house.letters, addresses=EmailValidatorAddresses())
    await written(house, house.wording.sign_in_code(PHONE)("123456"), house.wording.password_changed("email", EMAIL))

    assert [letter.to for letter in await mailbox.read(to)] == [PHONE]
    assert [letter.to for letter in await mailbox.read("Anna@Example.ORG")] == [EMAIL]
    assert await mailbox.read("nobody@") == []
    assert len(await mailbox.read(None)) == 2


def test_no_subject_says_anything_about_a_person(house: House) -> None:
    words = house.wording
    letters = [
        *(write("secret") for write in (words.email_verification(EMAIL), words.email_change(EMAIL))),
        *(write("secret") for write in (words.password_reset(EMAIL), words.erasure_code("email", EMAIL))),
        *(write("secret") for write in (words.sign_in_code(PHONE), words.phone_change_code(PHONE))),
        words.erasure_code("sms", PHONE)("secret"),
        words.password_changed("email", EMAIL),
        words.email_changed("email", EMAIL),
        words.phone_changed("email", EMAIL),
    ]

    for letter in letters:
        assert letter.to == (EMAIL if letter.channel == "email" else PHONE)
        assert bool(letter.subject) == (letter.channel == "email")
        assert not any(secret in letter.subject.lower() for secret in ("anna", "secret", "555"))
        assert EMAIL not in letter.body
        assert letter.body.isascii()
        if letter.channel == "sms":
            assert len(letter.body) <= 160
