"""Stripe's form encoding: `items[0][price]=p` becomes nested maps, in which lists are maps by index."""

import re
from urllib.parse import parse_qsl

from adapters.sandbox.stripe.errors import StripeRefusal, invalid
from adapters.sandbox.stripe.shapes import StripeObject

MOST_FIELDS = 1_000
DEEPEST = 6

NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
STEP = re.compile(r"\[([^\[\]]*)\]")


def decode(encoded: str) -> StripeObject:
    """Nested maps whose leaves are strings; of a value given twice the last one counts."""
    try:
        pairs = parse_qsl(encoded, keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except ValueError as error:
        raise StripeRefusal(f"Invalid request: the form cannot be read ({error}).") from error
    form: StripeObject = {}
    for name, value in pairs:
        _put(form, _path(name), value, name)
    return form


def _path(name: str) -> list[str]:
    match = NAME.fullmatch(name)
    if match is None:
        raise invalid(name, f"Invalid parameter name: {name}")
    path = [match[1], *STEP.findall(match[2])]
    if len(path) > DEEPEST:
        raise invalid(name, f"Parameters may be nested at most {DEEPEST} deep: {name}")
    return path


def _put(form: StripeObject, path: list[str], value: str, name: str) -> None:
    place = form
    for step in path[:-1]:
        place = place.setdefault(step or str(len(place)), {})
        if not isinstance(place, dict):
            raise invalid(name, f"Invalid hash: {name} is given both as a value and with parts.")
    last = path[-1] or str(len(place))
    if isinstance(place.get(last), dict):
        raise invalid(name, f"Invalid string: {name} is given both as a value and with parts.")
    place[last] = value
