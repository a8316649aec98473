"""Ids in Stripe's form: a prefix that names the kind, and letters that cannot be guessed."""

import secrets
import string

LETTERS = string.ascii_letters + string.digits


def new_id(prefix: str, length: int = 24) -> str:
    return f"{prefix}_{letters(length)}"


def letters(length: int, among: str = LETTERS) -> str:
    return "".join(secrets.choice(among) for _ in range(length))
