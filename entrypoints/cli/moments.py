"""Times as they are given to commands."""

from datetime import datetime
from typing import Any

import click


class Moment(click.ParamType[datetime]):
    """A time of RFC 3339, with its offset."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        except ValueError:
            self.fail("not an RFC 3339 time", param, ctx)
        if moment.tzinfo is None:
            self.fail("the time needs an offset, such as Z", param, ctx)
        return moment


MOMENT = Moment()
