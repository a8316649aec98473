"""Codes and letters, wired: where they are kept, and the ways out of the house."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from email.headerregistry import Address
from typing import TypeVar
from urllib.parse import urlsplit

from adapters.crypto.code_secrets import HmacCodeSecrets
from adapters.mail.addresses import EmailValidatorAddresses
from adapters.mail.kept import KeptMail
from adapters.mail.messages import sender_of
from adapters.mail.smtp import SmtpMail
from adapters.mail.smtp_url import SmtpServer
from adapters.postgres.clock import RealClock
from adapters.postgres.codes import PostgresCodes
from adapters.postgres.letters import PostgresLetters
from adapters.sandbox.twilio import account as simulated
from adapters.sms.twilio import API_BASE, TwilioAccount, TwilioTextMessages
from application.mailbox import Mailbox
from application.ports.letters import Channel, Mail
from application.posting import Posting
from application.sealed_letters import SealedLetters
from application.wording import Wording
from entrypoints.settings import Settings
from entrypoints.wiring.foundation import Foundation

R = TypeVar("R")


@dataclass(frozen=True, kw_only=True)
class Correspondence:
    """What writes letters and what sends them; the mailbox is None in production."""

    codes: PostgresCodes
    letters: PostgresLetters
    sealed: SealedLetters
    wording: Wording
    posting: Posting
    mailbox: Mailbox | None


def correspondence(settings: Settings, base: Foundation, stack: AsyncExitStack) -> Correspondence:
    """Raises ValueError, naming the setting that cannot be used."""
    sealed = SealedLetters(
        vault=base.vault,
        blind_index=base.blind_index,
        secrets=HmacCodeSecrets(base.master_keys),
        identifiers=base.records.identifiers,
    )
    text_messages = _text_messages(settings, stack)
    open_channels: set[Channel] = {"email", "sms"} if text_messages else {"email"}
    letters = PostgresLetters(base.pool, sealed, open_channels=open_channels, keep_texts=not settings.in_production)
    return Correspondence(
        codes=PostgresCodes(base.pool, sealed, open_channels=open_channels),
        letters=letters,
        sealed=sealed,
        wording=Wording((settings.app_url or settings.address).rstrip("/")),
        posting=Posting(letters=letters, mail=_mail(settings, stack), text_messages=text_messages),
        mailbox=None if settings.in_production else Mailbox(letters=letters, addresses=EmailValidatorAddresses()),
    )


def _mail(settings: Settings, stack: AsyncExitStack) -> Mail:
    if not settings.smtp_url:
        return KeptMail()
    server = _read("SMTP_URL", SmtpServer.parse, settings.smtp_url)
    mail = SmtpMail(server, _sender(settings), RealClock())
    stack.callback(mail.close)
    return mail


def _sender(settings: Settings) -> Address:
    """Of no setting: nobody at the domain of PUBLIC_URL."""
    if settings.mail_from or not settings.public_url:
        return _read("MAIL_FROM", sender_of, settings.mail_from or "Streamly <no-reply@streamly.test>")
    return _read("MAIL_FROM", sender_of, f"Streamly <no-reply@{urlsplit(settings.public_url).hostname}>")


def _text_messages(settings: Settings, stack: AsyncExitStack) -> TwilioTextMessages | None:
    """None in production where nothing of Twilio is set; in development the simulator takes them."""
    if settings.twilio_account_sid:
        account = TwilioAccount(
            sid=settings.twilio_account_sid,
            key=settings.twilio_api_key_sid or settings.twilio_account_sid,
            secret=settings.twilio_api_key_secret or settings.twilio_auth_token,
            sender=settings.twilio_from,
        )
        text_messages = TwilioTextMessages(account, api_base=settings.twilio_api_base or API_BASE)
    elif settings.in_production:
        return None
    else:
        account = TwilioAccount(simulated.ACCOUNT_SID, simulated.ACCOUNT_SID, simulated.AUTH_TOKEN, simulated.SENDER)
        text_messages = TwilioTextMessages(account, api_base=f"{settings.sandbox_address}/twilio")
    stack.push_async_callback(text_messages.close)
    return text_messages


def _read(name: str, read: Callable[[str], R], text: str) -> R:
    try:
        return read(text)
    except ValueError as trouble:
        raise ValueError(f"{name}: {trouble}") from None
