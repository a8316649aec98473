"""Mail by SMTP (RFC 5321): smtplib in a bounded pool of threads, one connection to a letter, a limit on every wait."""

import asyncio
import contextlib
import re
import smtplib
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from email.headerregistry import Address
from email.message import EmailMessage
from uuid import UUID

from adapters.mail.messages import message_of
from adapters.mail.smtp_url import SmtpServer
from application.ports.letters import Letter, NotSentNow, Undeliverable
from application.ports.world import Clock
from application.tracing import part

THREADS = 4
SILENCE_SECONDS = 10.0
"""Of the server, at any step."""
LETTER_SECONDS = 30.0
"""From the connection to the server's word that it has the letter."""

READY = 220
REFUSED = 5
"""The first digit of a reply that says never; 4 says not now."""
ENHANCED = re.compile(rb"\b[245]\.\d{1,3}\.\d{1,3}\b")


class SmtpMail:
    """Hands letters to one server; it is closed with `close`."""

    def __init__(
        self,
        server: SmtpServer,
        sender: Address,
        real_time: Clock,
        *,
        tls: ssl.SSLContext | None = None,
        silence_seconds: float = SILENCE_SECONDS,
        letter_seconds: float = LETTER_SECONDS,
    ) -> None:
        """`tls` None: certificates that this machine trusts, for the server's own name."""
        self._server = server
        self._sender = sender
        self._real_time = real_time
        self._tls = tls or ssl.create_default_context()
        self._silence_seconds = silence_seconds
        self._letter_seconds = letter_seconds
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="smtp")
        self._places = asyncio.Semaphore(THREADS)

    def close(self) -> None:
        """Drops what waits; what runs is done in a moment."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def send(self, letter: Letter, *, id: UUID) -> str:
        """Its Message-ID, once the server has taken it. Raises NotSentNow, Undeliverable."""
        message, to = message_of(letter, id=id, sender=self._sender, at=self._real_time.now())
        delivery = _Delivery(self._server, self._tls, self._silence_seconds)
        async with self._places:
            running = self._threads.submit(delivery.make, message, self._sender.addr_spec, to)
            try:
                async with asyncio.timeout(self._letter_seconds):
                    with part("SMTP send", kind="client", attributes={"peer.service": "smtp"}):
                        await asyncio.wrap_future(running)
            except TimeoutError:
                raise NotSentNow("the mail server took too long") from None
            finally:
                # Whoever waited no longer lets the thread go too: a server that dribbles would hold it for ever.
                delivery.hang_up()
        return f"<{id}@{self._sender.domain}>"


class _Connection(smtplib.SMTP):
    """One that can be hung up while it is made: smtplib's own connects before anybody has it in hand."""

    def reach(self, host: str, port: int) -> None:
        # The certificate is held against it, and smtplib sets it only where it connects at once.
        self._host = host
        code, text = self.connect(host, port)
        if code != READY:
            raise smtplib.SMTPConnectError(code, text)


class _TlsConnection(_Connection, smtplib.SMTP_SSL):
    """The same from the first byte."""


class _Delivery:
    """One letter on one connection, in a thread; `hang_up` ends it from any other."""

    def __init__(self, server: SmtpServer, tls: ssl.SSLContext, silence_seconds: float) -> None:
        self._server = server
        self._tls = tls
        self._silence_seconds = silence_seconds
        self._connection: _Connection | None = None
        self._hung_up = False

    def make(self, message: EmailMessage, sender: str, to: str) -> None:
        """Raises NotSentNow, Undeliverable; with nothing of the server's text, which repeats addresses."""
        try:
            connection = self._connected(sender.rpartition("@")[2])
            connection.send_message(message, sender, [to])
            # It is theirs now, whatever becomes of the farewell.
            with contextlib.suppress(OSError, smtplib.SMTPException):
                connection.quit()
        except smtplib.SMTPRecipientsRefused as refused:
            ((code, text),) = refused.recipients.values()
            raise _answered(code, text, about_recipient=True) from None
        except smtplib.SMTPDataError as refused:
            raise _answered(refused.smtp_code, refused.smtp_error, about_recipient=False) from None
        except smtplib.SMTPNotSupportedError:
            raise self._not_supported(to) from None
        except smtplib.SMTPResponseException as refused:
            # What is wrong with the server, the sender or the password is wrong with every letter, until it is mended.
            raise NotSentNow(_said(refused.smtp_code, refused.smtp_error)) from None
        except (OSError, smtplib.SMTPException, ValueError) as trouble:
            raise NotSentNow(f"the mail server cannot be reached: {type(trouble).__name__}") from None
        finally:
            if self._connection is not None:
                self._connection.close()

    def _connected(self, own_name: str) -> smtplib.SMTP:
        host, port, security, user, password = self._server
        connection = self._connection = (
            _TlsConnection(local_hostname=own_name, timeout=self._silence_seconds, context=self._tls)
            if security == "tls"
            else _Connection(local_hostname=own_name, timeout=self._silence_seconds)
        )
        connection.reach(host, port)
        if security == "starttls":
            connection.starttls(context=self._tls)
        if user:
            connection.login(user, password)
        if self._hung_up:
            raise NotSentNow("nobody waits for it any more")
        return connection

    def _not_supported(self, to: str) -> NotSentNow | Undeliverable:
        if not to.isascii():
            return Undeliverable("the mail server takes no address beyond ASCII", refused=True)
        return NotSentNow("the mail server lacks STARTTLS or the way to sign in")

    def hang_up(self) -> None:
        """At once, whatever it waits for."""
        self._hung_up = True
        connection = self._connection
        sock = connection.sock if connection is not None else None
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


def _answered(code: int, text: bytes | str, *, about_recipient: bool) -> NotSentNow | Undeliverable:
    if code // 100 == REFUSED:
        return Undeliverable(_said(code, text), refused=about_recipient)
    return NotSentNow(_said(code, text))


def _said(code: int, text: bytes | str) -> str:
    """The reply code, and the enhanced one (RFC 3463) where there is one."""
    said = text.encode() if isinstance(text, str) else text
    enhanced = ENHANCED.search(said)
    return f"the mail server said {code}{' ' + enhanced[0].decode() if enhanced else ''}"
