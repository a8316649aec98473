"""Moments that clients name: with their zone, brought to UTC, and within what a database and a calendar can hold."""

from datetime import UTC, datetime

import msgspec

from entrypoints.http.problems import FieldError, Malformed
from entrypoints.http.texts import Moment

YEAR_MIN, YEAR_MAX = 1970, 2200

EXPECTED = "Expected a time with its zone, such as 2026-11-20T12:00:00Z."
OUT_OF_RANGE = (422, "moment_out_of_range", f"A time must lie between {YEAR_MIN} and {YEAR_MAX}.")


class MomentOutOfRange(Malformed):
    """Well formed, and nothing that this service could ever have to do with."""

    status, code, detail = OUT_OF_RANGE

    def __init__(self, field: str) -> None:
        super().__init__(self.detail, code=self.code, errors=[FieldError(field, self.detail)])


def asked_moment(field: str, given: str | None) -> datetime | None:
    """A parameter's moment, if it was given. Raises Malformed, MomentOutOfRange."""
    if given is None:
        return None
    try:
        moment = msgspec.convert(given, Moment)
    except msgspec.ValidationError as reason:
        errors = [FieldError(field, EXPECTED)]
        raise Malformed("A parameter is not as documented.", code="invalid_parameter", errors=errors) from reason
    return moment_within(field, moment)


def moment_within(field: str, moment: datetime) -> datetime:
    """The moment in UTC. Raises MomentOutOfRange."""
    if not YEAR_MIN < moment.year < YEAR_MAX:
        raise MomentOutOfRange(field)
    return moment.astimezone(UTC)
