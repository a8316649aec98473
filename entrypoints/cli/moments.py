"""Times as they are given to commands."""

from datetime import UTC, date, datetime, time
from typing import Any

import click


class Moment(click.ParamType[datetime]):
    """A time of RFC 3339, with its offset; a date alone is its midnight in UTC."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            moment = value if isinstance(value, datetime) else _moment(value)
        except ValueError:
            self.fail("not an RFC 3339 time, and not a date", param, ctx)
        if moment.tzinfo is None:
            self.fail("the time needs an offset, such as Z", param, ctx)
        return moment


def _moment(text: str) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC)
    except ValueError:
        return datetime.fromisoformat(text)


MOMENT = Moment()
SUCH_AS = ", such as 2027-03-01T12:00:00Z, or 2027-03-01 for that day's midnight UTC."
"""For the help of an option that takes one."""
