"""What Stripe's objects look like in the pinned API version (2026-10-28.endive): pure functions that give JSON maps.

A key that begins with an underscore is the simulator's own note on an object; it never leaves the simulator.
"""

from typing import Any, Final, TypeAlias

StripeObject: TypeAlias = dict[str, Any]

API_VERSION: Final = "2026-10-28.endive"


def nulls(*names: str) -> StripeObject:
    """Fields that Stripe always sends and that are null here."""
    return dict.fromkeys(names)


def list_of(url: str, data: list[StripeObject], *, has_more: bool = False) -> StripeObject:
    return {"object": "list", "data": data, "has_more": has_more, "url": url}


def public(obj: StripeObject) -> StripeObject:
    """The object as Stripe's API would show it: without the simulator's own notes."""
    return {key: value for key, value in obj.items() if not key.startswith("_")}


def differences(before: StripeObject, after: StripeObject) -> StripeObject:
    """An event's `previous_attributes`: what `before` said where `after` says something else; lists are given whole."""
    previous: StripeObject = {}
    for key, was in before.items():
        now = after.get(key)
        if was != now:
            previous[key] = differences(was, now) if isinstance(was, dict) and isinstance(now, dict) else was
    previous.update(dict.fromkeys(after.keys() - before.keys()))
    return previous
