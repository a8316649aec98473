"""What Amazon answers in place of what was asked for."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from application.errors import ProviderBusy, ProviderRefused, ProviderUnavailable

MISSING = frozenset({"404", "NoSuchKey", "NoSuchUpload", "NotFound", "412", "PreconditionFailed"})
BUSY = frozenset({"SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequestsException"})
KEY_REFUSED = frozenset({401, 403})
"""An operator has replaced the key, or taken rights from it: to be asked again when that is mended."""
REFUSING = range(400, 500)
PASSING = frozenset({408, 409, 429})


class Missing(Exception):
    """There is no such object or upload, or it is another one by now."""


@contextmanager
def in_our_words() -> Iterator[None]:
    """Raises Missing, ProviderBusy, ProviderUnavailable, ProviderRefused for what botocore raises."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    try:
        yield
    except ClientError as answered:
        raise _trouble(answered.response) from answered
    except BotoCoreError as silent:
        raise ProviderUnavailable(f"S3 does not answer: {type(silent).__name__}.") from silent
    except OSError as broken:
        raise ProviderUnavailable(f"S3 cannot be reached: {type(broken).__name__}.") from broken


def _trouble(response: dict[str, Any]) -> Exception:
    code = str(response.get("Error", {}).get("Code", ""))
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code in MISSING:
        return Missing(code)
    if code in BUSY or status == 429:  # noqa: PLR2004 - too many requests
        return ProviderBusy(f"S3 had too many questions ({code}).")
    if status in KEY_REFUSED:
        return ProviderUnavailable(f"S3 does not accept our key, or what we ask by it ({code}).")
    if status in PASSING or status not in REFUSING:
        return ProviderUnavailable(f"S3 cannot answer now (status {status}, {code}).")
    return ProviderRefused(f"S3 refused (status {status}): {code}")
