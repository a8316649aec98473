"""Stripe's amounts and times as our facts hold them; no fact holds all that Stripe may say."""

from datetime import UTC, datetime

import msgspec

from domain.shared.money import Money


class Unsayable(Exception):
    """An amount, a currency or a time that no fact can hold."""


def money(amount: int, currency: str) -> Money:
    """So many minor units of a currency as Stripe writes it, in small letters. Raises Unsayable."""
    try:
        return msgspec.convert({"amount": amount, "currency": currency.upper()}, Money)
    except msgspec.ValidationError as error:
        raise Unsayable(f"{amount} {currency!r} is no amount that can be recorded ({error})") from error


def at(seconds: int) -> datetime:
    """Raises Unsayable for one after the year 9999."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise Unsayable(f"{seconds} s is no time that can be recorded") from error


def at_or_none(seconds: int | None) -> datetime | None:
    """As `at`."""
    return None if seconds is None else at(seconds)
