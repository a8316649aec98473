"""The limit of a rebuild: the ledger read by COPY and decoded, and nothing done with it."""

import time

import msgspec
import psycopg

from application.projections.catalogue import catalogue

READ = "COPY (SELECT topic, state FROM ledger.events ORDER BY notification_id) TO STDOUT (FORMAT binary)"


def copy_and_decode(dsn: str) -> float:
    """The seconds that it took."""
    decode = {tag: msgspec.json.Decoder(kind).decode for tag, kind in catalogue.read_as.items()}
    with psycopg.connect(dsn) as connection, connection.cursor() as cursor:
        started = time.perf_counter()
        with cursor.copy(READ) as copy:
            copy.set_types(["text", "bytea"])
            for topic, state in copy.rows():
                decode[topic](state)
        return time.perf_counter() - started
