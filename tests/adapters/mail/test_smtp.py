"""Mail by SMTP against a real server: what it is handed, how it is secured, and what its refusals mean."""

import asyncio
import email
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from time import monotonic
from uuid import UUID

import pytest

from adapters.mail.messages import SenderInvalid, sender_of
from adapters.mail.smtp import SmtpMail
from adapters.mail.smtp_url import SmtpServer, SmtpUrlInvalid
from application.ports.letters import Letter, NotSentNow, Undeliverable
from application.wording import Wording
from tests.adapters.mail.mail_server import Conduct, MailServer, Received, certified, mail_server
from tests.people import MONDAY, StoppedClock

pytestmark = pytest.mark.anyio

ID = UUID(int=7)
WORDS = Wording("https://streamly.example")
LETTER = WORDS.password_reset("anna@example.org")("t" * 43)
SENDER = "Streamly <no-reply@streamly.example>"


@contextmanager
def mail_to(
    url: str, *, tls: ssl.SSLContext | None = None, silence_seconds: float = 5, letter_seconds: float = 5
) -> Iterator[SmtpMail]:
    mail = SmtpMail(
        SmtpServer.parse(url),
        sender_of(SENDER),
        StoppedClock(),
        tls=tls,
        silence_seconds=silence_seconds,
        letter_seconds=letter_seconds,
    )
    try:
        yield mail
    finally:
        mail.close()


async def sent_by(url: str, letter: Letter = LETTER, *, tls: ssl.SSLContext | None = None) -> str:
    with mail_to(url, tls=tls) as mail:
        return await mail.send(letter, id=ID)


async def sent(server: MailServer, letter: Letter = LETTER) -> str:
    return await sent_by(f"smtp://{server.address}", letter)


def letter_to(to: str, subject: str = "Hello") -> Letter:
    return Letter(channel="email", to=to, kind="test", subject=subject, body="Hello")


def parsed(received: Received) -> EmailMessage:
    """With the line ends of this side of the wire."""
    return email.message_from_bytes(received.data.replace(b"\r\n", b"\n"), policy=default)


async def test_a_letter_arrives_as_it_was_written() -> None:
    with mail_server() as server:
        reference = await sent(server)

    (received,) = server.received
    assert received.sender == "no-reply@streamly.example"
    assert received.recipients == ["anna@example.org"]
    message = parsed(received)
    assert message["From"] == SENDER
    assert message["To"] == "anna@example.org"
    assert message["Subject"] == LETTER.subject
    assert message["Message-ID"] == reference == f"<{ID}@streamly.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"].datetime == MONDAY
    assert message.get_content() == LETTER.body
    assert "anna" not in LETTER.subject
    assert server.helloed == ["streamly.example"]


async def test_what_is_beyond_ascii_arrives_too() -> None:
    with mail_server() as server:
        await sent(server, Letter(channel="email", to="anna@straße.de", kind="t", subject="Grüße", body="Schön\n.\nda"))

    (received,) = server.received
    message = parsed(received)
    assert received.data.isascii()
    assert (message["Subject"], message.get_content()) == ("Grüße", "Schön\n.\nda\n")
    assert received.recipients == ["anna@xn--strae-oqa.de"]


async def test_an_address_beyond_ascii_needs_a_server_that_takes_it() -> None:
    with mail_server() as server, pytest.raises(Undeliverable) as refused:
        await sent(server, letter_to("ännä@example.org"))
    assert refused.value.refused

    with mail_server(Conduct(extensions=("SMTPUTF8", "8BITMIME"))) as server:
        await sent(server, letter_to("ännä@example.org"))
    assert server.received[0].recipients == ["ännä@example.org"]


@pytest.mark.parametrize(
    ("to", "subject"),
    [
        ("anna@example.org\r\nBcc: eve@example.org", "Hello"),
        ("anna@example.org", "Hello\r\nBcc: eve@example.org"),
        ("anna@example.org", "Hello\nBcc: eve@example.org"),
        ("anna@example.org", "Hello\u2028Bcc: eve@example.org"),
        ("anna@example.org", "Hello\x00"),
        ("anna@example.org, eve@example.org", "Hello"),
        ("anna@example.org> RCPT TO:<eve@example.org", "Hello"),
        ("anna", "Hello"),
        ("", "Hello"),
    ],
)
async def test_nobody_breaks_out_of_a_header_or_of_the_envelope(to: str, subject: str) -> None:
    with mail_server() as server, pytest.raises(Undeliverable) as refused:
        await sent(server, letter_to(to, subject))

    assert "anna" not in str(refused.value)
    assert server.received == []
    assert server.helloed == []


async def test_starttls_is_used_where_it_is_asked_for(tmp_path: Path) -> None:
    theirs, ours = certified(tmp_path)
    with mail_server(Conduct(extensions=("AUTH PLAIN",)), theirs) as server:
        await sent_by(f"smtp://anna:se%20cret@{server.address}?starttls", tls=ours)

    (received,) = server.received
    assert (received.encrypted, received.user) == (True, "PLAIN")


async def test_without_starttls_nothing_is_said(tmp_path: Path) -> None:
    _, ours = certified(tmp_path)
    with mail_server(Conduct(extensions=("AUTH PLAIN",))) as server, pytest.raises(NotSentNow):
        await sent_by(f"smtp://anna:secret@{server.address}?starttls", tls=ours)
    assert server.received == []


async def test_tls_from_the_first_byte(tmp_path: Path) -> None:
    theirs, ours = certified(tmp_path)
    with mail_server(None, theirs, implicit=True) as server:
        await sent_by(f"smtps://{server.address}", tls=ours)

    assert server.received[0].encrypted


@pytest.mark.parametrize("scheme", ["smtps://{}", "smtp://{}?starttls"])
@pytest.mark.parametrize("wrong", ["stranger", "other name"])
async def test_a_certificate_that_is_not_the_servers_is_not_believed(tmp_path: Path, scheme: str, wrong: str) -> None:
    theirs, ours = certified(tmp_path, host="127.0.0.2" if wrong == "other name" else "127.0.0.1")
    trusted = None if wrong == "stranger" else ours
    with mail_server(None, theirs, implicit=scheme.startswith("smtps")) as server, pytest.raises(NotSentNow):
        await sent_by(scheme.format(server.address), tls=trusted)
    assert server.received == []


@pytest.mark.parametrize(
    ("verb", "reply"),
    [
        ("CONNECT", "421 4.3.2 anna@example.org come back later"),
        ("CONNECT", "554 5.7.1 not you"),
        ("EHLO", "421 4.3.2 later"),
        ("MAIL", "451 4.3.0 later"),
        ("MAIL", "550 5.7.1 your address is not ours"),
        ("RCPT", "450 4.2.1 anna@example.org is busy"),
        ("DATA", "451 4.3.0 later"),
        (".", "452 4.3.1 no room"),
    ],
)
async def test_what_may_be_mended_is_tried_again(verb: str, reply: str) -> None:
    with mail_server(Conduct(replies={verb: reply})) as server, pytest.raises(NotSentNow) as later:
        await sent(server)

    assert "anna" not in str(later.value)
    assert reply[:3] in str(later.value)


@pytest.mark.parametrize(
    ("verb", "reply", "refused"),
    [("RCPT", "550 5.1.1 anna@example.org is not known", True), (".", "554 5.6.0 this is spam", False)],
)
async def test_what_never_will_be_taken_is_said(verb: str, reply: str, *, refused: bool) -> None:
    with mail_server(Conduct(replies={verb: reply})) as server, pytest.raises(Undeliverable) as never:
        await sent(server)

    assert str(never.value) == f"the mail server said {reply[:9]}"
    assert never.value.refused is refused


async def test_a_wrong_password_is_for_the_operator_to_mend() -> None:
    conduct = Conduct(extensions=("AUTH PLAIN",), replies={"AUTH": "535 5.7.8 wrong"})
    with mail_server(conduct) as server, pytest.raises(NotSentNow, match="535"):
        await sent_by(f"smtp://anna:secret@{server.address}")


async def test_it_is_sent_when_the_server_has_taken_it_whatever_follows() -> None:
    with mail_server(Conduct(hangs_up_at="QUIT")) as server:
        await sent(server)
    assert len(server.received) == 1


@pytest.mark.parametrize("verb", ["EHLO", "MAIL", "RCPT", "DATA"])
async def test_a_server_that_hangs_up_is_tried_again(verb: str) -> None:
    with mail_server(Conduct(hangs_up_at=verb)) as server, pytest.raises(NotSentNow):
        await sent(server)


async def test_nobody_there_is_tried_again() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(NotSentNow, match="ConnectionRefusedError"):
        await sent_by(f"smtp://127.0.0.1:{port}")


@pytest.mark.parametrize(
    ("fault", "silence_seconds", "letter_seconds"),
    [("silent", 0.2, 5), ("silent", 5, 0.2), ("dribbles", 5, 0.2)],
)
async def test_a_slow_server_holds_nobody_up_and_no_thread(
    fault: str, silence_seconds: float, letter_seconds: float
) -> None:
    limits = {"silence_seconds": silence_seconds, "letter_seconds": letter_seconds}
    with mail_server(Conduct(**{fault: True})) as server, mail_to(f"smtp://{server.address}", **limits) as mail:  # type: ignore[arg-type]
        begun = monotonic()
        outcomes = await asyncio.gather(*(mail.send(LETTER, id=ID) for _ in range(8)), return_exceptions=True)
        server.conduct = Conduct()
        await mail.send(LETTER, id=ID)

    assert [type(outcome) for outcome in outcomes] == [NotSentNow] * 8
    assert monotonic() - begun < 4
    assert len(server.received) == 1


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example.org", SmtpServer("mail.example.org", 25, "none", "", "")),
        ("smtp://u:p%40ss@mail.example.org?starttls", SmtpServer("mail.example.org", 587, "starttls", "u", "p@ss")),
        ("smtps://u:p@mail.example.org:2465/", SmtpServer("mail.example.org", 2465, "tls", "u", "p")),
        ("smtp://u:p@127.0.0.1:2525", SmtpServer("127.0.0.1", 2525, "none", "u", "p")),
        ("smtp://u:p@[::1]", SmtpServer("::1", 25, "none", "u", "p")),
    ],
)
def test_a_server_is_read_from_its_address(url: str, server: SmtpServer) -> None:
    assert SmtpServer.parse(url) == server


@pytest.mark.parametrize(
    "url",
    [
        "mail.example.org",
        "https://mail.example.org",
        "smtp://",
        "smtp://mail.example.org:99999",
        "smtp://mail.example.org/inbox",
        "smtp://mail.example.org?tls",
        "smtps://mail.example.org?starttls",
        "smtp://user:secret@mail.example.org",
        "smtp://user:secret@[mail",
    ],
)
def test_an_address_that_cannot_be_used_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(SmtpUrlInvalid) as refused:
        SmtpServer.parse(url)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("text", ["nobody", "", "A <b>", "Streamly\r\nBcc: eve@example.org <a@example.org>"])
def test_a_sender_is_an_address(text: str) -> None:
    with pytest.raises(SenderInvalid):
        sender_of(text)
