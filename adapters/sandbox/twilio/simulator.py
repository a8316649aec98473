"""The simulated Twilio: its one route, what it remembers, and the faults that tests ask for.

https://www.twilio.com/docs/messaging/api/message-resource
https://www.twilio.com/docs/iam/test-credentials#test-sms-messages
"""

import base64
import binascii
import hmac
import re
import secrets
from collections import deque
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, Router, get, post
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, JSONBody, QueryParameter, SkipValidation

from adapters.sandbox.simulator import Simulator
from adapters.sandbox.twilio.account import ACCOUNT_SID, AUTH_TOKEN, SENDER

MESSAGES_MAX = 1_000
BODY_CHARACTERS_MAX = 1_600
NUMBER = re.compile(r"\+[1-9]\d{6,14}")

INVALID = (21211, "is not a valid phone number.")
MAGIC_NUMBERS = {
    "+15005550001": INVALID,
    "+15005550002": (21612, "cannot be routed to."),
    "+15005550003": (21408, "is in a region that the account has no permission for."),
    "+15005550004": (21610, "has asked for no more messages."),
    "+15005550009": (21614, "is no mobile number."),
}
"""Numbers that Twilio's own test credentials fail for, and how."""


class Message(msgspec.Struct, frozen=True):
    """One that was taken; `sender` is a number or a messaging service."""

    sid: str
    to: str
    sender: str
    body: str
    at: datetime


class Faults(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The next `times` requests are answered with this status; with `taken` the message is taken all the same."""

    status: int
    times: int = 1
    taken: bool = False
    retry_after_seconds: int | None = None


@dataclass
class Switchboard:
    """What the simulator remembers, until it is stopped; of messages the last 1,000."""

    messages: deque[Message] = field(default_factory=lambda: deque(maxlen=MESSAGES_MAX))
    faults: deque[Faults] = field(default_factory=deque)

    def take(self, form: dict[str, str]) -> Message:
        sender = form.get("MessagingServiceSid") or form["From"]
        message = Message(f"SM{secrets.token_hex(16)}", form["To"], sender, form["Body"], datetime.now(UTC))
        self.messages.append(message)
        return message


GivenSwitchboard = NamedDependency[SkipValidation[Switchboard]]


@post("/2010-04-01/Accounts/{account_sid:str}/Messages.json", status_code=201)
async def create_message(
    account_sid: FromPath[str], request: Request[Any, Any, Any], switchboard: GivenSwitchboard
) -> Response[dict[str, Any]]:
    """Authenticated by the account's SID and token, or by an API key (`SK...`) with the same secret."""
    form = {name: str(value) for name, value in (await request.form()).items()}
    fault = switchboard.faults.popleft() if switchboard.faults else None
    if fault is not None and not fault.taken:
        return _fault(fault)
    if not _knows(request.headers.get("authorization", ""), account_sid):
        return _refusal(401, 20003, "Authenticate")
    if wrong := _wrong(form):
        return _refusal(400, *wrong)
    message = switchboard.take(form)
    if fault is not None:
        return _fault(fault)
    made = {"sid": message.sid, "account_sid": account_sid, "to": message.to, "body": message.body, "status": "queued"}
    return Response({**made, "from": form.get("From"), "messaging_service_sid": form.get("MessagingServiceSid")})


@get("/2010-04-01/Accounts/{account_sid:str}/Messages.json")
async def list_messages(
    account_sid: FromPath[str],
    request: Request[Any, Any, Any],
    switchboard: GivenSwitchboard,
    to: Annotated[str, QueryParameter(name="To")],
    page_size: Annotated[int, QueryParameter(name="PageSize")] = 50,
) -> Response[dict[str, Any]]:
    """Those to one number, newest first."""
    if not _knows(request.headers.get("authorization", ""), account_sid):
        return _refusal(401, 20003, "Authenticate")
    found = [message for message in reversed(switchboard.messages) if message.to == to][:page_size]
    shown = [
        {"sid": one.sid, "to": one.to, "body": one.body, "status": "queued", "date_created": format_datetime(one.at)}
        for one in found
    ]
    return Response({"messages": shown, "page_size": page_size, "next_page_uri": None})


@get("/messages")
async def messages(switchboard: GivenSwitchboard) -> list[Message]:
    """Newest first."""
    return list(reversed(switchboard.messages))


@post("/faults", status_code=204)
async def fail(data: JSONBody[Faults], switchboard: GivenSwitchboard) -> None:
    switchboard.faults.extend([data] * data.times)


def twilio_simulator() -> Simulator:
    """Everything below `/twilio`."""
    switchboard = Switchboard()
    return Simulator(
        path="/twilio",
        route_handlers=[create_message, list_messages, Router("/_sandbox", route_handlers=[messages, fail])],
        dependencies={"switchboard": Provide(lambda: switchboard, sync_to_thread=False)},
        lifespan=lambda _: nullcontext(),
    )


def _knows(authorization: str, account_sid: str) -> bool:
    scheme, _, encoded = authorization.partition(" ")
    try:
        key, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return False
    known = scheme == "Basic" and account_sid == ACCOUNT_SID and (key == ACCOUNT_SID or key.startswith("SK"))
    return known and hmac.compare_digest(secret.encode(), AUTH_TOKEN.encode())


def _wrong(form: dict[str, str]) -> tuple[int, str] | None:
    """Twilio's number for what is wrong with a message, and its words, which repeat what was given."""
    to, body = form.get("To", ""), form.get("Body", "")
    if not to:
        return 21604, "A 'To' phone number is required."
    if to in MAGIC_NUMBERS or not NUMBER.fullmatch(to):
        code, text = MAGIC_NUMBERS.get(to, INVALID)
        return code, f"The 'To' number {to} {text}"
    if not form.get("MessagingServiceSid") and form.get("From") != SENDER:
        return 21606, f"The 'From' phone number {form.get('From')} is not a valid, SMS-capable number of yours."
    if not body:
        return 21602, "Message body is required."
    if len(body) > BODY_CHARACTERS_MAX:
        return 21617, "The concatenated message body exceeds the 1600 character limit."
    return None


def _refusal(status: int, code: int, message: str) -> Response[dict[str, Any]]:
    more_info = f"https://www.twilio.com/docs/errors/{code}"
    answer = {"code": code, "message": message, "more_info": more_info, "status": status}
    return Response(answer, status_code=status)


def _fault(fault: Faults) -> Response[dict[str, Any]]:
    answer = _refusal(fault.status, 20500, "asked for by a test")
    if fault.retry_after_seconds is not None:
        answer.headers["Retry-After"] = str(fault.retry_after_seconds)
    return answer
