"""What a scrape is told of the read models, the writer, and a database that is away."""

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from adapters.prometheus.metrics import COUNTING_TOGETHER, PrometheusMetrics
from application.health import Readiness
from application.ports.platform_tasks import TasksOfPlatform
from application.ports.read_models import ReadModelStatus, Rebuilding
from entrypoints.cli.service import free_port


def samples(metrics: PrometheusMetrics, readiness: Readiness) -> dict[str, float]:
    return by_name(metrics.exposition(readiness).decode())


def by_name(exposition: str) -> dict[str, float]:
    families = text_string_to_metric_families(exposition)
    return {" ".join([each.name, *each.labels.values()]): each.value for family in families for each in family.samples}


def status(name: str, **given: object) -> ReadModelStatus:
    return ReadModelStatus(**{"name": name, "generation": 3, "version": 1, "position": 75, "lag": 25} | given)  # type: ignore[arg-type]


def test_a_degraded_read_model_and_one_that_is_rebuilt_are_told_apart() -> None:
    readiness = Readiness(
        database=True,
        head=100,
        read_models=[
            status("catalogue", state="degraded", trouble="fact 76", kept=(1, 2)),
            status("plans", lag=0, rebuilding=Rebuilding(generation=4, position=40, target=100)),
        ],
        queues={"webhooks": 3},
        failed_intents=2,
        failed_transcodes=4,
        platforms=[TasksOfPlatform(platform="mux", waiting=5, failing=4, error="it is down")],
    )

    told = samples(PrometheusMetrics(), readiness)

    assert (told["streamly_database_up"], told["streamly_ledger_head_position"]) == (1, 100)
    assert (told["streamly_read_model_degraded catalogue"], told["streamly_read_model_degraded plans"]) == (1, 0)
    assert (told["streamly_read_model_lag_facts catalogue"], told["streamly_read_model_lag_facts plans"]) == (25, 0)
    assert told["streamly_read_model_kept_generations catalogue"] == 2
    assert told["streamly_read_model_rebuild_progress_ratio plans"] == 0.4
    assert "streamly_read_model_rebuild_progress_ratio catalogue" not in told
    assert told["streamly_queue_items webhooks"] == 3
    assert (told["streamly_failed_intents"], told["streamly_failed_transcodes"]) == (2, 4)
    assert (told["streamly_platform_tasks_waiting mux"], told["streamly_platform_tasks_failing mux"]) == (5, 4)


def test_a_database_that_is_away_leaves_what_the_process_knows() -> None:
    metrics = PrometheusMetrics()
    with metrics.batch(3):
        pass

    told = samples(metrics, Readiness(database=False))

    assert (told["streamly_database_up"], told["streamly_ledger_batch_appends_sum"]) == (0, 3)
    assert not [
        name for name in told if name.startswith(("streamly_read_model", "streamly_queue", "streamly_ledger_h"))
    ]


def test_batches_are_counted_by_their_size_and_their_seconds_also_where_they_fail() -> None:
    metrics = PrometheusMetrics()
    with metrics.batch(3):
        pass
    try:
        with metrics.batch(40):
            raise ValueError
    except ValueError:
        pass

    told = samples(metrics, Readiness(database=False))

    assert (told["streamly_ledger_batch_appends_count"], told["streamly_ledger_batch_appends_sum"]) == (2, 43)
    assert told["streamly_ledger_batch_appends_bucket 5.0"] == 1
    assert told["streamly_ledger_batch_appends_bucket 50.0"] == 2
    assert told["streamly_ledger_commit_seconds_count"] == 2


@pytest.mark.anyio
async def test_requests_are_counted_by_method_route_and_status_and_timed_in_the_buckets_of_the_convention() -> None:
    metrics, gone = PrometheusMetrics(), Readiness(database=False)
    for seconds in (0.004, 0.2):
        metrics.requests.began("GET")
        metrics.requests.ended("GET", "/v1/videos/{video_id}", 200, seconds)
    metrics.requests.began("GET")

    told = samples(metrics, gone)

    timed = "http_server_request_duration_seconds"
    assert told[f"{timed}_count GET 200 /v1/videos/{{video_id}}"] == 2
    assert told[f"{timed}_sum GET 200 /v1/videos/{{video_id}}"] == pytest.approx(0.204)
    assert told[f"{timed}_bucket GET 200 /v1/videos/{{video_id}} 0.1"] == 1
    assert told[f"{timed}_bucket GET 200 /v1/videos/{{video_id}} 0.25"] == 2
    assert told["http_server_active_requests GET"] == 1


@pytest.mark.anyio
async def test_nobody_can_make_up_what_is_counted() -> None:
    metrics = PrometheusMetrics()
    for made_up in ("PROPFIND", "get", 'X"} 1', "BREW"):
        metrics.requests.began(made_up)
        metrics.requests.ended(made_up, None, 404, 0.001)

    told = samples(metrics, Readiness(database=False))

    assert told["http_server_request_duration_seconds_count _OTHER 404 "] == 4
    assert told["http_server_active_requests _OTHER"] == 0
    assert len([name for name in told if name.startswith("http_server_request_duration_seconds_count")]) == 1


def test_a_worker_tells_of_its_steps_at_a_port_of_its_own() -> None:
    metrics, port = PrometheusMetrics(), free_port()

    with metrics.answering("127.0.0.1", port):
        with metrics.step("send_letters"):
            pass
        with pytest.raises(ZeroDivisionError), metrics.step("sweep"):
            raise ZeroDivisionError
        told = by_name(httpx.get(f"http://127.0.0.1:{port}/metrics").text)

    assert [told[f"streamly_worker_step_seconds_count {step}"] for step in ("send_letters", "sweep")] == [1, 1]
    assert [told[f"streamly_worker_step_failures_total {step}"] for step in ("send_letters", "sweep")] == [0, 1]
    assert told["process_resident_memory_bytes"] > 1_000_000
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{port}/metrics")


def test_appends_are_in_progress_until_their_transaction_has_ended() -> None:
    metrics, gone = PrometheusMetrics(), Readiness(database=False)
    metrics.count_appends_in_progress(lambda: 7)

    with metrics.batch(3):
        during = samples(metrics, gone)["streamly_ledger_appends_in_progress"]

    assert (during, samples(metrics, gone)["streamly_ledger_appends_in_progress"]) == (7, 4)


# In the middle of a transaction of three appends it says so, and goes on when it is told to.
COUNTING = """
import asyncio
from adapters.prometheus.metrics import PrometheusMetrics
from adapters.prometheus.requests import TOLD_SECONDS
from application.health import Readiness

async def answer():
    metrics = PrometheusMetrics()
    metrics.count_appends_in_progress(lambda: 5)
    for _ in range(2):
        metrics.requests.began("GET")
    await asyncio.sleep(TOLD_SECONDS * 1.5)
    metrics.requests.ended("GET", None, 404, 0.002)
    await asyncio.sleep(TOLD_SECONDS * 1.5)
    with metrics.batch(3):
        print("in it", flush=True)
        input()
    metrics.requests.ended("GET", "/v1/plans", 200, 0.002)
    print(metrics.exposition(Readiness(database=False)).decode())

asyncio.run(answer())
"""


def test_processes_that_count_together_answer_for_all_and_those_that_have_ended(tmp_path: Path) -> None:
    with ExitStack() as stack:
        killed, at_work, answering = (stack.enter_context(counting(tmp_path)) for _ in range(3))
        for each in (killed, at_work, answering):
            stack.callback(each.kill)
            assert each.stdout is not None
            assert each.stdout.readline() == "in it\n"
        killed.kill()
        killed.wait()
        told = told_by(answering)

    assert told["streamly_ledger_batch_appends_count"] == 3
    assert told["streamly_ledger_batch_appends_sum"] == 9
    assert (told["streamly_ledger_batch_appends_bucket 2.0"], told["streamly_ledger_batch_appends_bucket 5.0"]) == (
        0,
        3,
    )
    assert told["streamly_ledger_commit_seconds_count"] == 1
    assert told["streamly_ledger_appends_in_progress"] == 5 + 2
    assert told["http_server_request_duration_seconds_count GET 200 /v1/plans"] == 1
    assert told["http_server_active_requests GET"] == 1, "of the one that is at work; nobody waits for the killed one"
    assert not [name for name in told if name.startswith("process_")]


def counting(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", COUNTING],
        env={**os.environ, COUNTING_TOGETHER: str(folder)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def told_by(process: subprocess.Popen[str]) -> dict[str, float]:
    out, _ = process.communicate("\n", timeout=30)
    return by_name(out)


def test_a_rebuild_of_an_empty_ledger_is_done() -> None:
    assert Rebuilding(generation=1, position=0, target=0).progress == 1.0
    assert Rebuilding(generation=1, position=11, target=10).progress == 1.0
