"""Tells, offline, the passwords that are tried first: the common ones, and those made of what is known of a person."""

import re
from collections.abc import Iterator
from threading import Lock

from zxcvbn import zxcvbn  # type: ignore[import-untyped]

from adapters.crypto.common_passwords import is_common

GUESSES_SCORE_MIN = 2
"""zxcvbn's scale of 0 to 4: 2 stands for a million guesses or more, far past what throttled sign-in allows."""

LOOKED_AT_CHARACTERS_MAX = 32
"""The estimate takes time that grows with the square of the length: 20 ms at worst for 32 characters."""

FAMILIAR_WORDS = ("streamly", "spring", "summer", "autumn", "winter")
"""The name of the service, and what most often stands before a year when a password is changed four times a year."""

KNOWN_WORD_CHARACTERS_MIN = 3
UNKNOWN_CHARACTERS_MIN = 6
ONE_AT_A_TIME = Lock()
"""zxcvbn keeps the words that are known of somebody in one place for all threads."""

SEPARATORS = re.compile(r"[\W_]+")


def is_weak(password: str, known: tuple[str, ...]) -> bool:
    """Whether it would be among the first guesses of someone who knows these words, such as an email and a name."""
    if is_common(password):
        return True
    familiar = [*known, *_words(known), *FAMILIAR_WORDS]
    return _is_guessed_early(password[:LOOKED_AT_CHARACTERS_MAX], familiar) or _is_made_of(password, familiar)


def _is_guessed_early(password: str, familiar: list[str]) -> bool:
    with ONE_AT_A_TIME:
        return bool(zxcvbn(password, user_inputs=familiar)["score"] < GUESSES_SCORE_MIN)


def _is_made_of(password: str, familiar: list[str]) -> bool:
    """Whether almost nothing is left of it without those words: the estimate takes two known words for a lot."""
    before = SEPARATORS.sub("", password.casefold())
    left = before
    for word in sorted(_words(tuple(familiar)), key=len, reverse=True):
        left = left.replace(word, "")
    return left != before and len(left) < UNKNOWN_CHARACTERS_MIN


def _words(texts: tuple[str, ...]) -> Iterator[str]:
    for text in texts:
        for word in SEPARATORS.split(text.casefold()):
            if len(word) >= KNOWN_WORD_CHARACTERS_MIN:
                yield word
