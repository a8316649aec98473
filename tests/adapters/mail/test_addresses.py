"""What is an address, and when two are the same."""

import time
import unicodedata

import pytest

from adapters.mail.addresses import EmailValidatorAddresses
from application.ports.addresses import AddressInvalid


def canonical(email: str) -> str:
    return EmailValidatorAddresses().canonical(email)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("alice@example.com", "alice@example.com"),
        ("Alice@Example.COM", "alice@example.com"),
        ("Alice.Liddell+films@EXAMPLE.com", "alice.liddell+films@example.com"),
        ("alice@xn--bcher-kva.example", "alice@bücher.example"),
        ("alice@BÜCHER.example", "alice@bücher.example"),
        ("ЖЕНА@ПОЧТА.рф", "жена@почта.рф"),
        (unicodedata.normalize("NFD", "josé@example.com"), "josé@example.com"),
        ("hans@straße.example", "hans@straße.example"),
        ("Strauß@example.com", "strauß@example.com"),
        ("İNCİ@example.com", "İncİ@example.com"),
        ("o'hara@example.com", "o'hara@example.com"),
        ("bob@example.test", "bob@example.test"),
    ],
)
def test_an_address_has_one_spelling(given: str, expected: str) -> None:
    assert canonical(given) == expected
    assert canonical(expected) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("hans@straße.example", "hans@strasse.example"),
        ("strauß@example.com", "strauss@example.com"),
        ("alice@example.com", "alice+films@example.com"),
        ("a.lice@example.com", "alice@example.com"),
    ],
)
def test_what_may_be_two_mailboxes_are_two_addresses(one: str, other: str) -> None:
    assert canonical(one) != canonical(other)


@pytest.mark.parametrize(
    "given",
    [
        pytest.param("", id="nothing"),
        pytest.param("alice", id="no at"),
        pytest.param("@example.com", id="nobody"),
        pytest.param("alice@", id="nowhere"),
        pytest.param("alice@localhost", id="no dot"),
        pytest.param("alice@example..com", id="two dots"),
        pytest.param("alice@-example.com", id="a hyphen first"),
        pytest.param("alice@bob@example.com", id="two ats"),
        pytest.param(" alice@example.com", id="a space before"),
        pytest.param("alice@example.com\n", id="a line after"),
        pytest.param("alice@example.com\r\nBcc: eve@example.com", id="a header after"),
        pytest.param("ali\0ce@example.com", id="a null"),
        pytest.param("ali\x7fce@example.com", id="a control character"),
        pytest.param("ali\u202ece@example.com", id="an override of direction"),
        pytest.param("ali\ud800ce@example.com", id="half a character"),
        pytest.param("Alice <alice@example.com>", id="a name"),
        pytest.param('"al ice"@example.com', id="quoted"),
        pytest.param("alice@[127.0.0.1]", id="an address of the network"),
        pytest.param(f"{'a' * 64}@{'b' * 63}.{'c' * 63}.{'d' * 63}.example", id="too long"),
    ],
)
def test_what_is_no_address_is_refused_with_the_reason(given: str) -> None:
    with pytest.raises(AddressInvalid, match=r"\w+ .*\."):
        canonical(given)


def test_the_longest_address_is_one() -> None:
    longest = f"{'a' * 64}@{'b' * 63}.{'c' * 63}.{'d' * 57}.com"

    assert len(longest) == 254
    assert canonical(longest) == longest


def test_a_book_is_refused_without_being_read() -> None:
    began = time.perf_counter()

    with pytest.raises(AddressInvalid, match="at most 254"):
        canonical("a" * 10_000_000 + "@example.com")

    assert time.perf_counter() - began < 0.5
