"""`python -m benchmarks.following DSN`: the live engine of all read models, until standard input ends."""

import sys

from adapters.eventstore.live import LiveEngine
from adapters.eventstore.mapper import FactMapper
from adapters.eventstore.read_models import ReadModels
from application.projections.every import PROJECTIONS

if __name__ == "__main__":
    engine = LiveEngine(sys.argv[1], ReadModels(sys.argv[1], PROJECTIONS, FactMapper()))
    engine.start()
    print("following", flush=True)
    sys.stdin.buffer.read()
    engine.stop()
