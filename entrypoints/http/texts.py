"""The kinds of text that requests hold, each with its limits; PostgreSQL cannot hold NUL, so none may have it."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar.params import QueryParameter

NO_NUL = r"^[^\u0000]*$"
UUID_TEXT = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"

Word = Annotated[str, msgspec.Meta(pattern="^[a-z0-9][a-z0-9_-]{0,39}$", examples=["hd"])]
"""A word of our own making: a feature."""

Line = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=NO_NUL)]
"""A title or a name."""

Prose = Annotated[str, msgspec.Meta(max_length=5000, pattern=NO_NUL)]

Email = Annotated[
    str,
    msgspec.Meta(
        min_length=3,
        max_length=320,
        examples=["anna@example.com"],
        extra_json_schema={"format": "email"},
    ),
]
"""Whether it is an address, NUL and all, is for the rule on addresses to say."""

Password = Annotated[str, msgspec.Meta(pattern=NO_NUL, examples=["correct horse battery"])]
"""As long as a body may be: that it is too long is for the rule on passwords to say, with 422."""

Phone = Annotated[str, msgspec.Meta(min_length=3, max_length=40, examples=["+48600100200"])]
"""Whether it is a number is for the rule on numbers to say."""

Code = Annotated[str, msgspec.Meta(min_length=1, max_length=20, pattern=NO_NUL, examples=["123456"])]
LinkToken = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=NO_NUL)]

RefreshToken = Annotated[str, msgspec.Meta(min_length=1, max_length=512, pattern=NO_NUL)]

Url = Annotated[
    str, msgspec.Meta(min_length=1, max_length=2048, pattern=NO_NUL, examples=["http://localhost:8000/welcome"])
]

Moment = Annotated[datetime, msgspec.Meta(tz=True, examples=["2026-12-20T12:00:00Z"])]

# Ids and times are taken as text and read by us: Litestar would let the word `null` pass for none at all.
AskedText = Annotated[str | None, QueryParameter(max_length=200, pattern=NO_NUL)]
AskedId = Annotated[str | None, QueryParameter(pattern=UUID_TEXT, format="uuid")]
AskedFlag = Annotated[bool, QueryParameter()]


def id_in(given: str | None) -> UUID | None:
    """An id that was asked for."""
    return UUID(given) if given is not None else None
