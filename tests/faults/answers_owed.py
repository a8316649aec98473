"""What is owed to a piece of bytes by a server of HTTP, and whether that is what came."""

import asyncio
from base64 import b64encode
from typing import NamedTuple

import httptools
import msgspec

ANSWER_SECONDS_MAX = 20.0
ANSWER_BYTES_MAX = 1 << 26
SAID_BYTES = 2_000
PROBLEM_JSON = "application/problem+json"
BEFORE_THE_APPLICATION = {400, 408, 431}
"""What the server says of a connection that it then ends, without a problem."""
WITHOUT_BODY = {204, 304}


class Owed(NamedTuple):
    """The whole requests among the bytes by their methods, and what follows these."""

    methods: list[str]
    broken: bool
    """It cannot be read on: 400, and hung up."""
    keeps: bool
    """It is one request, no more and no less, after which another may be sent."""
    heads: list[str]
    """The methods of those whose head came whole, the last of them perhaps without all of its body."""


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def is_last(self) -> bool:
        return self.headers.get("connection", "").lower() == "close"

    def __str__(self) -> str:
        return f"{self.status} {self.headers} {self.body[:SAID_BYTES]!r}"


class Failure(NamedTuple):
    """What should not be, with the bytes that brought it about."""

    what: str
    sent: bytes
    answer: Answer | None = None

    def __str__(self) -> str:
        return f"{self.what}\n  sent (base64): {b64encode(self.sent).decode()}\n  answer: {self.answer}"


class _Listener:
    """httptools calls it."""

    def __init__(self) -> None:
        self.parser = httptools.HttpRequestParser(self)
        self.methods: list[str] = []
        self.heads: list[str] = []
        self.begun = 0

    def on_message_begin(self) -> None:
        self.begun += 1

    def on_headers_complete(self) -> None:
        self.heads.append(self.parser.get_method().decode())

    def on_message_complete(self) -> None:
        self.methods.append(self.parser.get_method().decode())


def owed(sent: bytes) -> Owed:
    listener = _Listener()
    try:
        listener.parser.feed_data(sent)
    except httptools.HttpParserError:
        return Owed(listener.methods, broken=True, keeps=False, heads=listener.heads)
    except httptools.HttpParserUpgrade:
        return Owed(listener.methods, broken=False, keeps=False, heads=listener.heads)
    whole = len(listener.methods) == listener.begun == 1
    keeps = whole and listener.parser.should_keep_alive()
    return Owed(listener.methods, broken=False, keeps=keeps, heads=listener.heads)


def wrong_with(answer: Answer) -> str | None:
    """Why nobody should be answered so; None where it is right."""
    if answer.status >= 500:
        return _wrong_with_refusal(answer)
    if answer.status >= 400 and not (answer.status in BEFORE_THE_APPLICATION and answer.is_last):
        return _wrong_with_problem(answer)
    if b"Traceback" in answer.body:
        return "a stack trace"
    return None


def _wrong_with_refusal(answer: Answer) -> str | None:
    """A 503 says when to come again; /health/ready says what is not ready."""
    if answer.status != 503 or "retry-after" not in answer.headers:
        return f"answered {answer.status}"
    return _wrong_with_problem(answer)


def _wrong_with_problem(answer: Answer) -> str | None:
    if not answer.headers.get("content-type", "").startswith(PROBLEM_JSON):
        return f"{answer.status} is no problem+json"
    if not answer.body:
        return None  # To HEAD.
    try:
        said = msgspec.json.decode(answer.body)
    except msgspec.MsgspecError:
        return "the problem is no JSON"
    if not isinstance(said, dict) or said.get("status") != answer.status or not isinstance(said.get("code"), str):
        return "the problem names another status, or no code"
    return None


class Connection:
    """One after the other over one connection for as long as both sides keep it."""

    def __init__(self, port: int, answer_seconds_max: float = ANSWER_SECONDS_MAX) -> None:
        self._port = port
        self._seconds = answer_seconds_max
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def exchange(self, sent: bytes) -> tuple[list[Answer], Failure | None]:
        """What was answered, and what is wrong with that. Raises OSError where nobody listens."""
        is_old = self._streams is not None
        answers: list[Answer] = []
        try:
            async with asyncio.timeout(self._seconds):
                why = await self._exchange(sent, owed(sent), answers)
        except TimeoutError:
            why = f"nothing for {self._seconds:.0f} s after {len(answers)} answers"
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            why = f"hung up: {error!r}"
        if why is None:
            return answers, None
        self.close()
        if is_old and not answers:  # It may have been hung up on before we wrote: a new one tells.
            return await self.exchange(sent)
        return answers, Failure(why, sent, answers[-1] if answers else None)

    async def _exchange(self, sent: bytes, due: Owed, answers: list[Answer]) -> str | None:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port, limit=ANSWER_BYTES_MAX)
        reader, writer = self._streams
        writer.write(sent)
        if not due.methods and not due.broken:
            writer.write_eof()
        why = await self._read(reader, due, answers)
        if why is None and (not due.keeps or answers[-1].is_last):
            self.close()
        return why

    @staticmethod
    async def _read(reader: asyncio.StreamReader, due: Owed, answers: list[Answer]) -> str | None:
        """Until all is answered that is owed; to what is broken or not whole, until they hang up."""
        is_counted = bool(due.methods) and not due.broken
        while not is_counted or len(answers) < len(due.methods):
            method = due.heads[len(answers)] if len(answers) < len(due.heads) else ""
            answer = await _answer(reader, method)
            if answer is None:
                return _why_no_more(due, len(answers))
            answers.append(answer)
            if (why := wrong_with(answer)) is not None:
                return why
            if answer.is_last:
                return None
        return None

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


def _why_no_more(due: Owed, answered: int) -> str | None:
    """Why nobody should have hung up after so many answers; None where it is right."""
    if answered < len(due.methods):
        return f"hung up after {answered} of {len(due.methods)} answers"
    return "hung up without an answer" if due.broken and not answered else None


async def _answer(reader: asyncio.StreamReader, method: str) -> Answer | None:
    """The next final one; None at the end. Raises IncompleteReadError where it ends within one."""
    while True:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as ended:
            if ended.partial:
                raise
            return None
        first, *lines = head.decode("latin-1").split("\r\n")[:-2]
        status = int(first.split(" ", 2)[1])
        if status >= 200:
            break
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    has_body = method != "HEAD" and status not in WITHOUT_BODY
    return Answer(status, headers, await _body(reader, headers) if has_body else b"")


async def _body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if "content-length" in headers:
        return await reader.readexactly(int(headers["content-length"]))
    if headers.get("transfer-encoding") != "chunked":
        return await reader.read()
    body = b""
    while size := int(await reader.readline(), 16):
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readline()
    return body
