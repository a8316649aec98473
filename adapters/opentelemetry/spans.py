# pyright: reportMissingImports=false
# The libraries are an extra's, and need not be there.
"""Spans by OpenTelemetry's SDK, sent to a collector by OTLP over HTTP, in a thread of their own.

https://opentelemetry.io/docs/specs/otlp/
"""

import threading
from collections.abc import Mapping
from importlib.metadata import version

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    format_span_id,
    format_trace_id,
    set_span_in_context,
)
from opentelemetry.trace import Span as OtelSpan

from application.tracing import ERROR_TYPE, Attributes, Kind, Trace

KINDS: Mapping[Kind, SpanKind] = {
    "server": SpanKind.SERVER,
    "client": SpanKind.CLIENT,
    "internal": SpanKind.INTERNAL,
}
WAITING_MAX = 2_048
"""Spans; what comes when so many have not been sent yet is dropped."""
TOGETHER_MAX = 512
PAUSE_SECONDS = 2.0
EXPORT_SECONDS = 5.0
CLOSE_SECONDS = 1.0


class RecordedSpan:
    """Of an error it is told what class it has, never its words: they may be about somebody."""

    __slots__ = ("_span", "trace")

    def __init__(self, span: OtelSpan) -> None:
        self._span = span
        context = span.get_span_context()
        self.trace = Trace(
            format_trace_id(context.trace_id), format_span_id(context.span_id), context.trace_flags.sampled
        )

    def end(self, *, name: str | None, attributes: Attributes, trouble: BaseException | None) -> None:
        if name is not None:
            self._span.update_name(name)
        if trouble is not None:
            attributes = {**attributes, ERROR_TYPE: type(trouble).__qualname__}
        self._span.set_attributes(attributes)
        if ERROR_TYPE in attributes:
            self._span.set_status(StatusCode.ERROR)
        self._span.end()


class OtelSpans:
    """Of new traces a share is recorded, of those that somebody else began what they have decided on."""

    records = True

    def __init__(self, endpoint: str, *, headers: Mapping[str, str], ratio: float) -> None:
        """`endpoint` as the collector's base address; `headers` may be secret; `ratio` from 0 to 1."""
        exporter = OTLPSpanExporter(
            endpoint=f"{endpoint.rstrip('/')}/v1/traces", headers=dict(headers), timeout=EXPORT_SECONDS
        )
        self._provider = TracerProvider(
            sampler=ParentBased(TraceIdRatioBased(ratio)),
            resource=Resource.create({"service.name": "streamly", "service.version": version("streamly")}),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(
            BatchSpanProcessor(
                exporter,
                max_queue_size=WAITING_MAX,
                max_export_batch_size=TOGETHER_MAX,
                schedule_delay_millis=PAUSE_SECONDS * 1000,
            )
        )
        self._tracer = self._provider.get_tracer("streamly")

    def begin(self, name: str, *, kind: Kind, after: Trace | None) -> RecordedSpan:
        context = Context() if after is None else _context_of(after, is_remote=kind == "server")
        return RecordedSpan(self._tracer.start_span(name, context=context, kind=KINDS[kind]))

    def close(self) -> None:
        """What is left is sent, where that takes no longer than a second."""
        closing = threading.Thread(target=self._provider.shutdown, name="the last spans", daemon=True)
        closing.start()
        closing.join(CLOSE_SECONDS)


def _context_of(after: Trace, *, is_remote: bool) -> Context:
    flags = TraceFlags(TraceFlags.SAMPLED if after.sampled else TraceFlags.DEFAULT)
    place = SpanContext(int(after.trace_id, 16), int(after.span_id, 16), is_remote=is_remote, trace_flags=flags)
    return set_span_in_context(NonRecordingSpan(place), Context())
