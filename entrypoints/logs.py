"""Logs: one JSON line to an event on standard error; never a body, a password or a token."""

import asyncio
import json
import logging
import re
import sys
import threading
from contextlib import suppress
from datetime import UTC, datetime
from io import TextIOWrapper
from itertools import islice
from types import TracebackType
from typing import TextIO

import msgspec

from application.tracing import underway

STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}
STANDARD_COUNT = len(vars(logging.makeLogRecord({})))
"""What each record has first; whatever was given as `extra` comes behind it."""
QUIET = ("httpx", "httpcore", "stripe", "psycopg", "psycopg.pool", "asyncio")

DANGEROUS = re.compile("[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
"""What a terminal or a reader of lines may obey, and JSON lets stand: below U+0020 it lets nothing stand."""

ENCODER = msgspec.json.Encoder(enc_hook=str)


class JsonLines(logging.Formatter):
    """The record's own words, whatever was given as `extra`, and of which request or step and trace it is."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record),
        }
        if (here := underway()) is not None:
            line["trace_id"], line["span_id"] = here.trace.trace_id, here.trace.span_id
            line |= here.notes
        for name, value in islice(vars(record).items(), STANDARD_COUNT, None):
            if name not in STANDARD:
                line[name] = value
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return written(line)


def _message(record: logging.LogRecord) -> str:
    """Where its words do not fit what is to be put into them: both as they are."""
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - a line about something must not be lost for its form
        return f"{record.msg} {record.args!r}"


def written(line: dict[str, object]) -> str:
    """As one line of JSON, in which nothing can begin another or move a terminal's cursor."""
    try:
        text = ENCODER.encode(line).decode()
    except Exception:  # noqa: BLE001 - whatever one value cannot do, the others are told
        text = "{" + ",".join(f"{json.dumps(name)}:{_alone(value)}" for name, value in line.items()) + "}"
    return text if text.isascii() and "\x7f" not in text else DANGEROUS.sub(_escaped, text)


def _alone(value: object) -> str:
    """As JSON; what cannot be written so, in its own words, and what has none by its class."""
    try:
        return ENCODER.encode(value).decode()
    except Exception:  # noqa: BLE001 - as above
        try:
            return json.dumps(str(value))
        except Exception:  # noqa: BLE001 - as above
            return json.dumps(type(value).__name__)


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


class LinesOfATurn(logging.StreamHandler[TextIO]):
    """Writes what one turn of the event loop has said at once, at its end: each call of the kernel takes 10 us.

    Elsewhere, as on a thread, each line as it comes.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._turning: asyncio.AbstractEventLoop | None = None

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self.stream.write(self.format(record) + self.terminator)
            self._write_at_end_of_turn()
        except Exception:  # noqa: BLE001 - as logging's own
            self.handleError(record)

    def _write_at_end_of_turn(self) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.flush()
            return
        if self._turning is not loop:
            self._turning = loop
            loop.call_soon(self._end_turn)

    def _end_turn(self) -> None:
        self._turning = None
        # Nobody could be told, since this is where one tells.
        with suppress(OSError, ValueError):
            self.flush()


def log_as_json(level: int = logging.INFO) -> None:
    """For a process that serves or works; the command line itself speaks to people."""
    if isinstance(sys.stderr, TextIOWrapper):
        sys.stderr.reconfigure(line_buffering=False)
    handler = LinesOfATurn(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    sys.excepthook = _tell_of
    threading.excepthook = _tell_of_thread
    _note_only_what_is_told()
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("opentelemetry").setLevel(logging.ERROR)


def _tell_of(kind: type[BaseException], exception: BaseException, traceback: TracebackType | None) -> None:
    logging.getLogger("streamly").critical("the process ends", exc_info=(kind, exception, traceback))


def _tell_of_thread(ended: threading.ExceptHookArgs) -> None:
    trouble = (ended.exc_type, ended.exc_value or ended.exc_type(), ended.exc_traceback)
    logging.getLogger("streamly").critical("a thread has ended", exc_info=trouble)


def _note_only_what_is_told() -> None:
    """Threads, processes and places in the code stand in no line, and finding them out takes a third of its time.

    https://docs.python.org/3/howto/logging.html#optimization
    """
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    if sys.version_info >= (3, 12):
        logging.logAsyncioTasks = False
    logging._srcfile = None  # noqa: SLF001 - so the page above says
