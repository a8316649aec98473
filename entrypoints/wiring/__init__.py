"""The composition root: the one place where entrypoints meet adapters."""

from pathlib import Path

import imageio_ffmpeg  # type: ignore[import-untyped]

from adapters.crypto.master_keys import MasterKeyMissing
from adapters.crypto.vault import KeyShredded
from adapters.embedded_postgres import EmbeddedPostgresUnavailable
from adapters.eventstore.datastore import DatabaseFunctionsEnabled
from adapters.eventstore.mapper import FactUnreadable
from adapters.eventstore.read_models import NoKeptGeneration, ReadModelPoisoned, RebuildUnderWay, Rebuilt, Verified
from adapters.eventstore.swapping import Dropped, SwapImpossible
from adapters.prometheus.metrics import COUNTING_TOGETHER
from application.errors import Unavailable
from application.ports.vault import SealBroken
from entrypoints.wiring.database import Database, DatabaseNotReady, masked, migrate_given, ready_database
from entrypoints.wiring.house import House, open_house

REBUILD_REFUSALS = (FactUnreadable, NoKeptGeneration, ReadModelPoisoned, RebuildUnderWay, SwapImpossible)
"""Why a read model is not rebuilt, compared or rolled back now."""

VAULT_REFUSALS = (KeyShredded, MasterKeyMissing, SealBroken)
"""Why a key, or what lies under it, is not read."""

__all__ = [
    "COUNTING_TOGETHER",
    "REBUILD_REFUSALS",
    "VAULT_REFUSALS",
    "Database",
    "DatabaseFunctionsEnabled",
    "DatabaseNotReady",
    "Dropped",
    "EmbeddedPostgresUnavailable",
    "House",
    "RebuildUnderWay",
    "Rebuilt",
    "Unavailable",
    "Verified",
    "ffmpeg",
    "masked",
    "migrate_given",
    "open_house",
    "ready_database",
]


def ffmpeg() -> Path:
    """The FFmpeg that comes with the package imageio-ffmpeg."""
    return Path(imageio_ffmpeg.get_ffmpeg_exe())
