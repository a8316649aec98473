"""What providers send us by themselves: verified, kept, and settled later."""

from datetime import datetime

import msgspec


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """A verified webhook: evidence, and a reason to ask."""

    provider: str
    event_id: str
    type: str
    customer_id: str | None
    """The provider's customer; of a video platform, our id of the video. None: of nobody, or not said."""
    livemode: bool
    api_version: str | None
    created_at: datetime
    body: bytes
    to_find: bool = False
    """It is about a customer that it does not name: the provider has to be asked who that is."""
    events_lost: bool = False
    """The provider says that it failed to make events: what happened meanwhile is told by nobody."""


class SignatureInvalid(Exception):
    """Not signed by the provider with one of our secrets, or outside the tolerance of time."""


class EventMalformed(Exception):
    """Signed by the provider, and yet no event that can be kept."""
