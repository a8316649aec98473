"""A file as HTTP has it: all of it, one part, or word that the client has it already (RFC 9110, sections 13 and 14)."""

import re
from collections.abc import Iterable, Mapping
from email.utils import formatdate, mktime_tz, parsedate_tz
from hashlib import blake2b
from os import stat_result
from typing import NamedTuple

Header = tuple[bytes, bytes]
Wanted = Mapping[bytes, bytes]
"""The headers of a request that say how much of a file is wanted, and unless what."""

OK, PART, SAME, CHANGED, NO_SUCH_PART = 200, 206, 304, 412, 416

_CONDITIONS = frozenset((b"if-match", b"if-modified-since", b"if-none-match", b"if-range", b"if-unmodified-since"))
_SAID_ONCE = frozenset((b"range", b"if-range", b"if-modified-since", b"if-unmodified-since"))
_ETAG = re.compile(rb'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')
_RANGE = re.compile(rb"bytes=[ \t]*(\d*)-(\d*)[ \t]*", re.IGNORECASE)
_DIGITS_MAX = 18
_DATE_MAX = 64
"""No date is as long; what is longer is none."""


class Version(NamedTuple):
    """One state of a file: how long it is, what tells it from others, and the second since 1970 it was written in."""

    size_bytes: int
    etag: bytes
    modified: int

    @property
    def headers(self) -> tuple[Header, Header]:
        return (b"etag", self.etag), (b"last-modified", formatdate(self.modified, usegmt=True).encode("ascii"))


def version_of_file(status: stat_result) -> Version:
    """By its time to the nanosecond and its length: what is served is moved to its place and not written there."""
    return Version(status.st_size, b'"%x-%x"' % (status.st_mtime_ns, status.st_size), int(status.st_mtime))


def version_of_bytes(body: bytes, modified: int) -> Version:
    """Of what is made of a file that was written in that second."""
    return Version(len(body), b'"%b"' % blake2b(body, digest_size=12).hexdigest().encode("ascii"), modified)


class Served(NamedTuple):
    """What is answered: the status, and which bytes of the file; `length` 0: none."""

    status: int
    start: int = 0
    length: int = 0

    def headers(self, version: Version) -> list[Header]:
        """Those that depend on the file's version."""
        size = version.size_bytes
        if self.status == NO_SUCH_PART:
            return [(b"content-range", b"bytes */%d" % size)]
        if self.status == CHANGED:
            return []
        said = [*version.headers]
        if self.status == SAME:
            return said
        said += [(b"accept-ranges", b"bytes"), (b"content-length", b"%d" % self.length)]
        if self.status == PART:
            said.append((b"content-range", b"bytes %d-%d/%d" % (self.start, self.start + self.length - 1, size)))
        return said


def wanted_of(headers: Iterable[Header]) -> Wanted:
    """A list may come in several headers; of what can only be said once, and was said twice, nothing is taken."""
    wanted: dict[bytes, bytes] = {}
    twice = set[bytes]()
    for name, value in headers:
        if name != b"range" and name not in _CONDITIONS:
            continue
        if name in wanted:
            twice.add(name)
            value = wanted[name] + b", " + value  # noqa: PLW2901 - the two are one list
        wanted[name] = value
    return {name: value for name, value in wanted.items() if name not in twice & _SAID_ONCE} if twice else wanted


def serve(wanted: Wanted, version: Version, *, parts: bool) -> Served:
    """In the order of RFC 9110, section 13.2.2; `parts` False, as for HEAD: `Range` means nothing."""
    if wanted:
        if _has_changed(wanted, version):
            return Served(CHANGED)
        if _has_it(wanted, version):
            return Served(SAME)
        if parts and b"range" in wanted and _is_of_this_version(wanted.get(b"if-range"), version):
            return _part(wanted[b"range"], version.size_bytes)
    return Served(OK, 0, version.size_bytes)


def _has_changed(wanted: Wanted, version: Version) -> bool:
    if (tags := wanted.get(b"if-match")) is not None:
        return tags.strip() != b"*" and version.etag not in _ETAG.findall(tags)
    before = _second(wanted.get(b"if-unmodified-since"))
    return before is not None and version.modified > before


def _has_it(wanted: Wanted, version: Version) -> bool:
    """A date counts only where no tag is named."""
    if (tags := wanted.get(b"if-none-match")) is not None:
        return tags.strip() == b"*" or version.etag in [tag.removeprefix(b"W/") for tag in _ETAG.findall(tags)]
    since = _second(wanted.get(b"if-modified-since"))
    return since is not None and version.modified <= since


def _is_of_this_version(validator: bytes | None, version: Version) -> bool:
    """Else a client would put parts of two files together; a weak tag does not say that all bytes are the same."""
    if validator is None:
        return True
    validator = validator.strip()
    return validator == version.etag if validator.endswith(b'"') else _second(validator) == version.modified


def _part(wanted: bytes, size: int) -> Served:
    """The one range of bytes that is asked for. What is no range, and several at once, mean the whole file."""
    found = _RANGE.fullmatch(wanted.strip())
    if found is None or found.groups() == (b"", b""):
        return Served(OK, 0, size)
    first, last = found.groups()
    if not first:
        length = min(_number(last), size)
        return Served(PART, size - length, length) if length else Served(NO_SUCH_PART)
    start, end = _number(first), _number(last) if last else size - 1
    if last and end < start:
        return Served(OK, 0, size)
    return Served(PART, start, min(end, size - 1) - start + 1) if start < size else Served(NO_SUCH_PART)


def _number(digits: bytes) -> int:
    """However long it is written: more than any file has bytes is all the same."""
    significant = digits.lstrip(b"0")
    return int(significant or b"0") if len(significant) <= _DIGITS_MAX else 10**_DIGITS_MAX


def _second(date: bytes | None) -> int | None:
    """Since 1970; None for what is no date, which then says nothing."""
    if date is None or len(date) > _DATE_MAX:
        return None
    try:
        parsed = parsedate_tz(date.decode("ascii"))
        return None if parsed is None else mktime_tz(parsed)
    except (ValueError, OverflowError, IndexError, TypeError):
        return None
