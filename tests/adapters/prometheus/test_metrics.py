"""What a scrape is told of the read models, the writer, and a database that is away."""

from prometheus_client.parser import text_string_to_metric_families

from adapters.prometheus.metrics import PrometheusMetrics
from application.health import Readiness
from application.ports.read_models import ReadModelStatus, Rebuilding


def samples(metrics: PrometheusMetrics, readiness: Readiness) -> dict[str, float]:
    families = text_string_to_metric_families(metrics.exposition(readiness).decode())
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
    )

    told = samples(PrometheusMetrics(), readiness)

    assert (told["streamly_database_up"], told["streamly_ledger_head_position"]) == (1, 100)
    assert (told["streamly_read_model_degraded catalogue"], told["streamly_read_model_degraded plans"]) == (1, 0)
    assert (told["streamly_read_model_lag_facts catalogue"], told["streamly_read_model_lag_facts plans"]) == (25, 0)
    assert told["streamly_read_model_kept_generations catalogue"] == 2
    assert told["streamly_read_model_rebuild_progress_ratio plans"] == 0.4
    assert "streamly_read_model_rebuild_progress_ratio catalogue" not in told
    assert told["streamly_queue_items webhooks"] == 3


def test_a_database_that_is_away_leaves_what_the_process_knows() -> None:
    metrics = PrometheusMetrics()
    metrics.count_appends_in_progress(lambda: 7)

    told = samples(metrics, Readiness(database=False))

    assert (told["streamly_database_up"], told["streamly_ledger_appends_in_progress"]) == (0, 7)
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


def test_a_rebuild_of_an_empty_ledger_is_done() -> None:
    assert Rebuilding(generation=1, position=0, target=0).progress == 1.0
    assert Rebuilding(generation=1, position=11, target=10).progress == 1.0
