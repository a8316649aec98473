"""A few of the rounds of `make soak`: whoever is killed under load, no fact is lost, doubled or out of order."""

from collections.abc import Iterator

import pytest

from tests.faults.faults import FAULTS, Fault
from tests.faults.judgement import judge, judge_by_folding, judge_generations, judge_read_models
from tests.faults.legs import Round, run_round
from tests.faults.site import Site

SEED = "make test"

FEW = (
    "kill -9 of the postmaster",
    "connections terminated",
    "kill -9 of a rebuild",
    "two rebuilds at once",
    "rebuild, roll back",
    "rebuild, drop what is kept",
    "kill -9 of API, worker and postmaster",
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Everything at work, and several who write and read."""
    with Site(tmp_path_factory.mktemp("site"), SEED) as site:
        yield site


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault.words in FEW], ids=lambda fault: fault.words)
def test_after_a_fault_all_goes_on_and_what_was_acknowledged_is_there_once(site: Site, fault: Fault) -> None:
    run_round(site, Round(SEED, FAULTS.index(fault)), lambda _: None, fault)


def test_in_the_end_the_read_models_equal_a_rebuild_and_what_the_facts_give_in_memory(site: Site) -> None:
    assert judge_read_models(site) == []
    site.rest()
    assert judge(site) + judge_read_models(site) + judge_generations(site) + judge_by_folding(site) == []
