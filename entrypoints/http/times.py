"""Moments that clients name: aware, brought to UTC, and within what a database and a calendar can hold."""

from datetime import UTC, datetime

from entrypoints.http.problems import FieldError, Malformed

YEAR_MIN, YEAR_MAX = 1970, 2200


def moment_in(field: str, given: datetime) -> datetime:
    """Raises Malformed for a time without a zone, or before 1970 or after 2200."""
    if given.tzinfo is not None and YEAR_MIN < given.year < YEAR_MAX:
        return given.astimezone(UTC)
    detail = f"Expected a time with its zone, such as 2026-11-20T12:00:00Z, between {YEAR_MIN} and {YEAR_MAX}."
    raise Malformed("A time is not as documented.", code="invalid_parameter", errors=[FieldError(field, detail)])
