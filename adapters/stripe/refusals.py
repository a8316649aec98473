"""What the SDK raises, as the application knows it: cannot now, or will not at all."""

import re

import stripe

from application.errors import CustomerGone, ProviderBusy, ProviderRefused, ProviderUnavailable

KEYS = re.compile(r"\b(?:sk|rk|pk|whsec)_[\w*]+")
# What of a sentence may be about a person: what it repeats as invalid, an address, a long number that is no id's part.
PERSONAL = re.compile(r"(?<=Invalid string: )[^;]+|[^\s@]{0,64}@\S{0,255}|(?<!\w)\+?\d[\d ()-]{6,24}\d\b")
WORD = re.compile(r"[\w\[\].-]{1,100}")
TOO_MANY = 429
# Of the 4xx these say "not now" as well: a timeout, a lock or a key in use.
PASSING = frozenset({408, 409})
KEY_REFUSED = frozenset({401, 403})
"""An operator has replaced it, or taken rights from it: what is asked now is to be asked again when that is mended."""
MISSING, NO_CUSTOMER = "resource_missing", re.compile("No such customer")
PATIENCE_SECONDS, PATIENCE_SECONDS_MAX = 2, 60
REFUSING = range(400, 500)
MESSAGE_LENGTH = 300


def translated(error: stripe.StripeError) -> ProviderUnavailable | ProviderRefused:
    """Refused is what stays refused however often it is asked; the message shows no key and no payload."""
    if isinstance(error, stripe.APIConnectionError):
        return ProviderUnavailable("Stripe cannot be reached.")
    status = error.http_status or 0
    if status == TOO_MANY or isinstance(error, stripe.RateLimitError):
        said = f"Stripe had too many questions (status {status}{_request(error)})."
        return ProviderBusy(said, retry_after_seconds=_patience(error))
    if status in KEY_REFUSED:
        return ProviderUnavailable(f"Stripe does not accept our key (status {status}{_request(error)}).")
    if status in PASSING or status not in REFUSING:
        return ProviderUnavailable(f"Stripe cannot answer now (status {status}{_request(error)}).")
    refused = CustomerGone if error.code == MISSING and NO_CUSTOMER.match(error.user_message or "") else ProviderRefused
    said = f"Stripe refused (status {status}{_request(error)})"
    return refused(f"{said}: {_reason(error)}", kept=f"{said}: {_kept(error)}")


def _patience(error: stripe.StripeError) -> int:
    """As long as Stripe says, which it seldom does, a minute at most."""
    given = (error.headers or {}).get("retry-after", "")
    return min(int(given), PATIENCE_SECONDS_MAX) if given.isascii() and given.isdecimal() else PATIENCE_SECONDS


def _request(error: stripe.StripeError) -> str:
    return f", {error.request_id}" if error.request_id else ""


def _reason(error: stripe.StripeError) -> str:
    """Stripe's own sentence; where the answer was in no known shape the SDK has put all of it there."""
    if error.error is None:
        return "no reason was given"
    return PERSONAL.sub("[hidden]", KEYS.sub("[key]", error.user_message or "no reason was given"))[:MESSAGE_LENGTH]


def _kept(error: stripe.StripeError) -> str:
    """By Stripe's words for errors and parameters; its sentences may repeat an address or a name."""
    about = error.error
    if about is None:
        return "no reason was given"
    words = [word for word in (about.code or about.type, about.decline_code) if word and WORD.fullmatch(word)]
    at = f" at {about.param}" if about.param and WORD.fullmatch(about.param) else ""
    return (", ".join(words) or "no reason was given") + at
