"""Text messages by Twilio's REST API, one request to a message.

https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource
"""

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx
import msgspec

from application.ports.letters import Letter, NotSentNow, Undeliverable
from application.tracing import part

API_BASE = "https://api.twilio.com"
TIMEOUT_SECONDS = 10.0
RETRY_AFTER_SECONDS_MAX = 600.0
LOOKED_AT, LOOKED_BACK = 20, timedelta(minutes=15)
"""Messages, and how old they may be: later the same words may be news. A killed worker's letter is due after 5."""

RECIPIENT_CODES = frozenset({21211, 21214, 21217, 21408, 21610, 21612, 21614, 30003, 30004, 30005, 30006})
"""Errors about the number itself: no number, not reachable, no permission for its region, has asked for no more.

https://www.twilio.com/docs/api/errors
"""


class TwilioAccount(NamedTuple):
    """`key` and `secret`: the account's SID and its auth token, or an API key's SID and its secret."""

    sid: str
    key: str
    secret: str
    sender: str
    """A number in E.164, or the SID of a messaging service (`MG...`)."""


class MessageMade(msgspec.Struct):
    sid: str


class MessageTaken(msgspec.Struct):
    """One of the list; `date_created` as RFC 2822 has it."""

    sid: str
    body: str
    date_created: str


class MessagesTaken(msgspec.Struct):
    messages: list[MessageTaken]


class Refused(msgspec.Struct):
    """Twilio's own number for what is wrong."""

    code: int | None = None


class TwilioTextMessages:
    """Twilio knows no idempotency key: what was taken and not answered for is looked for in its list of messages.

    https://www.twilio.com/docs/messaging/api/message-resource#read-multiple-message-resources
    """

    def __init__(
        self, account: TwilioAccount, *, api_base: str = API_BASE, timeout_seconds: float = TIMEOUT_SECONDS
    ) -> None:
        """`timeout_seconds` from the first byte sent to the last one received."""
        self._address = f"{api_base.rstrip('/')}/2010-04-01/Accounts/{account.sid}/Messages.json"
        self._sender = {
            "MessagingServiceSid" if account.sender.startswith("MG") else "From": account.sender,
        }
        self._timeout_seconds = timeout_seconds
        self._http = httpx.AsyncClient(
            auth=(account.key, account.secret), timeout=timeout_seconds, trust_env=not _is_here(api_base)
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def send(self, letter: Letter, *, again: bool = False) -> str:
        """The message's SID. Raises NotSentNow, Undeliverable."""
        if again and (taken := await self._taken_before(letter)) is not None:
            return taken
        form = {"To": letter.to, "Body": letter.body, **self._sender}
        answer = await self._asked("POST", data=form)
        if answer.status_code == httpx.codes.CREATED:
            return _reference(answer.content)
        raise _why_not(answer)

    async def _asked(self, method: str, **given: Any) -> httpx.Response:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                with part(f"Twilio {method}", kind="client", attributes={"peer.service": "twilio"}):
                    return await self._http.request(method, self._address, **given)
        except (httpx.RequestError, TimeoutError) as trouble:
            raise NotSentNow(f"Twilio cannot be reached: {type(trouble).__name__}") from None

    async def _taken_before(self, letter: Letter) -> str | None:
        """The same words to the same number; where the key may not list, or the list cannot be read, nothing."""
        answer = await self._asked("GET", params={"To": letter.to, "PageSize": LOOKED_AT})
        try:
            listed = msgspec.json.decode(answer.content, type=MessagesTaken).messages if answer.is_success else []
        except msgspec.MsgspecError:
            return None
        since = datetime.now(UTC) - LOOKED_BACK
        return next((one.sid for one in listed if one.body == letter.body and _made(one) >= since), None)


def _made(message: MessageTaken) -> datetime:
    """One that nobody can tell is of long ago."""
    try:
        return parsedate_to_datetime(message.date_created).astimezone(UTC)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)


def _reference(content: bytes) -> str:
    """It was sent, whatever else the answer says."""
    try:
        return msgspec.json.decode(content, type=MessageMade).sid
    except msgspec.MsgspecError:
        return "unknown"


def _why_not(answer: httpx.Response) -> NotSentNow | Undeliverable:
    """Without Twilio's text, which repeats the number."""
    status, code = answer.status_code, _code(answer.content)
    error = f"Twilio said {status}{f' ({code})' if code else ''}"
    if status == httpx.codes.TOO_MANY_REQUESTS or not httpx.codes.is_client_error(status):
        return NotSentNow(error, retry_after_seconds=_retry_after(answer))
    return Undeliverable(error, refused=code in RECIPIENT_CODES)


def _code(content: bytes) -> int | None:
    try:
        return msgspec.json.decode(content, type=Refused).code
    except msgspec.MsgspecError:
        return None


def _retry_after(answer: httpx.Response) -> float:
    """In seconds; a date, as HTTP allows too, is not read."""
    said = answer.headers.get("retry-after", "")
    return min(float(said), RETRY_AFTER_SECONDS_MAX) if said.isdecimal() and said.isascii() else 0.0


def _is_here(url: str) -> bool:
    """A loopback address: another program on this machine, which no proxy could reach."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
