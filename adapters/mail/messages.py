"""A letter as an e-mail message (RFC 5322); what would break out of its header is refused."""

import unicodedata
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from uuid import UUID

from email_validator import EmailNotValidError, validate_email

from application.ports.letters import Letter, Undeliverable

POLICY = SMTP.clone(cte_type="7bit")
"""Not every server on the way takes eight bits."""


class SenderInvalid(ValueError):
    """It is no address that mail could come from."""


def sender_of(text: str) -> Address:
    """Reads `streamly@example.org` or `Streamly <streamly@example.org>`. Raises SenderInvalid."""
    name, _, rest = text.rpartition("<")
    try:
        address = _on_the_wire(rest.removesuffix(">").strip())
    except EmailNotValidError as invalid:
        raise SenderInvalid(str(invalid)) from None
    if _breaks_lines(name):
        raise SenderInvalid("its name holds a line break")
    return _address(address, name.strip().strip('"'))


def message_of(letter: Letter, *, id: UUID, sender: Address, at: datetime) -> tuple[EmailMessage, str]:
    """The message, and the address for its envelope; the id makes the Message-ID. Raises Undeliverable."""
    if _breaks_lines(letter.to) or _breaks_lines(letter.subject):
        raise Undeliverable("its header would hold a line break", refused=False)
    try:
        to = _on_the_wire(letter.to)
    except EmailNotValidError:
        raise Undeliverable("its address is none", refused=True) from None
    message = EmailMessage(policy=POLICY)
    message["From"] = sender
    message["To"] = _address(to)
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(at)
    message["Message-ID"] = f"<{id}@{sender.domain}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday answers to it.
    message.set_content(letter.body)
    return message, to


def _address(email: str, name: str = "") -> Address:
    local, _, domain = email.rpartition("@")
    return Address(name, local, domain)


def _on_the_wire(email: str) -> str:
    """With its domain in ASCII; a local part beyond ASCII stays, for servers that take it (RFC 6531)."""
    valid = validate_email(email, check_deliverability=False, test_environment=True)
    return f"{valid.local_part}@{valid.ascii_domain}"


def _breaks_lines(text: str) -> bool:
    """Any control character, and whatever else splits lines."""
    return any(unicodedata.category(character) in {"Cc", "Zl", "Zp", "Cs"} for character in text)
