"""The eventsourcing library as it comes: its recorder, and its ProjectionRunner on a catalogue written by hand."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, LiteralString

import msgspec
import psycopg
from eventsourcing.application import Application
from eventsourcing.dispatch import singledispatchmethod
from eventsourcing.persistence import ApplicationRecorder, Mapper, StoredEvent, Tracking
from eventsourcing.postgres import PostgresFactory, PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from eventsourcing.utils import Environment
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL

from adapters.eventstore.mapper import FactMapper
from benchmarks.tables import LiveTable
from domain.video.facts import UploadReceived, VideoCreated, VideoMadeReady, VideoPublished, VideoUnpublished

RUN_TIMEOUT_SECONDS = 120


def environment(dsn: str) -> dict[str, str]:
    """Its settings: where the database is, and the defaults for all else (5 connections, 10 more when needed)."""
    place = conninfo_to_dict(dsn)
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": str(place["dbname"]),
        "POSTGRES_HOST": str(place["host"]),
        "POSTGRES_PORT": str(place["port"]),
        "POSTGRES_USER": str(place["user"]),
        "POSTGRES_PASSWORD": "",
    }


@contextmanager
def library_recorder(dsn: str) -> Iterator[ApplicationRecorder]:
    """Its PostgresApplicationRecorder on a table of its own."""
    factory = PostgresFactory(Environment("Stored", environment(dsn)))
    try:
        yield factory.application_recorder()
    finally:
        factory.close()


class LedgerMapper(FactMapper):
    """Our mapper, which is quicker than the library's own, giving bare facts: the runner alone is measured."""

    def to_domain_event(self, stored_event: StoredEvent) -> Any:
        return self.decode(stored_event.topic, stored_event.state)


class Films(Application[Any]):
    """The application whose facts are projected; its table is `films_events`."""

    name = "films"

    def construct_mapper(self) -> Mapper[Any]:
        return LedgerMapper()


class FilmsView(PostgresTrackingRecorder):
    """The library's way: the row and the position of one fact in one transaction."""

    began = 0.0
    ended = 0.0

    def write(self, statement: LiteralString, values: Mapping[str, Any], tracking: Tracking) -> None:
        self.began = self.began or time.perf_counter()
        with self.datastore.transaction(commit=True) as cursor:
            cursor.execute(statement, values, prepare=True)
            self._insert_tracking(cursor, tracking)
        self.ended = time.perf_counter()


CREATE = """
    INSERT INTO library.videos (video_id, title, description, category, access, requires, platform, status,
        created_position, playback_id, renditions)
    VALUES (%(video_id)s, %(title)s, %(description)s, %(category)s, %(access)s, %(requires)s, %(platform)s, 'waiting',
        %(position)s, '', '[]')
"""
RECEIVE = "UPDATE library.videos SET status = 'processing', error = NULL WHERE video_id = %(video_id)s"
MAKE_READY = """
    UPDATE library.videos SET status = 'ready', playback_id = %(playback_id)s,
        duration_seconds = %(duration_seconds)s, renditions = %(renditions)s WHERE video_id = %(video_id)s
"""
PUBLISH = """
    UPDATE library.videos SET status = 'published', published_at = %(recorded_at)s,
        published_position = %(position)s WHERE video_id = %(video_id)s
"""


UNPUBLISH = """
    UPDATE library.videos SET status = 'ready', published_at = NULL, published_position = NULL
    WHERE video_id = %(video_id)s
"""


class FilmsCatalogue(Projection[FilmsView]):
    """The steps of our catalogue for the facts of `films.py`, one statement to a fact."""

    @singledispatchmethod
    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        raise NotImplementedError(f"{type(domain_event)} is none of the facts of films.py")

    @process_event.register
    def created(self, fact: VideoCreated, tracking: Tracking) -> None:
        self.view.write(CREATE, msgspec.structs.asdict(fact), tracking)

    @process_event.register
    def received(self, fact: UploadReceived, tracking: Tracking) -> None:
        self.view.write(RECEIVE, {"video_id": fact.video_id}, tracking)

    @process_event.register
    def made_ready(self, fact: VideoMadeReady, tracking: Tracking) -> None:
        values = msgspec.structs.asdict(fact)
        renditions = msgspec.json.encode(fact.renditions).decode()
        self.view.write(MAKE_READY, {**values, "renditions": renditions}, tracking)

    @process_event.register
    def published(self, fact: VideoPublished, tracking: Tracking) -> None:
        self.view.write(PUBLISH, msgspec.structs.asdict(fact), tracking)

    @process_event.register
    def unpublished(self, fact: VideoUnpublished, tracking: Tracking) -> None:
        self.view.write(UNPUBLISH, {"video_id": fact.video_id}, tracking)


Runner = ProjectionRunner[Films, FilmsView]


class LibraryCatalogue:
    """The library's catalogue in a database that has our ledger too: `library.videos`, a table made like ours."""

    def __init__(self, dsn: str, videos: LiveTable) -> None:
        self.dsn = dsn
        self.part = 0
        with psycopg.connect(dsn) as connection:
            connection.execute("CREATE SCHEMA library")
            connection.execute(SQL("CREATE TABLE library.videos (LIKE {} INCLUDING ALL)").format(videos.name))

    def runner(self) -> Runner:
        """Follows from the beginning of what it has, in a thread of its own; to be entered and left."""
        return ProjectionRunner(
            application_class=Films,
            projection_class=FilmsCatalogue,
            view_class=FilmsView,
            env=environment(self.dsn),
        )

    def take(self, facts: int) -> None:
        """Copy the first facts of our ledger, byte for byte, into the library's table."""
        self.part = facts
        Films(environment(self.dsn)).close()
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute(
                "INSERT INTO films_events (originator_id, originator_version, topic, state, notification_id)"
                " SELECT originator_id, originator_version, topic, state, notification_id FROM ledger.events"
                " WHERE notification_id <= %s ORDER BY notification_id",
                (facts,),
            )
            connection.execute("VACUUM (ANALYZE) films_events")

    def run(self) -> float:
        """Facts a second, from the beginning of the first to the commit of the last; the runner's start is left out."""
        self._forget()
        with self.runner() as runner:
            runner.wait(self.part, RUN_TIMEOUT_SECONDS)
            return self.part / (runner.view.ended - runner.view.began)

    def _forget(self) -> None:
        with psycopg.connect(self.dsn) as connection:
            connection.execute("TRUNCATE library.videos")
            connection.execute("DROP TABLE IF EXISTS filmscatalogue_tracking")
