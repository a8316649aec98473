"""The ledger's writer, measured: each batch and its seconds, and how many appends there are at the moment."""

from collections.abc import Sequence
from typing import Any

from adapters.eventstore.committer import GroupCommitter
from adapters.eventstore.recorder import Append, LedgerRecorder, Outcome
from adapters.prometheus.metrics import PrometheusMetrics


class MeasuredRecorder(LedgerRecorder):
    """A recorder whose transactions are measured."""

    def __init__(self, *given: Any, metrics: PrometheusMetrics, **named: Any) -> None:
        super().__init__(*given, **named)
        self._metrics = metrics

    def record(self, appends: Sequence[Append]) -> list[Outcome]:
        with self._metrics.batch(len(appends)):
            return super().record(appends)


class MeasuredCommitter(GroupCommitter):
    """A committer whose appends are counted while they last."""

    def __init__(self, recorder: LedgerRecorder, metrics: PrometheusMetrics) -> None:
        super().__init__(recorder)
        self._in_progress = 0
        metrics.count_appends_in_progress(lambda: self._in_progress)

    async def append(self, append: Append) -> int:
        self._in_progress += 1
        try:
            return await super().append(append)
        finally:
            self._in_progress -= 1
