"""Access tokens as JSON Web Tokens (RFC 9068), signed by HS256 and by nothing else (RFC 8725)."""

import functools
import hmac
import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import jwt
import msgspec
from jwt.algorithms import HMACAlgorithm
from jwt.utils import base64url_decode, base64url_encode

from application.ports.secrets import SignedIn, TokenInvalid

ALGORITHM = "HS256"
HS256 = HMACAlgorithm(HMACAlgorithm.SHA256)
TYPE = "at+jwt"
AUDIENCE = "streamly-api"
KEY_BYTES_MIN = 32
KID = re.compile(r"[A-Za-z0-9._-]{1,32}")
TOKEN_CHARACTERS_MAX = 2048
REMEMBERED_MAX = 32_768
"""Some 40 MB; to check one anew takes 7 us."""
LEEWAY_SECONDS = 30

Seconds = Annotated[int, msgspec.Meta(ge=0, le=253_402_300_799)]
"""Since 1970, up to the end of the year 9999."""


class Claims(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an access token says."""

    iss: str
    aud: str
    sub: UUID
    sid: UUID
    role: str
    iat: Seconds
    exp: Seconds
    jti: str
    nbf: Seconds = 0


CLAIMS = msgspec.json.Decoder(Claims)


class JwtAccessTokens:
    """The first key signs and all verify, so a new key is put in front and the old one dropped one `ttl` later.

    A header is never interpreted, it must be, to the letter, the one that is written here for one of the keys. So
    neither another algorithm nor a key named, linked or carried in a header can be asked for.
    """

    def __init__(self, keys: Mapping[str, bytes], issuer: str, ttl: timedelta = timedelta(minutes=15)) -> None:
        """Keys by id. Raises ValueError for a key of less than 32 bytes (RFC 7518, 3.2)."""
        _refuse_unusable(keys)
        self._keys_by_header = {_header(kid): key for kid, key in keys.items()}
        self._signing_kid, self._signing_key = next(iter(keys.items()))
        self._issuer = issuer
        self._ttl = ttl
        self._remembered_claims = functools.lru_cache(REMEMBERED_MAX)(self._signed_claims)

    @property
    def ttl(self) -> timedelta:
        return self._ttl

    def issue(self, signed_in: SignedIn, *, now: datetime) -> str:
        claims = Claims(
            iss=self._issuer,
            aud=AUDIENCE,
            sub=signed_in.account_id,
            sid=signed_in.session_id,
            role=signed_in.role,
            iat=int(now.timestamp()),
            exp=int(min(signed_in.expires_at, now + self._ttl).timestamp()),
            jti=secrets.token_hex(16),
        )
        return _signed(msgspec.to_builtins(claims), kid=self._signing_kid, key=self._signing_key)

    def verify(self, token: str, *, now: datetime) -> SignedIn:
        """Raises TokenInvalid. The clocks of two machines may differ by 30 s about the start of a token."""
        claims, signed_in = self._remembered_claims(token)
        if claims.exp <= now.timestamp():
            raise TokenInvalid("the token is over")
        if max(claims.iat, claims.nbf) > now.timestamp() + LEEWAY_SECONDS:
            raise TokenInvalid("the token is from the future")
        return signed_in

    def _signed_claims(self, token: str) -> tuple[Claims, SignedIn]:
        """What does not change with time, and so is checked once for a token."""
        if len(token) > TOKEN_CHARACTERS_MAX or not token.isascii():
            raise TokenInvalid("not a token of ours")
        key = self._keys_by_header.get(token.partition(".")[0])
        if key is None:
            raise TokenInvalid("not a header of ours")
        claims = self._verified_claims(token, key)
        return claims, SignedIn(
            account_id=claims.sub,
            session_id=claims.sid,
            role=claims.role,
            expires_at=datetime.fromtimestamp(claims.exp, tz=UTC),
        )

    def _verified_claims(self, token: str, key: bytes) -> Claims:
        """Once the header is one of ours nothing of it is left to read, and PyJWT's algorithm is enough, without its
        parser: a sixth of the time.
        """
        signed, _, signature = token.rpartition(".")
        if not hmac.compare_digest(signature, _signature(signed, key)):
            raise TokenInvalid("not signed by us")
        try:
            claims = CLAIMS.decode(base64url_decode(signed.partition(".")[2]))
        except ValueError as reason:
            raise TokenInvalid(str(reason)) from None
        if (claims.iss, claims.aud) != (self._issuer, AUDIENCE):
            raise TokenInvalid("from another issuer, or for another audience")
        return claims


def _signed(payload: dict[str, Any], *, kid: str, key: bytes) -> str:
    return jwt.encode(payload, key, algorithm=ALGORITHM, headers={"typ": TYPE, "kid": kid})


def _signature(signed: str, key: bytes) -> str:
    """As it is written: of several ways to write the same bytes in base64 no other one is good."""
    return base64url_encode(HS256.sign(signed.encode("ascii"), key)).decode("ascii")


def _header(kid: str) -> str:
    """The first of a token's three parts, the same in all tokens that the key `kid` signs."""
    return _signed({}, kid=kid, key=bytes(KEY_BYTES_MIN)).partition(".")[0]


def _refuse_unusable(keys: Mapping[str, bytes]) -> None:
    if not keys:
        raise ValueError("no key is given to sign access tokens with")
    for number, (kid, key) in enumerate(keys.items(), start=1):
        if not KID.fullmatch(kid):
            raise ValueError(f"the name of signing key {number} is not made of 1 to 32 of A-Z a-z 0-9 . _ -")
        if len(key) < KEY_BYTES_MIN:
            raise ValueError(f"signing key {kid!r} has {len(key)} bytes, fewer than {KEY_BYTES_MIN}")
