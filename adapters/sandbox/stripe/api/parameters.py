"""Reading request parameters: small readers that are put together into the form that an operation takes.

A reader gets the parameter's full name and what the form holds there; it returns the value or raises Stripe's refusal.
Only parameters that were given appear in the result.
"""

from collections.abc import Callable, Collection
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from adapters.sandbox.stripe.errors import invalid, missing_parameter, unknown_parameter
from adapters.sandbox.stripe.money import CURRENCY
from adapters.sandbox.stripe.shapes import StripeObject

Reader: TypeAlias = Callable[[str, Any], Any]

LONGEST_TEXT = 5_000
MOST_METADATA_KEYS, LONGEST_METADATA_KEY, LONGEST_METADATA_VALUE = 50, 40, 500


def fields(*required: str, **readers: Reader) -> Reader:
    """A map with these parts and no others; the `required` ones must be there."""

    def read(name: str, given: object) -> StripeObject:
        parts = _map(name, given)
        for part in parts:
            if part not in readers:
                raise unknown_parameter(_joined(name, part), list(readers))
        for part in required:
            if part not in parts:
                raise missing_parameter(_joined(name, part))
        return {part: readers[part](_joined(name, part), value) for part, value in parts.items()}

    return read


def each(reader: Reader, *, most: int = 20) -> Reader:
    """A list, given as `name[0]`, `name[1]` or `name[]`."""

    def read(name: str, given: object) -> list[Any]:
        parts = _map(name, given)
        if not all(index.isdecimal() for index in parts):
            raise invalid(name, "Invalid array")
        if len(parts) > most:
            raise invalid(name, f"Array {name} exceeded the maximum of {most} elements")
        return [reader(_joined(name, index), parts[index]) for index in sorted(parts, key=int)]

    return read


def text(name: str, given: object) -> str | None:
    """An empty string takes the value away."""
    return _string(name, given) or None


def filled(name: str, given: object) -> str:
    """A string that cannot be taken away."""
    value = _string(name, given)
    if not value:
        raise invalid(
            name,
            f"You passed an empty string for '{name}'. We assume empty values are an attempt to unset a parameter;"
            f" however '{name}' cannot be unset.",
            code="parameter_invalid_empty",
        )
    return value


def address(name: str, given: object) -> str:
    """An absolute http or https URL."""
    value = filled(name, given)
    try:
        parts = urlsplit(value)
        good = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        good = False
    if not good:
        raise invalid(name, "Not a valid URL", code="url_invalid")
    return value


def currency(name: str, given: object) -> str:
    value = filled(name, given).lower()
    if CURRENCY.fullmatch(value) is None:
        raise invalid(name, f"Invalid currency: {value}.")
    return value


def flag(name: str, given: object) -> bool:
    value = _string(name, given)
    if value not in ("true", "false"):
        raise invalid(name, f"Invalid boolean: {value}")
    return value == "true"


def whole(minimum: int, maximum: int) -> Reader:
    def read(name: str, given: object) -> int:
        value = _string(name, given)
        try:
            number = int(value) if value.isascii() else None
        except ValueError:
            number = None
        if number is None:
            raise invalid(name, f"Invalid integer: {value}", code="parameter_invalid_integer")
        if not minimum <= number <= maximum:
            raise invalid(
                name,
                f"Invalid {name}: must be between {minimum} and {maximum}",
                code="parameter_invalid_integer",
            )
        return number

    return read


def one_of(*allowed: str) -> Reader:
    def read(name: str, given: object) -> str:
        value = _string(name, given)
        if value not in allowed:
            raise invalid(name, f"Invalid {name}: must be one of {', '.join(allowed)}")
        return value

    return read


def either(words: Collection[str], reader: Reader) -> Reader:
    """One of these words, as it is, or what `reader` reads."""

    def read(name: str, given: object) -> object:
        return given if isinstance(given, str) and given in words else reader(name, given)

    return read


def metadata(name: str, given: object) -> dict[str, str]:
    """The keys to set; an empty value removes its key. An empty string in place of the map, read as `{"": ""}`, removes
    all.
    """
    if given == "":
        return {"": ""}
    parts = _map(name, given)
    if len(parts) > MOST_METADATA_KEYS:
        raise invalid(name, f"Metadata may have at most {MOST_METADATA_KEYS} keys")
    for key, value in parts.items():
        if len(key) > LONGEST_METADATA_KEY or len(_string(_joined(name, key), value)) > LONGEST_METADATA_VALUE:
            raise invalid(
                _joined(name, key),
                f"Metadata keys may have at most {LONGEST_METADATA_KEY} characters,"
                f" values at most {LONGEST_METADATA_VALUE}",
            )
    return parts


def merged_metadata(before: dict[str, str], given: dict[str, str]) -> dict[str, str]:
    if given == {"": ""}:
        return {}
    return {key: value for key, value in (before | given).items() if value}


INSTANT = whole(0, 2**40)
ID = filled
EXPAND: Reader = each(filled)


def _joined(name: str, part: str) -> str:
    return f"{name}[{part}]" if name else part


def _map(name: str, given: object) -> StripeObject:
    if not isinstance(given, dict):
        raise invalid(name, f"Invalid object: {name} must be given with parts.")
    return given


def _string(name: str, given: object) -> str:
    if not isinstance(given, str):
        raise invalid(name, f"Invalid string: {name} must be a single value.")
    if len(given) > LONGEST_TEXT:
        raise invalid(name, f"Invalid string: {name} may have at most {LONGEST_TEXT} characters.")
    return given
