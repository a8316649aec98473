"""What Mux answers in place of what was asked for: cannot now, or will not at all."""

import re
from collections.abc import Mapping

import msgspec

from application.errors import ProviderBusy, ProviderRefused, ProviderUnavailable

TOO_MANY = 429
PASSING = frozenset({408, 409, 425})
KEY_REFUSED = frozenset({401, 403})
"""An operator has replaced it, or taken rights from it: what is asked now is to be asked again when that is mended."""
REFUSING = range(400, 500)
PATIENCE_SECONDS, PATIENCE_SECONDS_MAX = 5, 300
MESSAGE_LENGTH = 300
WORD = re.compile(r"[\w.-]{1,100}")


class UnreadableAnswer(ProviderUnavailable):
    """Mux answered, and what it says has no shape that we know."""

    def __init__(self) -> None:
        super().__init__("Mux's answer cannot be read.")


class _Trouble(msgspec.Struct, frozen=True):
    type: str = ""
    messages: list[str] = []


class _Body(msgspec.Struct, frozen=True):
    """As https://www.mux.com/docs/core/make-api-requests has it."""

    error: _Trouble = _Trouble()


def refusal(
    status: int | None, headers: Mapping[str, str], body: str | bytes | None
) -> ProviderUnavailable | ProviderRefused:
    """Refused is what stays refused however often it is asked."""
    if status == TOO_MANY:
        return ProviderBusy("Mux had too many questions (status 429).", retry_after_seconds=_patience(headers))
    if status in KEY_REFUSED:
        return ProviderUnavailable(f"Mux does not accept our token (status {status}).")
    if status in PASSING or status not in REFUSING:
        return ProviderUnavailable(f"Mux cannot answer now (status {status}).")
    trouble = _told(body)
    type = trouble.type if WORD.fullmatch(trouble.type) else "no reason was given"
    said = f"Mux refused (status {status}): "
    return ProviderRefused(said + ("; ".join(trouble.messages)[:MESSAGE_LENGTH] or type), kept=said + type)


def _told(body: str | bytes | None) -> _Trouble:
    try:
        return msgspec.json.decode(body or b"{}", type=_Body).error
    except (msgspec.DecodeError, UnicodeError):
        return _Trouble()


def _patience(headers: Mapping[str, str]) -> int:
    """As long as Mux says, in seconds, five minutes at most."""
    given = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    return min(int(given), PATIENCE_SECONDS_MAX) if given.isascii() and given.isdecimal() else PATIENCE_SECONDS
