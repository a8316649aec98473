"""A program of its own: commits numbered rows in a shared data folder, and prints each number once it is committed."""

import sys
from itertools import count
from pathlib import Path

import psycopg

from adapters.embedded_postgres import EmbeddedPostgres, EmbeddedPostgresUnavailable


def main(data_dir: str) -> None:
    try:
        dsn = EmbeddedPostgres(Path(data_dir)).start()
    except EmbeddedPostgresUnavailable as error:
        sys.exit(str(error))
    with psycopg.connect(dsn, autocommit=True, connect_timeout=5) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS acknowledged (number int PRIMARY KEY)")
        [(first,)] = connection.execute("SELECT coalesce(max(number) + 1, 0) FROM acknowledged")
        for number in count(first):
            connection.execute("INSERT INTO acknowledged VALUES (%s)", [number])
            sys.stdout.write(f"{number}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
