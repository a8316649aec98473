"""Traces without anybody who keeps them: the ids, by which lines of the log belong together, are all there is."""

from os import urandom

from application.tracing import Attributes, Kind, Trace


class UnrecordedSpan:
    """Its ids alone."""

    __slots__ = ("trace",)

    def __init__(self, trace: Trace) -> None:
        self.trace = trace

    def end(self, *, name: str | None, attributes: Attributes, trouble: BaseException | None) -> None:
        """Nothing is kept."""


class UnrecordedSpans:
    """Goes on with a trace that somebody else may record, and says so to whom we ask."""

    records = False

    def begin(self, name: str, *, kind: Kind, after: Trace | None) -> UnrecordedSpan:
        if after is None:
            made = urandom(24).hex()
            return UnrecordedSpan(Trace(made[:32], made[32:]))
        return UnrecordedSpan(Trace(after.trace_id, urandom(8).hex(), after.sampled))
