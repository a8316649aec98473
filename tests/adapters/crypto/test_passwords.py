"""Passwords: slow to hash, never cut, equally slow for nobody, and refused rather than queued without end."""

import asyncio
import unicodedata
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from statistics import median
from threading import Event
from time import process_time

import pytest

from adapters.crypto.common_passwords import COMMON
from adapters.crypto.passwords import Argon2Passwords
from adapters.crypto.weak_passwords import _is_guessed_early, is_weak
from application.password_rules import PASSWORD_LENGTH_MIN
from application.ports.secrets import TooBusy

PASSWORD = "a rabbit with a watch"
ALICE = ("alice.liddell@example.com", "Alice Liddell")


@pytest.fixture(scope="module")
def passwords() -> Iterator[Argon2Passwords]:
    made = Argon2Passwords()
    yield made
    made.close()


@pytest.fixture
def small() -> Iterator[Argon2Passwords]:
    """One thread, and room for two to wait."""
    made = Argon2Passwords(threads=1, waiting_max=2)
    yield made
    made.close()


@contextmanager
def occupied(passwords: Argon2Passwords) -> Iterator[None]:
    """Nothing that is asked for is done before the end."""
    done = Event()
    passwords._pool.submit(done.wait)
    try:
        yield
    finally:
        done.set()


@pytest.mark.anyio
async def test_the_hash_is_argon2id_at_the_strength_owasp_asks_for(passwords: Argon2Passwords) -> None:
    assert (await passwords.hash(PASSWORD)).startswith("$argon2id$v=19$m=19456,t=2,p=1$")


@pytest.mark.anyio
async def test_a_password_of_an_earlier_strength_is_still_known(passwords: Argon2Passwords) -> None:
    weaker = "$argon2id$v=19$m=8,t=1,p=1$c3RyZWFtbHktc2FsdA$+tc5kuJEZbUCiBzhdIK6kRlGaa/1LzpuYfaaNzS+62A"

    assert await passwords.verify(PASSWORD, weaker)


@pytest.mark.anyio
async def test_a_long_password_counts_to_its_last_character(passwords: Argon2Passwords) -> None:
    hashed = await passwords.hash("x" * 128)

    assert await passwords.verify("x" * 128, hashed)
    assert not await passwords.verify("x" * 72 + "y" + "x" * 55, hashed)
    assert not await passwords.verify("x" * 127, hashed)


@pytest.mark.anyio
async def test_a_password_is_taken_as_received(passwords: Argon2Passwords) -> None:
    composed = unicodedata.normalize("NFC", "l'été à la plage")
    hashed = await passwords.hash(composed)

    assert await passwords.verify(composed, hashed)
    assert not await passwords.verify(unicodedata.normalize("NFD", composed), hashed)
    assert not await passwords.verify(f" {composed}", hashed)


@pytest.mark.anyio
async def test_a_null_in_a_password_does_not_end_it(passwords: Argon2Passwords) -> None:
    hashed = await passwords.hash("before\0after")

    assert not await passwords.verify("before", hashed)
    assert await passwords.verify("before\0after", hashed)


@pytest.mark.anyio
async def test_a_password_typed_in_another_encoding_works_too(passwords: Argon2Passwords) -> None:
    from_stdin = "caf\udce9 au lait"

    assert await passwords.verify(from_stdin, await passwords.hash(from_stdin))


@pytest.mark.anyio
async def test_a_password_that_is_too_long_costs_nothing(passwords: Argon2Passwords) -> None:
    hashed = await passwords.hash(PASSWORD)
    megabyte = "x" * 1_048_576
    before = process_time()

    with pytest.raises(ValueError, match="at most 128 characters"):
        await passwords.hash(megabyte)
    assert not await passwords.verify(megabyte, hashed)
    assert not await passwords.verify("x" * 129, None)
    assert process_time() - before < 0.01


@pytest.mark.anyio
async def test_nobody_takes_as_long_as_somebody(passwords: Argon2Passwords) -> None:
    hashed = await passwords.hash(PASSWORD)

    async def cost(ask: Callable[[], Awaitable[object]]) -> float:
        """Seconds of the processor, which do not grow when something else runs beside the tests."""
        before = process_time()
        await ask()
        return process_time() - before

    known = [await cost(lambda: passwords.verify("wrong password", hashed)) for _ in range(7)]
    unknown = [await cost(lambda: passwords.verify("wrong password", None)) for _ in range(7)]

    assert median(known) > 0.005
    assert 0.6 < median(unknown) / median(known) < 1.6


@pytest.mark.anyio
async def test_the_rest_goes_on_while_a_password_is_hashed(passwords: Argon2Passwords) -> None:
    hashing = asyncio.create_task(passwords.hash(PASSWORD))
    turns = 0
    while not hashing.done():
        turns += 1
        await asyncio.sleep(0.001)

    assert turns >= 4


@pytest.mark.anyio
async def test_a_full_queue_refuses_at_once_and_empties(small: Argon2Passwords) -> None:
    with occupied(small):
        waiting = [asyncio.create_task(small.hash(PASSWORD)) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(TooBusy) as refused:
            await small.hash(PASSWORD)
        with pytest.raises(TooBusy):
            await small.verify(PASSWORD, None)

    assert refused.value.retry_after_seconds == 1
    assert len(await asyncio.gather(*waiting)) == 3
    assert await small.hash(PASSWORD)


@pytest.mark.anyio
async def test_who_gives_up_waiting_makes_room(small: Argon2Passwords) -> None:
    with occupied(small):
        gone, *waiting = [asyncio.create_task(small.hash(PASSWORD)) for _ in range(3)]
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.sleep(0.001)
        in_its_place = asyncio.create_task(small.hash(PASSWORD))
        await asyncio.sleep(0)

    assert len(await asyncio.gather(*waiting, in_its_place)) == 3
    with pytest.raises(asyncio.CancelledError):
        await gone


@pytest.mark.parametrize(
    "password",
    [
        "password123", "Password123!", "P@ssw0rd2024", "1234567890", "0123456789a", "aaaaaaaaaa", "abcdefghij",
        "qwertyuiop", "qwerty12345", "1qaz2wsx3edc", "zxcvbnm,./", "iloveyou12", "letmein1234", "football2023",
        "trustno1trustno1", "passwordpassword", "drowssapdrowssap", "streamly2026", "Streamly!!", "Summer2026!",
        "Winter-2026", "1" * 128, "password" * 16,
    ],
)  # fmt: skip
def test_what_is_tried_first_is_weak(password: str) -> None:
    assert is_weak(password, ALICE)


def test_the_commonest_of_past_breaches_are_weak() -> None:
    """Those too that look like chance."""
    long_enough = [password for password in COMMON if len(password) >= PASSWORD_LENGTH_MIN]

    assert len(long_enough) == len(COMMON) == 10_000
    for password in ("mypeinfedef", "mm070809mm", "MyPeinfEdef"):
        assert not _is_guessed_early(password, [])
        assert is_weak(password, ALICE)


@pytest.mark.parametrize(
    "password",
    [
        "alice.liddell@example.com", "ALICE.LIDDELL@example.com", "alicealice", "aliceliddell1", "Alice_Liddell",
        "alice-liddell-1987", "LiddellAlice!", "liddell4ever", "al1c3l1dd3ll", "example.com", "alice@streamly",
    ],
)  # fmt: skip
def test_what_is_made_of_an_address_or_a_name_is_weak(password: str) -> None:
    assert is_weak(password, ALICE)


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery staple", "a rabbit with a watch", "kX9#mQ2$vL", "sunshine-teapot", "blue whale 17",
        "summer rain on a tin roof", "alice went down a hole", "каждый охотник желает", "x7" * 3 + "Qz!4vM#t",
    ],
)  # fmt: skip
def test_what_nobody_would_try_early_is_not(password: str) -> None:
    assert not is_weak(password, ALICE)


def test_a_name_of_one_person_is_nothing_to_another() -> None:
    assert is_weak("hargreaves77", ("h@example.com", "Jo Hargreaves"))
    assert not is_weak("hargreaves-lantern77", ("b@example.com", "Bob"))


def test_the_longest_password_is_looked_at_in_a_moment() -> None:
    hard = ["4@8({[<3" * 16, "pa$$w0rd1!|" * 11, "1234567890" * 12, "i1l|!" * 25, "aA1!" * 32]
    before = process_time()

    for password in hard:
        is_weak(password, ALICE)

    assert (process_time() - before) / len(hard) < 0.1


@pytest.mark.anyio
async def test_what_is_known_of_one_person_says_nothing_about_another(passwords: Argon2Passwords) -> None:
    people = [(f"person{number} in the clouds", f"person{number}@example.com") for number in range(40)]
    asked = [passwords.is_weak(password, known=(email, password)) for password, email in people]
    others = [passwords.is_weak("a rabbit with a watch", known=(email,)) for _, email in people]

    assert await asyncio.gather(*asked) == [True] * 40
    assert await asyncio.gather(*others) == [False] * 40


@pytest.mark.anyio
async def test_guessing_waits_in_the_same_bounded_queue(small: Argon2Passwords) -> None:
    with occupied(small):
        waiting = [asyncio.create_task(small.is_weak(PASSWORD)) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(TooBusy):
            await small.is_weak(PASSWORD)
    assert await asyncio.gather(*waiting) == [False, False, False]
