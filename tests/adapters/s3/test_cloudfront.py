"""What CloudFront verifies: a policy for one folder, signed by RSA or ECDSA, in an address."""

import json
from base64 import b64decode, b64encode
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1

from adapters.s3.cloudfront import CloudFront, Leave
from tests.adapters.s3.conftest import HOST, KEY_ID, pem_of

UNTIL = datetime(2026, 11, 21, 23, 0, tzinfo=UTC)
AS_CLOUDFRONT = str.maketrans("-_~", "+=/")


def opened(key: Any) -> Leave:
    return CloudFront(f"{HOST}/", KEY_ID, pem_of(key)).open(
        "hls/one/le720/master.m3u8", below="hls/one/le720/", until=UNTIL
    )


def parts_of(leave: Leave) -> tuple[bytes, bytes]:
    """The policy and its signature, as CloudFront takes them out of an address."""
    query = {name: value[0] for name, value in parse_qs(leave.query).items()}
    assert query["Key-Pair-Id"] == KEY_ID
    policy, signature = (b64decode(query[name].translate(AS_CLOUDFRONT)) for name in ("Policy", "Signature"))
    return policy, signature


def test_the_policy_is_for_the_folder_and_until_the_moment(rsa_key: rsa.RSAPrivateKey) -> None:
    leave = opened(rsa_key)

    assert urlsplit(leave.url).path == "/hls/one/le720/master.m3u8"
    assert leave.url == f"{HOST}/hls/one/le720/master.m3u8?{leave.query}"
    (statement,) = json.loads(parts_of(leave)[0])["Statement"]
    assert statement["Resource"] == f"{HOST}/hls/one/le720/*"
    assert statement["Condition"] == {"DateLessThan": {"AWS:EpochTime": int(UNTIL.timestamp())}}


def test_it_is_signed_by_rsa_or_by_ecdsa(rsa_key: rsa.RSAPrivateKey, ec_key: ec.EllipticCurvePrivateKey) -> None:
    policy, signature = parts_of(opened(rsa_key))
    rsa_key.public_key().verify(signature, policy, padding.PKCS1v15(), SHA1())  # noqa: S303
    with pytest.raises(InvalidSignature):
        rsa_key.public_key().verify(signature, policy + b" ", padding.PKCS1v15(), SHA1())  # noqa: S303

    policy, signature = parts_of(opened(ec_key))
    ec_key.public_key().verify(signature, policy, ec.ECDSA(SHA1()))  # noqa: S303


def test_a_key_may_come_as_one_line(rsa_key: rsa.RSAPrivateKey) -> None:
    line = b64encode(pem_of(rsa_key).encode()).decode()

    assert CloudFront(HOST, KEY_ID, line).open("a", below="a", until=UNTIL) == CloudFront(
        HOST, KEY_ID, pem_of(rsa_key)
    ).open("a", below="a", until=UNTIL)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "no key",
        b64encode(b"no key").decode(),
        pem_of(ed25519.Ed25519PrivateKey.generate()),
        pem_of(ec.generate_private_key(ec.SECP384R1())),
        pem_of(rsa.generate_private_key(public_exponent=65537, key_size=3072)),
    ],
    ids=["empty", "text", "base64 of text", "Ed25519", "P-384", "3072 bits"],
)
def test_another_key_is_refused_at_the_start(key: str) -> None:
    with pytest.raises(ValueError, match="CloudFront's key"):
        CloudFront(HOST, KEY_ID, key)


def test_a_key_without_an_id_is_refused_at_the_start(rsa_key: rsa.RSAPrivateKey) -> None:
    with pytest.raises(ValueError, match="id of CloudFront's key"):
        CloudFront(HOST, " ", pem_of(rsa_key))
