"""Where spans go: to a collector where one is named, and else nowhere."""

import asyncio
from contextlib import AsyncExitStack

from adapters.tracing.unrecorded import UnrecordedSpans
from application.tracing import Spans
from entrypoints.settings import Settings, SettingsInvalid, listed


async def traced(settings: Settings, stack: AsyncExitStack) -> Spans:
    """Closed with the stack. Raises SettingsInvalid where a collector is named and the extra is not there."""
    if not settings.otel_exporter_otlp_endpoint:
        return UnrecordedSpans()
    try:
        from adapters.opentelemetry.spans import OtelSpans  # noqa: PLC0415 - it is an extra, which need not be there
    except ModuleNotFoundError as missing:
        raise SettingsInvalid(
            f"OTEL_EXPORTER_OTLP_ENDPOINT: {missing.name} is not installed: it takes the extra, streamly[traces]"
        ) from None
    pairs = [entry.partition("=") for entry in listed(settings.otel_exporter_otlp_headers)]
    headers = {name.strip(): value.strip() for name, _, value in pairs}
    spans = OtelSpans(settings.otel_exporter_otlp_endpoint, headers=headers, ratio=settings.otel_traces_sampler_arg)
    stack.push_async_callback(asyncio.to_thread, spans.close)
    return spans
