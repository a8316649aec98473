"""Each record is one line of JSON, whatever somebody had put into it."""

import asyncio
import json
import logging
import re
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest

from adapters.tracing.unrecorded import UnrecordedSpans
from application.tracing import Trace, begin, note
from entrypoints.logs import JsonLines, LinesOfATurn

log = logging.getLogger("tests.of.logs")

FORGED = '{"at":"2026-11-21T12:00:00Z","level":"info","message":"answered"}'
BREAKS = ["\n", "\r", "\r\n", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"]
"""All at which `str.splitlines` and one or the other reader of logs begins a line."""
OBEYED = ["\x00", "\x08", "\x1b[2J", "\x7f", "\x9b2J", "\u202e", "\u2066", "\u200b", "\ufeff"]
"""What a terminal obeys, or what turns or hides the text behind it."""


@pytest.fixture
def written() -> Iterator[StringIO]:
    text = StringIO()
    handler = logging.StreamHandler(text)
    handler.setFormatter(JsonLines())
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    yield text
    log.removeHandler(handler)


def only_line(written: StringIO) -> dict[str, Any]:
    text = written.getvalue()
    assert text.endswith("\n")
    assert len(text.splitlines()) == 1
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]", text)
    line: dict[str, Any] = json.loads(text)
    return line


@pytest.mark.parametrize("dangerous", [*BREAKS, *OBEYED], ids=ascii)
def test_nothing_that_somebody_has_sent_begins_a_line_or_moves_the_cursor(written: StringIO, dangerous: str) -> None:
    sent = f"Anna{dangerous}{FORGED}"
    try:
        raise ValueError(sent)
    except ValueError:
        log.exception("a request failed: %s", sent, extra={"why": sent, "of": [sent], "odd": {sent: 1}})

    line = only_line(written)

    assert (line["message"], line["why"], line["of"]) == (f"a request failed: {sent}", sent, [sent])
    assert line["odd"] == {sent: 1}
    assert line["traceback"].endswith(f"ValueError: {sent}")


class Wordless:
    def __str__(self) -> str:
        raise RuntimeError


def test_what_cannot_be_written_takes_nothing_else_with_it() -> None:
    circle: list[object] = []
    circle.append(circle)
    extra = {"circle": circle, "none": Wordless(), "huge": 10**30, "kept": [1, "two"]}
    # By no logger: pytest would hand it on to another process, and cannot.
    record = logging.makeLogRecord({"levelname": "WARNING", "msg": "half a \ud800 pair"} | extra)

    line = only_line(StringIO(JsonLines().format(record) + "\n"))

    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z", line["at"])
    assert (line["level"], line["message"], line["none"]) == ("warning", "half a \ud800 pair", "Wordless")
    assert line["kept"] == [1, "two"]


def test_words_that_do_not_fit_are_told_as_they_are() -> None:
    record = logging.makeLogRecord({"msg": "%d films of %s", "args": ("seven",)})

    assert json.loads(JsonLines().format(record))["message"] == "%d films of %s ('seven',)"


def test_a_line_says_of_which_request_and_trace_it_is_until_that_has_ended(written: StringIO) -> None:
    former = Trace("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")
    request = begin(UnrecordedSpans(), "GET", kind="server", after=former, notes={"request_id": "one"})
    log.info("before it is known who asks")
    note(account_id="anna")
    log.info("after that")
    request.end()
    log.info("after all")

    before, known, after = (json.loads(line) for line in written.getvalue().splitlines())
    assert (before["request_id"], before["trace_id"], known["account_id"]) == ("one", former.trace_id, "anna")
    assert before["span_id"] == known["span_id"] != former.span_id
    assert "account_id" not in before
    assert {"request_id", "trace_id", "span_id", "account_id"} & set(after) == set()


class Watched(StringIO):
    """A stream that knows how much of it was written out."""

    def __init__(self) -> None:
        super().__init__()
        self.flushed: list[str] = []

    def flush(self) -> None:
        self.flushed.append(self.getvalue())


def test_the_lines_of_a_turn_are_written_at_once_at_its_end_and_elsewhere_each_as_it_comes() -> None:
    stream = Watched()
    handler = LinesOfATurn(stream)

    def tell(message: str) -> None:
        handler.handle(logging.makeLogRecord({"msg": message}))

    async def two_turns() -> None:
        tell("one")
        tell("two")
        assert stream.flushed == []
        await asyncio.sleep(0)
        tell("three")
        await asyncio.to_thread(tell, "four")
        assert stream.flushed[-1].endswith("four\n")

    asyncio.run(two_turns())
    tell("five")

    assert stream.flushed[0] == "one\ntwo\n"
    assert stream.flushed[-1] == "one\ntwo\nthree\nfour\nfive\n"


def test_what_was_said_in_the_last_turn_is_written_though_the_process_ends_in_it() -> None:
    ending = "import asyncio, logging\nfrom entrypoints.logs import log_as_json\nlog_as_json()\n"
    ending += "async def end():\n    logging.error('the last words')\n    raise SystemExit(3)\nasyncio.run(end())"

    done = subprocess.run([sys.executable, "-c", ending], capture_output=True, text=True, check=False)

    assert (done.returncode, [json.loads(line)["message"] for line in done.stderr.splitlines()]) == (
        3,
        ["the last words"],
    )


ENDING = """
import threading, warnings
from entrypoints.logs import log_as_json
log_as_json()
warnings.warn("old", DeprecationWarning)
thread = threading.Thread(target=lambda: {}["film"])
thread.start()
thread.join()
raise RuntimeError("over\\nand out")
"""


def test_what_ends_a_process_or_a_thread_is_one_line_too() -> None:
    done = subprocess.run([sys.executable, "-Wd", "-c", ENDING], capture_output=True, text=True, check=False)

    told = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["message"] for line in told][1:] == ["a thread has ended", "the process ends"]
    assert told[0]["logger"] == "py.warnings"
    assert told[1]["traceback"].endswith("KeyError: 'film'")
    assert told[2]["traceback"].endswith("RuntimeError: over\nand out")
    assert done.returncode == 1
