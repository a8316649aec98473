"""The way of a request to `/v1`: who asks, what is asked, was it asked before, then the operation and its answer."""

import base64
import binascii
import logging
from dataclasses import dataclass, field

import msgspec

from adapters.sandbox.stripe.api import forms, routes
from adapters.sandbox.stripe.api.expansion import expand
from adapters.sandbox.stripe.books.answers import Given, fingerprint
from adapters.sandbox.stripe.books.identifiers import new_id
from adapters.sandbox.stripe.books.moment import Cause, Moment
from adapters.sandbox.stripe.errors import DeclinedPayment, StripeRefusal
from adapters.sandbox.stripe.shapes import API_VERSION, StripeObject, public
from adapters.sandbox.stripe.simulation import Simulation

MAJOR = API_VERSION.rpartition(".")[2]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Asked:
    """A request as it came: `path` is below `/v1`, `encoded` the form (the query of a GET or DELETE, else the body)."""

    verb: str
    path: str
    encoded: str
    authorization: str | None = None
    version: str | None = None
    idempotency_key: str | None = None


@dataclass(frozen=True)
class Answered:
    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


async def answer(simulation: Simulation, asked: Asked) -> Answered:
    """Never raises: what goes wrong is answered in Stripe's shape."""
    request_id = new_id("req", 14)
    try:
        body, replayed = await _perform(simulation, asked, request_id)
        status = _status(body)
    except StripeRefusal as refusal:
        return _answered(refusal.status, msgspec.json.encode(refusal.body), asked, request_id)
    except Exception:
        log.exception("The simulator failed at %s %s.", asked.verb, asked.path)
        broken = StripeRefusal("The simulator failed; its log says at what.", type="api_error")
        return _answered(500, msgspec.json.encode(broken.body), asked, request_id)
    return _answered(status, body, asked, request_id, replayed=replayed)


def _answered(status: int, body: bytes, asked: Asked, request_id: str, *, replayed: bool = False) -> Answered:
    headers = {"Request-Id": request_id, "Stripe-Version": API_VERSION}
    if asked.idempotency_key:
        headers["Idempotency-Key"] = asked.idempotency_key
    if replayed:
        headers["Idempotent-Replayed"] = "true"
    return Answered(status, body, headers)


async def _perform(simulation: Simulation, asked: Asked, request_id: str) -> tuple[bytes, bool]:
    """The answer's body, and whether it was given before."""
    _check_key(asked.authorization)
    _check_version(asked.version)
    operation, ids = routes.find(asked.verb, asked.path)
    form = forms.decode(asked.encoded)
    key = asked.idempotency_key if asked.verb == "POST" else None
    cause = Cause(request_id, key) if asked.verb != "GET" else Cause()
    async with simulation.moment(cause) as moment:
        if key is None:
            return _done(moment, operation, form, ids), False
        answers, mark = simulation.books.answers, fingerprint(asked.path, form)
        if given := answers.recall(key, mark, now=moment.at):
            return given.body, True
        body = _done(moment, operation, form, ids)
        answers.remember(key, mark, Given(request_id, body), now=moment.at)
        return body, False


def _status(body: bytes) -> int:
    """Of what was done and is remembered, only a declined payment is an error."""
    return 402 if body.startswith(b'{"error":') else 200


def _done(moment: Moment, operation: routes.Operation, form: StripeObject, ids: list[str]) -> bytes:
    given = operation.takes("", form)
    try:
        result = public(operation.perform(moment, given, *ids))
    except DeclinedPayment as declined:
        return msgspec.json.encode(declined.body)
    return msgspec.json.encode(expand(moment, result, given.get("expand", [])))


def _check_key(authorization: str | None) -> None:
    """Any test key will do, as a Bearer token or as the user name of Basic authentication."""
    scheme, _, credentials = (authorization or "").partition(" ")
    key = credentials.strip() if scheme.lower() == "bearer" else _user_name(credentials)
    if not key:
        raise StripeRefusal("You did not provide an API key, as a Bearer token or by Basic authentication.", status=401)
    if not key.startswith("sk_test_"):
        raise StripeRefusal(f"Invalid API Key provided: {key[:8]}****. The simulator takes sk_test_ keys.", status=401)


def _user_name(credentials: str) -> str:
    try:
        return base64.b64decode(credentials, validate=True).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _check_version(version: str | None) -> None:
    """Within a major version Stripe's shapes do not break; of any other the simulator knows nothing."""
    if version is not None and version.rpartition(".")[2] != MAJOR:
        raise StripeRefusal(f"Invalid Stripe API version: {version}. The simulator speaks {API_VERSION}.")
