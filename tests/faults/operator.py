"""A process that rebuilds a read model, as the operator's command does, so that it can be killed in the middle.

    python -m tests.faults.operator NAME

It ends with 0 when it is done, with 2 when another rebuild is under way.
"""

import sys

from adapters.eventstore.mapper import FactMapper
from adapters.eventstore.read_models import ReadModels, RebuildUnderWay
from application.projections.every import PROJECTIONS
from entrypoints.cli.children import end_with_parent
from entrypoints.settings import read_settings

DONE, UNDER_WAY = 0, 2


def main(name: str) -> int:
    end_with_parent()
    models = ReadModels(read_settings(env_file=None).database_url, PROJECTIONS, FactMapper())
    try:
        models.rebuild(name)
    except RebuildUnderWay:
        return UNDER_WAY
    return DONE


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
