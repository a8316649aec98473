"""The commonest passwords of past breaches, of those that are long enough to be chosen here."""

import gzip
from pathlib import Path

LIST = Path(__file__).with_name("common_passwords.txt.gz")
"""10,000 in lower case, of 10 characters or more; common_passwords.NOTICE says whence, and the licence."""

COMMON = frozenset(gzip.decompress(LIST.read_bytes()).decode().split())


def is_common(password: str) -> bool:
    """Whether it is one of them, in whatever case."""
    return password.casefold() in COMMON
