"""What becomes of a valid request by accident or by malice: in its bytes, JSON, headers, path and query."""

import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, NamedTuple

from tests.faults.oddities import ESCAPES, HEADERS, METHODS, ODD_JSON, SEGMENTS, TEXTS, WORDS

SLICE_BYTES_MAX = 200
CHANGES_MAX = 3


class Ask(NamedTuple):
    """One request; the path and the parameters as they go over the wire, the body as it was before it was encoded."""

    method: str
    path: str
    parameters: tuple[str, ...] = ()
    """The names that the query may have."""
    query: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    body: Any = None
    """None: there is none. Bytes go as they are, everything else as JSON."""


class Raw(NamedTuple):
    """JSON that no encoder would write."""

    written: str


def wire(ask: Ask) -> bytes:
    """The request's bytes; a length that the headers name is left as it is."""
    body = b"" if ask.body is None else ask.body if isinstance(ask.body, bytes) else _bytes(encoded(ask.body))
    target = ask.path + ("?" + "&".join(f"{name}={value}" for name, value in ask.query) if ask.query else "")
    headers = list(ask.headers)
    if ask.body is not None and not any(name in ("Content-Length", "Transfer-Encoding") for name, _ in headers):
        headers.append(("Content-Length", str(len(body))))
    head = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"{ask.method} {target} HTTP/1.1\r\n{head}\r\n".encode("latin-1", "replace") + body


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def encoded(value: Any) -> str:
    """JSON in which what is `Raw` stands as it is."""
    match value:
        case Raw():
            return value.written
        case dict():
            return "{" + ",".join(f"{json.dumps(name)}:{encoded(each)}" for name, each in value.items()) + "}"
        case list():
            return "[" + ",".join(map(encoded, value)) + "]"
        case _:
            return json.dumps(value)


def mutated(ask: Ask, dice: Random, others: Sequence[Ask]) -> bytes:
    """One to three changes of any kind; one request of twenty stays as it was."""
    if dice.random() < 0.05:
        return wire(ask)
    kinds = [_query, _path, _headers, *([_json] * 4 if isinstance(ask.body, dict) else [_query, _path])]
    for _ in range(dice.randint(0, CHANGES_MAX)):
        ask = dice.choice(kinds)(ask, dice)
    sent = wire(ask)
    if dice.random() < 0.25:
        for _ in range(dice.randint(1, CHANGES_MAX)):
            sent = dice.choice(OF_BYTES)(sent, dice, wire(dice.choice(others)))
    return sent


def _query(ask: Ask, dice: Random) -> Ask:
    """A parameter that there is, mostly, with a value that fits or does not; now and then a thousand of them."""
    name = dice.choice([*ask.parameters, *ask.parameters, "unknown", "limit", ""])
    value = dice.choice([*ESCAPES, *map(_quoted, dice.sample(WORDS, 5)), "100", "true"])
    return ask._replace(query=ask.query + ((name, value),) * _times(value, dice))


def _times(text: str, dice: Random) -> int:
    """Once, mostly; what is short also a thousand times."""
    return dice.choice([1, 1, 1, 2, 1_000 if len(text) <= SLICE_BYTES_MAX else 2])


def _quoted(text: str) -> str:
    return "".join(f"%{each:02x}" if each < 33 or each > 126 else chr(each) for each in _bytes(text))


def _path(ask: Ask, dice: Random) -> Ask:
    segments = ask.path.split("/")
    place = dice.randrange(1, len(segments))
    match dice.randrange(5):
        case 0:
            segments[place] = dice.choice(SEGMENTS)
        case 1:
            segments[place] += dice.choice(ESCAPES)
        case 2:
            segments.insert(place, dice.choice(SEGMENTS))
        case 3:
            segments[place] = _text(segments[place], dice)
        case _:
            return ask._replace(method=dice.choice(METHODS))
    return ask._replace(path=dice.choice(["", "", "", "", "http://evil.example"]) + "/".join(segments))


def _headers(ask: Ask, dice: Random) -> Ask:
    headers = list(ask.headers)
    name = dice.choice(list(HEADERS))
    match dice.randrange(6):
        case 0 if headers:
            headers.pop(dice.randrange(len(headers)))
        case 1 if headers:
            headers.append(dice.choice(headers))
        case 2 if headers:
            place = dice.randrange(len(headers))
            headers[place] = (headers[place][0], _text(headers[place][1], dice))
        case 3 if dice.random() < 0.2:
            headers += [(f"X-{number}", "1") for number in range(120)]
        case _:
            headers = [each for each in headers if each[0] != name] + [(name, dice.choice(HEADERS[name]))]
    return ask._replace(headers=tuple(headers))


def _text(text: str, dice: Random) -> str:
    """Cut, said twice, or with something odd in it."""
    place = dice.randrange(len(text) + 1)
    odd = dice.choice(["", text, "\x00", "\xff", " ", "%", dice.choice(TEXTS)])
    return text[:place] + odd + text[place + dice.randint(0, 2) :]


def _json(ask: Ask, dice: Random) -> Ask:
    return ask._replace(body=_changed(ask.body, dice))


def _changed(value: Any, dice: Random) -> Any:
    """Something inside of it, or the whole."""
    if isinstance(value, dict) and value and dice.random() < 0.8:
        name = dice.choice(list(value))
        return value | {name: _changed(value[name], dice)}
    if isinstance(value, list) and value and dice.random() < 0.8:
        place = dice.randrange(len(value))
        return [*value[:place], _changed(value[place], dice), *value[place + 1 :]]
    if isinstance(value, dict) and value and dice.random() < 0.5:
        return _with_other_names(value, dice)
    if isinstance(value, str) and dice.random() < 0.3:
        return _text(value, dice)
    return dice.choice([Raw(dice.choice(ODD_JSON)), dice.choice(WORDS), [value] * _times(encoded(value), dice)])


def _with_other_names(value: dict[str, Any], dice: Random) -> Any:
    """One more, one less, or one twice."""
    name = dice.choice(list(value))
    match dice.randrange(3):
        case 0:
            return value | {dice.choice(["unknown", "role", "id", *TEXTS]): dice.choice([1, None, "admin"])}
        case 1:
            return {each: value[each] for each in value if each != name}
        case _:
            return Raw(f"{encoded(value)[:-1]},{json.dumps(name)}:{encoded(_changed(value[name], dice))}}}")


def _slice(sent: bytes, dice: Random) -> tuple[int, int]:
    start = dice.randrange(len(sent) + 1)
    return start, start + dice.randint(1, SLICE_BYTES_MAX)


def _flip(sent: bytes, dice: Random, other: bytes) -> bytes:
    flipped = bytearray(sent)
    for _ in range(dice.choice([1, 1, 2, 8]) if sent else 0):
        flipped[dice.randrange(len(sent))] ^= 1 << dice.randrange(8)
    return bytes(flipped)


def _cut(sent: bytes, dice: Random, other: bytes) -> bytes:
    start, end = _slice(sent, dice)
    return sent[:start] if dice.random() < 0.3 else sent[:start] + sent[end:]


def _repeat(sent: bytes, dice: Random, other: bytes) -> bytes:
    start, end = _slice(sent, dice)
    return sent[:start] + sent[start:end] * dice.choice([2, 3, 50]) + sent[end:]


def _splice(sent: bytes, dice: Random, other: bytes) -> bytes:
    """The one's beginning and the other's end, or one after the other without waiting."""
    if dice.random() < 0.3:
        return sent + other
    return sent[: dice.randrange(len(sent) + 1)] + other[dice.randrange(len(other) + 1) :]


def _insert(sent: bytes, dice: Random, other: bytes) -> bytes:
    start, _ = _slice(sent, dice)
    return (
        sent[:start]
        + dice.choice([b"\x00", b"\r\n", b"\n", b"\r", b"\xff\xfe", b"\r\n\r\n", b" ", b":"])
        + sent[start:]
    )


OF_BYTES: list[Callable[[bytes, Random, bytes], bytes]] = [_flip, _cut, _repeat, _splice, _insert]
