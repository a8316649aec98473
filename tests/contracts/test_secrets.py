"""What every adapter promises for passwords, access tokens, refresh tokens and the blind index."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import pytest

from adapters.crypto.access_tokens import JwtAccessTokens
from adapters.crypto.blind_index import HmacBlindIndex
from adapters.crypto.passwords import Argon2Passwords
from adapters.crypto.refresh_tokens import RandomRefreshTokens
from adapters.memory.secrets import MemoryAccessTokens, MemoryBlindIndex, MemoryPasswords, MemoryRefreshTokens
from application.ports.secrets import AccessTokens, BlindIndex, Passwords, RefreshTokens, SignedIn, TokenInvalid
from tests.adapters.crypto.vaults import MASTER_KEYS

MONDAY = datetime(2026, 11, 2, 9, 0, 0, 250_000, tzinfo=UTC)
TTL = timedelta(minutes=15)

ALICE = SignedIn(
    account_id=UUID("5f0c1a3e-8d1b-4c55-9a55-0d6c2b0e7a01"),
    session_id=UUID("0b9d7c1e-31f4-4d0a-8f5d-5a8a1f2d3c02"),
    role="viewer",
    expires_at=MONDAY + TTL,
)


@pytest.fixture(scope="module", params=[MemoryPasswords, Argon2Passwords])
def passwords(request: pytest.FixtureRequest) -> Passwords:
    made: Passwords = request.param()
    return made


@pytest.fixture(params=["memory", "jwt"])
def access_tokens(request: pytest.FixtureRequest) -> AccessTokens:
    if request.param == "memory":
        return MemoryAccessTokens(TTL)
    return JwtAccessTokens({"2026": bytes(range(32))}, "https://streamly.test", TTL)


@pytest.fixture(params=[MemoryRefreshTokens, RandomRefreshTokens])
def refresh_tokens(request: pytest.FixtureRequest) -> RefreshTokens:
    made: RefreshTokens = request.param()
    return made


@pytest.fixture(params=["memory", "hmac"])
def blind_index(request: pytest.FixtureRequest) -> BlindIndex:
    return MemoryBlindIndex() if request.param == "memory" else HmacBlindIndex(MASTER_KEYS)


@pytest.mark.anyio
async def test_a_password_is_known_again_and_no_other(passwords: Passwords) -> None:
    hashed = await passwords.hash("curiouser & curiouser")

    assert await passwords.verify("curiouser & curiouser", hashed)
    assert not await passwords.verify("Curiouser & curiouser", hashed)
    assert not await passwords.verify("", hashed)


@pytest.mark.anyio
async def test_a_hash_shows_nothing_and_two_are_never_alike(passwords: Passwords) -> None:
    first, second = await passwords.hash("curiouser & curiouser"), await passwords.hash("curiouser & curiouser")

    assert "curiouser" not in first
    assert first != second


@pytest.mark.anyio
async def test_an_account_that_is_not_there_has_no_password(passwords: Passwords) -> None:
    assert not await passwords.verify("curiouser & curiouser", None)


@pytest.mark.anyio
async def test_the_passwords_that_are_tried_first_are_weak(passwords: Passwords) -> None:
    assert await passwords.is_weak("password123")
    assert await passwords.is_weak("Alice@Example.com", known=("alice@example.com",))
    assert not await passwords.is_weak("curiouser & curiouser", known=("alice@example.com",))


def test_an_access_token_says_who_is_asking(access_tokens: AccessTokens) -> None:
    token = access_tokens.issue(ALICE, now=MONDAY)

    whole_second = msgspec.structs.replace(ALICE, expires_at=ALICE.expires_at.replace(microsecond=0))
    assert access_tokens.verify(token, now=MONDAY) == whole_second
    assert access_tokens.verify(token, now=MONDAY + timedelta(minutes=14)) == whole_second


def test_an_access_token_ends_on_time_however_often_it_was_good(access_tokens: AccessTokens) -> None:
    token = access_tokens.issue(ALICE, now=MONDAY)
    end = access_tokens.verify(token, now=MONDAY).expires_at
    access_tokens.verify(token, now=end - timedelta(microseconds=1))

    with pytest.raises(TokenInvalid):
        access_tokens.verify(token, now=end)


def test_an_access_token_ends_with_a_session_that_ends_sooner(access_tokens: AccessTokens) -> None:
    session_end = MONDAY + timedelta(minutes=5)
    token = access_tokens.issue(msgspec.structs.replace(ALICE, expires_at=session_end), now=MONDAY)

    with pytest.raises(TokenInvalid):
        access_tokens.verify(token, now=session_end)


def test_an_access_token_is_good_for_no_longer_than_its_ttl(access_tokens: AccessTokens) -> None:
    token = access_tokens.issue(msgspec.structs.replace(ALICE, expires_at=MONDAY + timedelta(days=90)), now=MONDAY)

    assert access_tokens.ttl == TTL
    assert access_tokens.verify(token, now=MONDAY).expires_at == (MONDAY + TTL).replace(microsecond=0)


def test_no_two_access_tokens_are_alike(access_tokens: AccessTokens) -> None:
    assert access_tokens.issue(ALICE, now=MONDAY) != access_tokens.issue(ALICE, now=MONDAY)


@pytest.mark.parametrize(
    "token", ["", ".", "..", "a.b.c", "not a token", "\x00", "é" * 40, "[" * 5_000, "x" * 1_000_000]
)
def test_what_is_no_access_token_is_refused(access_tokens: AccessTokens, token: str) -> None:
    with pytest.raises(TokenInvalid):
        access_tokens.verify(token, now=MONDAY)


def test_refresh_tokens_are_long_and_never_alike(refresh_tokens: RefreshTokens) -> None:
    tokens = {refresh_tokens.new() for _ in range(1_000)}

    assert len(tokens) == 1_000
    assert min(map(len, tokens)) > 43
    assert all(token.isascii() and not set(token) & set("/+=&? ") for token in tokens)


def test_a_refresh_token_is_found_by_its_digest_alone(refresh_tokens: RefreshTokens) -> None:
    one, other = refresh_tokens.new(), refresh_tokens.new()

    assert refresh_tokens.digest(one) == refresh_tokens.digest(one)
    assert refresh_tokens.digest(one) != refresh_tokens.digest(other)
    assert len(refresh_tokens.digest(one)) == 32


def test_equal_values_meet_in_the_blind_index_and_others_do_not(blind_index: BlindIndex) -> None:
    alice = blind_index.of("email", "alice@example.com")

    assert blind_index.of("email", "alice@example.com") == alice
    assert blind_index.of("email", "bob@example.com") != alice
    assert blind_index.of("phone", "alice@example.com") != alice


def test_a_kind_and_a_value_do_not_run_together(blind_index: BlindIndex) -> None:
    assert blind_index.of("email", "s") != blind_index.of("emails", "")
    assert blind_index.of("1:a", "b") != blind_index.of("1", ":ab")
