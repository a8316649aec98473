"""Ids that follow from what they name, so that two workers who meet the same thing give it the same id."""

from uuid import UUID, uuid5

NAMESPACE = UUID("6f0d7b52-6a0e-5d0b-9a43-6d1c5a0e7c11")


def derived_id(*parts: object) -> UUID:
    """The same parts give the same id, for ever: `derived_id("subscription", "stripe", "sub_1")`."""
    return uuid5(NAMESPACE, "|".join(str(part) for part in parts))
