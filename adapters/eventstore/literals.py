"""Values as PostgreSQL reads them in text: array literals and CSV, written by msgspec, with no Python to a value.

JSON is nearly both. `["a","b",null,1.5,true]` is an array literal once its brackets are braces, and a line of CSV
without them; a quotation mark and a backslash inside text are escaped alike in all three. Only the escapes that JSON
has for control characters mean nothing to PostgreSQL, and become the characters themselves.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

CONTROLS = {b"\\n": b"\n", b"\\r": b"\r", b"\\t": b"\t", b"\\b": b"\b", b"\\f": b"\f"}

ESCAPES = re.compile(rb"\\[nrtbfu]")
"""All that may be an escape of JSON alone: a text that has none of these stays as it is."""

CODES = re.compile(rb"\\u00([0-9a-fA-F]{2})")

CSV_FORMAT = "FORMAT csv, NULL 'null', ESCAPE '\\'"
"""How COPY has to read `csv_lines`; text that says null stands in quotes, and is not taken for it."""

_json = msgspec.json.Encoder()


def array_literal(values: Sequence[Any]) -> bytes:
    """A PostgreSQL array of text, numbers, booleans, UUIDs and times; to be cast to its type."""
    return b"{" + _without_escapes(_json.encode(values)[1:-1]) + b"}"


def csv_lines(rows: Iterable[Sequence[Any]]) -> bytes:
    """Lines of CSV, one to a row."""
    # A line break never occurs inside JSON, so that brackets around one are always the ends of rows.
    lines = _json.encode_lines(rows)[1:-2].replace(b"]\n[", b"\n")
    return _without_escapes(lines) + b"\n"


def json_text(value: Any) -> str:
    """A value of a json column."""
    return _json.encode(value).decode()


def _without_escapes(text: bytes) -> bytes:
    """JSON inside JSON is full of escaped quotation marks: a call for each would take most of an append's time."""
    if ESCAPES.search(text) is None:
        return text
    # A backslash that is itself escaped begins no escape.
    return b"\\\\".join(map(_with_controls, text.split(b"\\\\")))


def _with_controls(text: bytes) -> bytes:
    for escape, control in CONTROLS.items():
        text = text.replace(escape, control)
    return CODES.sub(_control, text)


def _control(code: re.Match[bytes]) -> bytes:
    return bytes([int(code[1], 16)])
