"""What a scrape is answered: what the service has counted, and how the ledger and the read models stand."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
    start_http_server,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from adapters.prometheus.requests import RequestMetrics
from application.health import Readiness
from application.ports.letters import LetterCounts
from application.ports.platform_tasks import TasksOfPlatform
from application.ports.policies import PolicyStatus
from application.ports.read_models import ReadModelStatus
from application.ports.sweeps import SweepKind, SweepTotals

COUNTING_TOGETHER = "PROMETHEUS_MULTIPROC_DIR"
"""The library's own switch, which it reads as it is imported: the folder where processes count together."""

BATCH_BUCKETS = (1, 2, 5, 10, 20, 50, 100, 200, 500)
STEP_SECONDS_BUCKETS = (0.001, 0.005, 0.025, 0.1, 0.5, 1.0, 5.0, 30.0, 120.0, 600.0, 3600.0)
COMMIT_SECONDS_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class PrometheusMetrics:
    """One to a process. Names end in their unit; a batch is counted once, so that an append costs nothing more.

    Processes that count together answer for each other, and for those that have ended. What the kernel knows of a
    process is told by one that counts alone: under the same name each scrape would find another's.
    """

    content_type = CONTENT_TYPE_PLAIN_0_0_4

    def __init__(self) -> None:
        together = os.environ.get(COUNTING_TOGETHER)
        self._together = Path(together) if together else None
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self.requests = RequestMetrics(self._registry)
        self._in_progress: Callable[[], int] = lambda: 0
        self._appends_in_progress = Gauge(
            "streamly_ledger_appends_in_progress",
            "Appends that waited for their transaction or were in it, when the last one began or ended.",
            registry=self._registry,
            multiprocess_mode="livesum",
        )
        self._batches = Histogram(
            "streamly_ledger_batch_appends",
            "Appends to a transaction.",
            buckets=BATCH_BUCKETS,
            registry=self._registry,
        )
        self._commits = Histogram(
            "streamly_ledger_commit_seconds",
            "From the beginning of an append's transaction to its end, failed ones too.",
            buckets=COMMIT_SECONDS_BUCKETS,
            registry=self._registry,
        )

        self._steps = Histogram(
            "streamly_worker_step_seconds",
            "Of each step that a worker took, also when there was nothing to do.",
            ["step"],
            buckets=STEP_SECONDS_BUCKETS,
            registry=self._registry,
        )
        self._failed_steps = Counter(
            "streamly_worker_step_failures",
            "Steps of a worker that failed; they are tried again.",
            ["step"],
            registry=self._registry,
        )

    def count_appends_in_progress(self, count: Callable[[], int]) -> None:
        """By a function that is asked at each transaction: a gauge that each append moves would cost 2 us of it."""
        self._in_progress = count

    @contextmanager
    def batch(self, appends: int) -> Iterator[None]:
        """Measures the transaction of so many appends; from any thread."""
        self._batches.observe(appends)
        self._appends_in_progress.set(self._in_progress())
        try:
            with self._commits.time():
                yield
        finally:
            # Those of this transaction are counted until they have heard of it.
            self._appends_in_progress.set(max(0, self._in_progress() - appends))

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Measures one step of a worker; names are few."""
        with self._steps.labels(name).time(), self._failed_steps.labels(name).count_exceptions():
            yield

    @contextmanager
    def answering(self, host: str, port: int) -> Iterator[None]:
        """Whoever asks at this port meanwhile is told what this process has counted. Raises OSError: it is taken."""
        server, thread = start_http_server(port, host, self._registry)
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def exposition(self, readiness: Readiness) -> bytes:
        """With the database away: what the process itself knows, and that it is."""
        self.requests.tell_active()
        counted = self._registry if self._together is None else _counted_together(self._together)
        return generate_latest(counted) + generate_latest(Found(readiness))


def _counted_together(folder: Path) -> CollectorRegistry:
    """What all have counted who count there. Of those that have ended nothing is in progress."""
    for file in folder.glob("gauge_live*.db"):
        if not _runs(int(file.stem.rpartition("_")[2])):
            file.unlink(missing_ok=True)
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(folder))  # type: ignore[no-untyped-call]  # the library has no types here
    return registry


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


class Found(Collector):
    """What was found of the database, at one moment."""

    def __init__(self, readiness: Readiness) -> None:
        self._readiness = readiness

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield GaugeMetricFamily(
            "streamly_database_up", "Whether the database can be written to.", value=int(self._readiness.database)
        )
        if not self._readiness.database:
            return
        yield GaugeMetricFamily(
            "streamly_ledger_head_position", "The position of the newest fact.", value=self._readiness.head
        )
        yield from _of_read_models(self._readiness.read_models)
        yield from _of_policies(self._readiness.policies)
        queues = GaugeMetricFamily("streamly_queue_items", "Things that are not done yet.", labels=["queue"])
        for name, waiting in self._readiness.queues.items():
            queues.add_metric([name], waiting)
        yield queues
        waits = GaugeMetricFamily(
            "streamly_queue_wait_seconds",
            "How long ago that was due which has waited longest; 0 where nothing is due.",
            labels=["queue"],
        )
        for name, seconds in self._readiness.waits.items():
            waits.add_metric([name], seconds)
        yield waits
        yield from _of_the_inbox(self._readiness.inbox)
        yield from _of_sweeps(self._readiness.sweeps)
        yield from _of_letters(self._readiness.letters)
        yield GaugeMetricFamily(
            "streamly_duplicate_subscriptions",
            "Second live subscriptions of one account to one plan that have been found, ever.",
            value=self._readiness.duplicates,
        )
        yield GaugeMetricFamily(
            "streamly_failed_intents",
            "What was asked of the payment provider and nobody sees to any more: `streamly intents list --failed`.",
            value=self._readiness.failed_intents,
        )
        yield GaugeMetricFamily(
            "streamly_failed_transcodes",
            "Videos that could not be made ready for a reason of ours, and were neither uploaded again nor deleted.",
            value=self._readiness.failed_transcodes,
        )
        yield from _of_platforms(self._readiness.platforms)


def _of_platforms(found: Sequence[TasksOfPlatform]) -> Iterator[GaugeMetricFamily]:
    for name, what, values in (
        ("waiting", "What a video platform is still to do.", {each.platform: each.waiting for each in found}),
        ("failing", "Of that, what was tried in vain.", {each.platform: each.failing for each in found}),
    ):
        family = GaugeMetricFamily(f"streamly_platform_tasks_{name}", what, labels=["platform"])
        for platform, value in values.items():
            family.add_metric([platform], value)
        yield family


def _of_the_inbox(counts: Mapping[str, int]) -> Iterator[GaugeMetricFamily]:
    family = GaugeMetricFamily(
        "streamly_inbox_deliveries",
        "Deliveries that are not done, by status; of each 10,000 at most are counted.",
        labels=["status"],
    )
    for status, count in counts.items():
        family.add_metric([status], count)
    yield family


def _of_letters(counts: LetterCounts) -> Iterator[GaugeMetricFamily]:
    family = GaugeMetricFamily(
        "streamly_letters",
        "Letters and text messages that wait to be sent, and those of the last day that were given up.",
        labels=["status"],
    )
    for status, count in (("waiting", counts.waiting), ("refused", counts.refused), ("failed", counts.failed)):
        family.add_metric([status], count)
    yield family


def _of_sweeps(totals: Mapping[SweepKind, SweepTotals]) -> Iterator[GaugeMetricFamily]:
    for name, what, values in (
        ("finished", "Sweeps of the last 400 days that were done.", {k: each.finished for k, each in totals.items()}),
        ("repaired_accounts", "Accounts that they repaired.", {k: each.repairs for k, each in totals.items()}),
        ("kept_events", "Events that they found and had not come.", {k: each.kept for k, each in totals.items()}),
        (
            "last_finished_timestamp_seconds",
            "When the last one ended.",
            {k: each.last_finished_at.timestamp() for k, each in totals.items() if each.last_finished_at},
        ),
    ):
        family = GaugeMetricFamily(f"streamly_sweep_{name}", what, labels=["kind"])
        for kind, value in values.items():
            family.add_metric([kind], value)
        yield family


def _of_read_models(statuses: Sequence[ReadModelStatus]) -> Iterator[GaugeMetricFamily]:
    for name, what, values in (
        ("position", "The position that a read model has come to.", {each.name: each.position for each in statuses}),
        ("lag_facts", "Facts that a read model is behind the ledger.", {each.name: each.lag for each in statuses}),
        (
            "degraded",
            "Whether there is a fact that a read model could not take.",
            {each.name: int(each.state == "degraded") for each in statuses},
        ),
        ("generation", "The generation that is live.", {each.name: each.generation for each in statuses}),
        ("kept_generations", "Generations to roll back to.", {each.name: len(each.kept) for each in statuses}),
        (
            "rebuild_progress_ratio",
            "How far a rebuild under way has come.",
            {each.name: each.rebuilding.progress for each in statuses if each.rebuilding},
        ),
    ):
        family = GaugeMetricFamily(f"streamly_read_model_{name}", what, labels=["read_model"])
        for read_model, value in values.items():
            family.add_metric([read_model], value)
        yield family


def _of_policies(statuses: Sequence[PolicyStatus]) -> Iterator[GaugeMetricFamily]:
    for name, what, values in (
        ("position", "The last fact that a policy is done with.", {each.name: each.position for each in statuses}),
        ("lag_facts", "Facts that wait for a policy.", {each.name: each.lag for each in statuses}),
        (
            "degraded",
            "Whether a policy has passed over a fact that could not be read.",
            {each.name: int(each.state == "degraded") for each in statuses},
        ),
    ):
        family = GaugeMetricFamily(f"streamly_policy_{name}", what, labels=["policy"])
        for policy, value in values.items():
            family.add_metric([policy], value)
        yield family
