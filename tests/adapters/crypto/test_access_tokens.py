"""Access tokens under attack: whatever is not word for word a token of ours, signed by a key of ours, is refused."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from adapters.crypto.access_tokens import JwtAccessTokens
from adapters.crypto.refresh_tokens import RandomRefreshTokens
from application.ports.secrets import SignedIn, TokenInvalid

KEY, OLD_KEY = bytes(range(32)), bytes(range(32, 64))
ISSUER = "https://streamly.test"
MONDAY = datetime(2026, 11, 2, 9, tzinfo=UTC)
NOW = int(MONDAY.timestamp())

ALICE = SignedIn(
    account_id=UUID("5f0c1a3e-8d1b-4c55-9a55-0d6c2b0e7a01"),
    session_id=UUID("0b9d7c1e-31f4-4d0a-8f5d-5a8a1f2d3c02"),
    role="viewer",
    expires_at=MONDAY + timedelta(minutes=15),
)

HEADER: dict[str, Any] = {"alg": "HS256", "kid": "2026", "typ": "at+jwt"}
CLAIMS: dict[str, Any] = {
    "iss": ISSUER,
    "aud": "streamly-api",
    "sub": str(ALICE.account_id),
    "sid": str(ALICE.session_id),
    "role": "viewer",
    "iat": NOW,
    "exp": NOW + 900,
    "jti": "4b1f",
}


@pytest.fixture
def tokens() -> JwtAccessTokens:
    return JwtAccessTokens({"2026": KEY, "2025": OLD_KEY}, ISSUER)


def encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def hs256(signed: str, key: bytes) -> str:
    return encoded(hmac.digest(key, signed.encode(), hashlib.sha256))


def forged(header: dict[str, Any] = HEADER, claims: object = CLAIMS, key: bytes = KEY) -> str:
    """A token put together by hand, so that nothing refuses to write what must be refused when it is read."""
    parts = (json.dumps(part, separators=(",", ":"), sort_keys=True).encode() for part in (header, claims))
    signed = ".".join(encoded(part) for part in parts)
    return f"{signed}.{hs256(signed, key)}"


def refused(tokens: JwtAccessTokens, token: str, *, now: datetime = MONDAY) -> bool:
    try:
        tokens.verify(token, now=now)
    except TokenInvalid:
        return True
    return False


def test_the_hand_made_token_is_good_until_something_is_wrong_with_it(tokens: JwtAccessTokens) -> None:
    assert tokens.verify(forged(), now=MONDAY) == ALICE


def test_a_token_holds_what_rfc_9068_asks_for(tokens: JwtAccessTokens) -> None:
    token = tokens.issue(ALICE, now=MONDAY)
    claims = jwt.decode(token, options={"verify_signature": False})

    assert jwt.get_unverified_header(token) == HEADER
    assert claims == CLAIMS | {"jti": claims["jti"]}
    assert len(claims["jti"]) == 32


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "", None])
def test_a_token_that_asks_for_no_signature_is_refused(tokens: JwtAccessTokens, alg: str | None) -> None:
    signed = forged({**HEADER, "alg": alg}).rpartition(".")[0]

    assert refused(tokens, f"{signed}.")
    assert refused(tokens, signed)
    assert refused(tokens, f"{signed}.{hs256(signed, KEY)}")
    assert refused(tokens, f"{signed}.{hs256(signed, b'')}")


def test_a_good_token_without_its_signature_is_refused(tokens: JwtAccessTokens) -> None:
    header, claims, signature = tokens.issue(ALICE, now=MONDAY).split(".")

    assert refused(tokens, f"{header}.{claims}.")
    assert refused(tokens, f"{header}.{claims}")
    assert refused(tokens, f"{header}.{claims}.{signature[:-4]}")
    assert refused(tokens, f"{header}.{claims}.{hs256(f'{header}.{claims}', b'')}")


@pytest.mark.parametrize(
    "alg", ["HS384", "HS512", "RS256", "ES256", "EdDSA", "PS256", "hs256", "HS256 ", ["HS256"], 256]
)
def test_a_token_that_asks_for_another_algorithm_is_refused(tokens: JwtAccessTokens, alg: object) -> None:
    assert refused(tokens, forged({**HEADER, "alg": alg}))


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
@pytest.mark.filterwarnings("ignore::jwt.InsecureKeyLengthWarning")
def test_a_token_really_signed_by_another_algorithm_is_refused(tokens: JwtAccessTokens, algorithm: str) -> None:
    assert refused(tokens, jwt.encode(CLAIMS, KEY, algorithm=algorithm, headers={"typ": "at+jwt", "kid": "2026"}))


def test_a_token_signed_with_public_key_text_is_refused(tokens: JwtAccessTokens) -> None:
    public = Ed25519PrivateKey.generate().public_key()
    texts = [
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        json.dumps({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}).encode(),
    ]

    assert all(refused(tokens, forged(key=text)) for text in texts)


@pytest.mark.parametrize(
    "extra",
    [
        {"crit": ["x"], "x": 1},
        {"crit": []},
        {"crit": ["b64"], "b64": False},
        {"jku": "http://127.0.0.1:9/keys.json"},
        {"x5u": "http://127.0.0.1:9/cert.pem"},
        {"x5c": ["MIIB"]},
        {"jwk": {"kty": "oct", "k": encoded(KEY)}},
        {"zip": "DEF"},
        {"cty": "JWT"},
    ],
)
def test_a_header_that_says_more_than_ours_is_refused(tokens: JwtAccessTokens, extra: dict[str, Any]) -> None:
    assert refused(tokens, forged(HEADER | extra))


@pytest.mark.parametrize(
    "kid",
    ["../../dev/null", "' OR 1=1 --", "/proc/self/environ", "", "2024", "2026\0", "2026 ", None, 2026, ["2026"], {}],
)
def test_a_key_id_names_one_of_our_keys_or_nothing(tokens: JwtAccessTokens, kid: object) -> None:
    assert refused(tokens, forged({**HEADER, "kid": kid}))
    assert refused(tokens, forged({**HEADER, "kid": kid}, key=b""))
    assert refused(tokens, forged({**HEADER, "kid": kid}, key=b"\0"))
    assert refused(tokens, forged({"alg": "HS256", "typ": "at+jwt"}))


def test_a_token_signed_by_one_key_under_the_name_of_another_is_refused(tokens: JwtAccessTokens) -> None:
    assert refused(tokens, forged({**HEADER, "kid": "2025"}, key=KEY))
    assert not refused(tokens, forged({**HEADER, "kid": "2025"}, key=OLD_KEY))


@pytest.mark.parametrize("typ", ["JWT", "at+JWT", "application/at+jwt", "jwt", "play+jwt", "", None])
def test_a_token_of_another_type_is_refused(tokens: JwtAccessTokens, typ: str | None) -> None:
    assert refused(tokens, forged({**HEADER, "typ": typ}))


@pytest.mark.parametrize(
    "issuer",
    ["https://streamly.tes", "https://streamly.test.evil.example", "streamly", "", None, [ISSUER], f"{ISSUER}/"],
)
def test_a_token_of_another_issuer_is_refused(tokens: JwtAccessTokens, issuer: object) -> None:
    assert refused(tokens, forged(claims={**CLAIMS, "iss": issuer}))


@pytest.mark.parametrize(
    "audience", ["streamly", "streamly-api2", "playback", "", None, ["streamly-api"], ["streamly-api", "other"], 1]
)
def test_a_token_for_another_audience_is_refused(tokens: JwtAccessTokens, audience: object) -> None:
    assert refused(tokens, forged(claims={**CLAIMS, "aud": audience}))


def test_a_token_of_another_environment_is_refused(tokens: JwtAccessTokens) -> None:
    elsewhere = JwtAccessTokens({"2026": OLD_KEY}, ISSUER)

    assert refused(tokens, elsewhere.issue(ALICE, now=MONDAY))


@pytest.mark.parametrize("claim", CLAIMS)
def test_a_token_that_leaves_something_out_is_refused(tokens: JwtAccessTokens, claim: str) -> None:
    assert refused(tokens, forged(claims={name: value for name, value in CLAIMS.items() if name != claim}))


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("sub", 7),
        ("sub", None),
        ("sub", ["5f0c1a3e-8d1b-4c55-9a55-0d6c2b0e7a01"]),
        ("sub", "alice"),
        ("sub", ""),
        ("sid", 7),
        ("sid", "x"),
        ("role", None),
        ("role", ["admin"]),
        ("jti", 1),
        ("exp", "1793610900"),
        ("exp", True),
        ("exp", 1e300),
        ("exp", 10**30),
        ("exp", -1),
        ("exp", None),
        ("iat", "yesterday"),
        ("iat", NOW + 0.5),
        ("nbf", "soon"),
    ],
)
def test_a_claim_of_another_kind_is_refused(tokens: JwtAccessTokens, claim: str, value: object) -> None:
    assert refused(tokens, forged(claims={**CLAIMS, claim: value}))


@pytest.mark.parametrize("claims", [[], "x", 1, None])
def test_claims_that_are_no_map_are_refused(tokens: JwtAccessTokens, claims: object) -> None:
    assert refused(tokens, forged(claims=claims))


def test_a_token_is_over_to_the_second(tokens: JwtAccessTokens) -> None:
    token = tokens.issue(ALICE, now=MONDAY)

    assert not refused(tokens, token, now=ALICE.expires_at - timedelta(microseconds=1))
    assert refused(tokens, token, now=ALICE.expires_at)
    assert refused(tokens, token, now=ALICE.expires_at + timedelta(seconds=31))


@pytest.mark.parametrize("claim", ["iat", "nbf"])
def test_clocks_may_differ_by_thirty_seconds_about_the_start(tokens: JwtAccessTokens, claim: str) -> None:
    assert not refused(tokens, forged(claims={**CLAIMS, claim: NOW + 30}))
    assert refused(tokens, forged(claims={**CLAIMS, claim: NOW + 31}))
    assert refused(tokens, forged(claims={**CLAIMS, claim: NOW + 60}))


@pytest.mark.parametrize("year", [1999, 2199])
def test_time_is_the_one_that_is_handed_in(tokens: JwtAccessTokens, year: int) -> None:
    now = datetime(year, 11, 2, 9, tzinfo=UTC)
    signed_in = msgspec.structs.replace(ALICE, expires_at=now + timedelta(minutes=15))

    assert tokens.verify(tokens.issue(signed_in, now=now), now=now) == signed_in


@pytest.mark.parametrize("part", [0, 1, 2])
def test_a_token_with_any_character_changed_is_refused(tokens: JwtAccessTokens, part: int) -> None:
    parts = tokens.issue(ALICE, now=MONDAY).split(".")
    # The last character of a part may hold bits that decode to nothing; the one before it holds none such.
    for at in range(len(parts[part]) - 1):
        other = "A" if parts[part][at] != "A" else "B"
        changed = [*parts]
        changed[part] = parts[part][:at] + other + parts[part][at + 1 :]
        assert refused(tokens, ".".join(changed))


def test_what_follows_or_surrounds_a_token_spoils_it(tokens: JwtAccessTokens) -> None:
    token = tokens.issue(ALICE, now=MONDAY)

    assert all(refused(tokens, changed) for changed in (f"{token}.x", f".{token}", f" {token}", f"Bearer {token}"))


def test_what_has_no_header_of_ours_is_refused_and_never_read(tokens: JwtAccessTokens) -> None:
    """Parsing the second one would end in a RecursionError, before any signature is looked at."""
    assert refused(tokens, RandomRefreshTokens().new())
    assert refused(tokens, f"{encoded(b'[' * 1_400)}.e30.x")


def test_a_new_key_in_front_signs_and_the_old_one_still_verifies() -> None:
    before = JwtAccessTokens({"2025": OLD_KEY}, ISSUER)
    during = JwtAccessTokens({"2026": KEY, "2025": OLD_KEY}, ISSUER)
    after = JwtAccessTokens({"2026": KEY}, ISSUER)
    old, new = before.issue(ALICE, now=MONDAY), during.issue(ALICE, now=MONDAY)

    assert jwt.get_unverified_header(new)["kid"] == "2026"
    assert during.verify(old, now=MONDAY) == during.verify(new, now=MONDAY) == ALICE
    assert refused(after, old)
    assert not refused(after, new)


@pytest.mark.parametrize(
    ("keys", "complaint"),
    [
        ({}, "no key is given to sign access tokens with"),
        ({"2026": b""}, "signing key '2026' has 0 bytes, fewer than 32"),
        ({"2026": KEY, "2025": bytes(31)}, "signing key '2025' has 31 bytes, fewer than 32"),
        ({"": KEY}, "the name of signing key 1 is not made of 1 to 32 of A-Z a-z 0-9 . _ -"),
        ({"2026": KEY, "a b": KEY}, "the name of signing key 2 is not made of 1 to 32 of A-Z a-z 0-9 . _ -"),
    ],
)
def test_keys_that_cannot_be_used_are_refused_when_they_are_given(keys: dict[str, bytes], complaint: str) -> None:
    with pytest.raises(ValueError, match="key") as failure:
        JwtAccessTokens(keys, ISSUER)

    assert str(failure.value) == complaint
