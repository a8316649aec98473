"""Whether the money for each thing that a subscription sells went back."""

from collections.abc import Iterable

import msgspec

from domain.access.deciding import Deciding, deciding
from domain.subscription.facts import AccessRevoked, ItemRestored, ItemRevoked, RevokedFor
from domain.subscription.revocations import Revocation


class WentBack(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was paid at one price, or is here again, by the newest fact on it."""

    fact: Deciding
    revoked: RevokedFor | None = None
    """Why what it paid for gives no access; None where it is here again."""


def moved(fact: Revocation, sold: Iterable[str]) -> dict[str, WentBack]:
    """By the prices of the items that the fact is about: one, or all that are `sold`."""
    revoked = fact.why if isinstance(fact, AccessRevoked | ItemRevoked) else None
    concerned = [fact.price_id] if isinstance(fact, ItemRevoked | ItemRestored) else sold
    return dict.fromkeys(concerned, WentBack(deciding(fact), revoked))
