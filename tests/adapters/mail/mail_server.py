"""A small mail server on a real port: SMTP with and without TLS, what it was given, and failures on demand."""

import contextlib
import datetime as dt
import socketserver
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


@dataclass
class Received:
    """A message as it came over the wire, and the envelope around it."""

    sender: str
    recipients: list[str]
    data: bytes
    user: str = ""
    encrypted: bool = False


@dataclass
class Conduct:
    """What the server does: `replies` by verb stand in place of its own; `dribbles` sends a byte now and then.

    `thinks_seconds`: so long it takes to say that it has taken a message.
    """

    extensions: tuple[str, ...] = ("8BITMIME",)
    replies: dict[str, str] = field(default_factory=dict)
    silent: bool = False
    dribbles: bool = False
    hangs_up_at: str = ""
    thinks_seconds: float = 0.0


class MailServer(socketserver.ThreadingTCPServer):
    """Entered, it serves; `address` has no scheme. With `tls` and `implicit` it is encrypted from the first byte."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, conduct: Conduct, tls: ssl.SSLContext | None, *, implicit: bool) -> None:
        super().__init__(("127.0.0.1", 0), Session)
        self.conduct, self.tls, self.implicit = conduct, tls, implicit
        self.received: list[Received] = []
        self.helloed: list[str] = []

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


class Session(socketserver.StreamRequestHandler):
    """One connection."""

    server: MailServer  # pyright: ignore[reportIncompatibleVariableOverride]  # it is made by no other

    def handle(self) -> None:
        self.encrypted, self.user, self.envelope = False, "", Received("", [], b"")
        conduct = self.server.conduct
        with contextlib.suppress(OSError):
            if conduct.silent:
                time.sleep(30)
                return
            if self.server.implicit:
                self._encrypt()
            while conduct.dribbles:
                self.wfile.write(b"2")
                time.sleep(0.05)
            self.say(conduct.replies.get("CONNECT", "220 mail.test"))
            while line := self.rfile.readline():
                verb = line.split()[0].decode().upper().rstrip(":") if line.split() else ""
                if not self.answer(verb, line):
                    return

    def finish(self) -> None:
        super().finish()
        self.request.close()

    def say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")

    def answer(self, verb: str, line: bytes) -> bool:
        if verb == self.server.conduct.hangs_up_at:
            return False
        if reply := self.server.conduct.replies.get("EHLO" if verb == "HELO" else verb):
            self.say(reply)
            return True
        match verb:
            case "EHLO":
                self.server.helloed.append(line.split()[1].decode())
                lines = ["mail.test", *self.extensions()]
                for number, each in enumerate(lines):
                    self.say(f"250{' ' if number == len(lines) - 1 else '-'}{each}")
            case "STARTTLS":
                self.say("220 go ahead")
                self._encrypt()
            case "AUTH":
                self.user = line.split()[1].decode()
                self.say("235 2.7.0 welcome")
            case "MAIL":
                self.envelope = Received(_address(line), [], b"", self.user, self.encrypted)
                self.say("250 2.1.0 fine")
            case "RCPT":
                self.envelope.recipients.append(_address(line))
                self.say("250 2.1.5 fine")
            case "DATA":
                self.take()
            case "QUIT":
                self.say("221 bye")
                return False
            case _:
                self.say("250 fine")
        return True

    def extensions(self) -> tuple[str, ...]:
        offered = () if self.encrypted or self.server.tls is None else ("STARTTLS",)
        return (*self.server.conduct.extensions, *offered)

    def take(self) -> None:
        self.say("354 go on")
        lines: list[bytes] = []
        while (line := self.rfile.readline()) not in {b".\r\n", b""}:
            lines.append(line.removeprefix(b"."))
        self.envelope.data = b"".join(lines)
        if reply := self.server.conduct.replies.get("."):
            self.say(reply)
            return
        self.server.received.append(self.envelope)
        time.sleep(self.server.conduct.thinks_seconds)
        self.say("250 2.0.0 queued")

    def _encrypt(self) -> None:
        assert self.server.tls is not None
        self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        self.rfile, self.wfile = self.request.makefile("rb"), self.request.makefile("wb", buffering=0)
        self.encrypted = True


def _address(line: bytes) -> str:
    return line.decode().partition(":")[2].partition(">")[0].lstrip("<")


@contextlib.contextmanager
def mail_server(
    conduct: Conduct | None = None, tls: ssl.SSLContext | None = None, *, implicit: bool = False
) -> Iterator[MailServer]:
    with MailServer(conduct or Conduct(), tls, implicit=implicit) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield server
        server.shutdown()


def certified(folder: Path, *, host: str = "127.0.0.1") -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a certificate for an address, and a client's that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.test")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(secret + certificate.public_bytes(Encoding.PEM))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    client = ssl.create_default_context(cadata=certificate.public_bytes(Encoding.PEM).decode())
    return server, client
