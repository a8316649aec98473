"""What is measured: the ledger's writer with each batch, its seconds and the appends of the moment; policies' steps."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from msgspec.structs import replace

from adapters.eventstore.committer import GroupCommitter
from adapters.eventstore.recorder import Append, LedgerRecorder, Outcome
from adapters.prometheus.metrics import PrometheusMetrics
from application.policies.policy import Policy
from application.tracing import Spans, Underway, part, step
from domain.shared.fact import Fact


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
            with part("ledger append"):
                return await super().append(append)
        finally:
            self._in_progress -= 1


class Steps:
    """Of a worker: each is traced and measured."""

    def __init__(self, spans: Spans, metrics: PrometheusMetrics) -> None:
        self._spans = spans
        self._metrics = metrics

    @contextmanager
    def step(self, name: str) -> Iterator[Underway]:
        """One, to its end; `idle` is to be set where there was nothing to do."""
        with self._metrics.step(name), step(self._spans, name) as this:
            yield this


def in_steps(steps: Steps, policies: Sequence[Policy]) -> list[Policy]:
    """The same policies, of which each act is a step of the worker."""
    return [replace(policy, act=_Step(steps, policy)) for policy in policies]


class _Step:
    def __init__(self, steps: Steps, policy: Policy) -> None:
        self._steps = steps
        self._policy = policy

    async def __call__(self, fact: Fact) -> None:
        with self._steps.step(f"policy {self._policy.name}"):
            await self._policy.act(fact)
