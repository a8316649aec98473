"""What is under way here: its place in a trace, by W3C's Trace Context, and what every line of the log says of it.

https://www.w3.org/TR/trace-context/
"""

import re
from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Literal, NamedTuple, Protocol, Self
from uuid import UUID

LENGTH_MAX = 256
"""Of a `traceparent`; one of today's version has 55 characters, and a later one may have more."""

TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-[!-~]*)?")
SAMPLED = 0x01

Kind = Literal["server", "client", "internal"]
"""Of a span: whether somebody asks us, we ask somebody, or neither."""

Attributes = Mapping[str, str | int | float | bool]
"""By OpenTelemetry's names, without what is secret or personal."""

NO_ATTRIBUTES: Attributes = {}
ERROR_TYPE = "error.type"
"""The attribute of what has failed: a class or a status."""


class Trace(NamedTuple):
    """A place in a trace: the trace's id (32 hexadecimal digits) and the span's (16), in lower case."""

    trace_id: str
    span_id: str
    sampled: bool = False

    @classmethod
    def of(cls, traceparent: str) -> Self | None:
        """None where it is no good: then there is no trace to go on with."""
        found = TRACEPARENT.fullmatch(traceparent) if len(traceparent) <= LENGTH_MAX else None
        if found is None:
            return None
        version, trace_id, span_id, flags, more = found.groups()
        if version == "ff" or (version == "00" and more) or not int(trace_id, 16) or not int(span_id, 16):
            return None
        return cls(trace_id, span_id, bool(int(flags, 16) & SAMPLED))

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"


class Span(Protocol):
    """One piece of work, from its beginning on."""

    @property
    def trace(self) -> Trace: ...

    def end(self, *, name: str | None, attributes: Attributes, trouble: BaseException | None) -> None:
        """`name` takes the place of the first one, where it was not known better then."""
        ...


class Spans(Protocol):
    """Where spans begin."""

    @property
    def records(self) -> bool:
        """Whether anybody keeps them. Where nobody does parts of a piece of work are no spans of their own."""
        ...

    def begin(self, name: str, *, kind: Kind, after: Trace | None) -> Span:
        """In the trace of what it comes after, or, where that is None, in a new one."""
        ...


class Underway:
    """A request or a step of a worker, from `begin` to `end`; tasks that begin meanwhile belong to it.

    One that is `idle` at its end, as when there was nothing to do, was no span.
    """

    __slots__ = ("_span", "_token", "idle", "notes", "spans", "trace")

    def __init__(self, spans: Spans, span: Span, notes: dict[str, object]) -> None:
        self._span = span
        self.spans = spans
        self.trace = span.trace
        self.notes = notes
        self.idle = False
        self._token = _underway.set(self)

    def end(
        self,
        *,
        name: str | None = None,
        attributes: Attributes = NO_ATTRIBUTES,
        trouble: BaseException | None = None,
    ) -> None:
        _underway.reset(self._token)
        if not self.idle:
            self._span.end(name=name, attributes=attributes, trouble=trouble)


_underway: ContextVar[Underway | None] = ContextVar("underway", default=None)


def begin(
    spans: Spans, name: str, *, kind: Kind = "internal", after: Trace | None = None, notes: Mapping[str, object]
) -> Underway:
    """Until it is ended, in the same task, lines of the log have these notes."""
    return Underway(spans, spans.begin(name, kind=kind, after=after), dict(notes))


def underway() -> Underway | None:
    """What is under way here, if anything is."""
    return _underway.get()


def note(**more: object) -> None:
    """For the lines that are still to come about what is under way here."""
    if (here := _underway.get()) is not None:
        here.notes.update(more)


def note_account(account_id: UUID | None) -> None:
    """Whose this is, or would be if what proves it were good; nobody's that is known: None."""
    if account_id is not None:
        note(account_id=str(account_id))


def outgoing() -> dict[str, str]:
    """The headers by which whom we ask can go on with our trace."""
    here = _underway.get()
    return {} if here is None else {"traceparent": here.trace.traceparent}


@contextmanager
def step(spans: Spans, name: str) -> Generator[Underway]:
    """One step of a worker, which begins a trace of its own."""
    with _ending(begin(spans, name, notes={"step": name})) as this:
        yield this


def part(
    name: str, *, kind: Kind = "internal", attributes: Attributes = NO_ATTRIBUTES
) -> AbstractContextManager[object]:
    """A part of what is under way here; nothing where nothing is, or nobody keeps it."""
    here = _underway.get()
    if here is None or not here.spans.records:
        return NOTHING
    span = here.spans.begin(name, kind=kind, after=here.trace)
    return _ending(Underway(here.spans, span, here.notes), attributes)


@contextmanager
def _ending(this: Underway, attributes: Attributes = NO_ATTRIBUTES) -> Generator[Underway]:
    try:
        yield this
    except BaseException as trouble:
        this.end(attributes=attributes, trouble=trouble)
        raise
    this.end(attributes=attributes)


NOTHING: AbstractContextManager[object] = nullcontext()
