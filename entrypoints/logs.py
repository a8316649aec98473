"""Logs: one JSON line to an event on standard error; never a body, a password or a token."""

import logging
import sys
from datetime import UTC, datetime

import msgspec

STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}
QUIET = ("httpx", "httpcore", "stripe", "psycopg", "psycopg.pool", "asyncio")


ENCODER = msgspec.json.Encoder(enc_hook=str)


class JsonLines(logging.Formatter):
    """The record's own words, and whatever was given as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **{name: value for name, value in vars(record).items() if name not in STANDARD},
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return ENCODER.encode(line).decode()


def log_as_json(level: int = logging.INFO) -> None:
    """For a process that serves or works; the command line itself speaks to people."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    _note_only_what_is_told()
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def _note_only_what_is_told() -> None:
    """Threads, processes and places in the code stand in no line, and finding them out takes a third of its time.

    https://docs.python.org/3/howto/logging.html#optimization
    """
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    if sys.version_info >= (3, 12):
        logging.logAsyncioTasks = False
    logging._srcfile = None  # noqa: SLF001 - so the page above says
