"""Master keys: how they are given, what they refuse, and what stays the same when a new one is put in front."""

import base64

import pytest

from adapters.crypto.blind_index import HmacBlindIndex
from adapters.crypto.ciphers import AesGcmCipher
from adapters.crypto.master_keys import MasterKeyMissing, MasterKeys, MasterKeysInvalid, WrappedKey, derived_key
from application.ports.vault import SealBroken

OLD, NEW = bytes(range(32)), bytes(range(32, 64))
OLD_TEXT, NEW_TEXT = base64.b64encode(OLD).decode(), base64.b64encode(NEW).decode()
DATA_KEY = b"k" * 32

# Made by the first release.
GOLDEN_INDEX = "988cd9aa94779c7f4081e291c789a1ccd3fb09dc2d940b1256887942624b7174"
GOLDEN_WRAPPED = (
    "016ee5c33325ed904deff28d79f19e2e03a6e2aaac82757868a3c4588deff4739ce3a13a84d97af57d08dc1ab9"
    "8acf279fccbb71ae762a44d6820df169"
)
GOLDEN_SEALED = "01882d85912cd9fe3fb191189ef2d2f9ab6716fa9f3be51b276f4e2cfc2761806e28a347a88f075ae79b"


def test_the_first_wraps_and_all_unwrap() -> None:
    before = MasterKeys.parse(f"2026:{OLD_TEXT}")
    after = MasterKeys.parse(f" 2027:{NEW_TEXT} , 2026:{OLD_TEXT}\n")
    wrapped_before, wrapped_after = (keys.wrap(DATA_KEY, purpose="person", id="alice") for keys in (before, after))

    assert (wrapped_before.kid, wrapped_after.kid) == ("2026", "2027")
    assert after.unwrap(wrapped_before, purpose="person", id="alice") == DATA_KEY
    assert after.unwrap(wrapped_after, purpose="person", id="alice") == DATA_KEY
    with pytest.raises(MasterKeyMissing, match="'2027', which is not given"):
        before.unwrap(wrapped_after, purpose="person", id="alice")


def test_a_wrapped_key_holds_in_its_own_place_only() -> None:
    keys = MasterKeys({"2027": NEW, "2026": OLD})
    wrapped = keys.wrap(DATA_KEY, purpose="person", id="alice")

    for purpose, name, kid in [("inbox", "alice", "2027"), ("person", "bob", "2027"), ("person", "alice", "2026")]:
        with pytest.raises(SealBroken):
            keys.unwrap(WrappedKey(wrapped.sealed, kid), purpose=purpose, id=name)


def test_the_same_bytes_under_another_name_do_not_unwrap() -> None:
    wrapped = MasterKeys({"2026": OLD}).wrap(DATA_KEY, purpose="person", id="alice")

    with pytest.raises(SealBroken):
        MasterKeys({"renamed": OLD}).unwrap(WrappedKey(wrapped.sealed, "renamed"), purpose="person", id="alice")


def test_the_blind_index_outlasts_every_rotation() -> None:
    rotations = [
        MasterKeys({"2026": OLD}),
        MasterKeys({"2027": NEW, "2026": OLD}),
        MasterKeys({"2028": bytes([8] * 32), "2027": NEW, "2026": OLD}),
        MasterKeys({"2028": bytes([8] * 32), "renamed": OLD}),
    ]

    assert len({HmacBlindIndex(keys).of("email", "alice@example.com") for keys in rotations}) == 1
    assert HmacBlindIndex(MasterKeys({"2027": NEW})).of("email", "alice@example.com") != HmacBlindIndex(
        rotations[0]
    ).of("email", "alice@example.com")


def test_the_blind_index_of_today_is_the_one_of_tomorrow() -> None:
    """Digests are stored: a change of the derivation would free every address that is taken."""
    index = HmacBlindIndex(MasterKeys({"2026": OLD}))

    assert index.of("email", "alice@example.com").hex() == GOLDEN_INDEX


def test_a_key_wrapped_by_an_earlier_release_still_unwraps() -> None:
    wrapped = WrappedKey(bytes.fromhex(GOLDEN_WRAPPED), "2026")

    assert MasterKeys({"2026": OLD}).unwrap(wrapped, purpose="person", id="alice") == DATA_KEY


def test_the_key_of_one_purpose_is_not_the_key_of_another() -> None:
    keys = {derived_key(OLD, purpose=purpose) for purpose in ("wrapping", "blind-index", "vault-check")}

    assert len(keys) == 3
    assert OLD not in keys


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "master key 1 is not written as kid:base64"),
        (OLD_TEXT, "master key 1 is not written as kid:base64"),
        ("2026:", "master key 1 is not written as kid:base64"),
        (f"2026:{OLD_TEXT},", "master key 2 is not written as kid:base64"),
        (f"2027:{NEW_TEXT},2026:not base64!", "master key 2 is not base64 after the colon"),
        (f"2026:{OLD_TEXT[:-1]}", "master key 1 is not base64 after the colon"),
        (f"2026:é{OLD_TEXT}", "master key 1 is not base64 after the colon"),
        (f"2026:{base64.b64encode(OLD[:31]).decode()}", "master key '2026' has 31 bytes instead of 32"),
        (f"2026:{base64.b64encode(OLD + NEW).decode()}", "master key '2026' has 64 bytes instead of 32"),
        (f"2026:{NEW_TEXT},2026:{OLD_TEXT}", "two master keys are named '2026'"),
        (f"2027:{OLD_TEXT},2026:{OLD_TEXT}", "master keys '2027' and '2026' are the same key"),
        (f":{OLD_TEXT}", "the name of master key 1 is not made of 1 to 32 of A-Z a-z 0-9 . _ -"),
        (f"a|b:{OLD_TEXT}", "the name of master key 1 is not made of 1 to 32 of A-Z a-z 0-9 . _ -"),
        (f"{'x' * 33}:{OLD_TEXT}", "the name of master key 1 is not made of 1 to 32 of A-Z a-z 0-9 . _ -"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_line_that_shows_no_key(text: str, complaint: str) -> None:
    with pytest.raises(MasterKeysInvalid) as refused:
        MasterKeys.parse(text)

    assert str(refused.value) == complaint


def test_there_is_at_least_one() -> None:
    with pytest.raises(MasterKeysInvalid, match="no master key is given"):
        MasterKeys({})


def test_nothing_that_is_printed_shows_a_key() -> None:
    keys = MasterKeys({"2026": OLD})

    assert OLD_TEXT not in repr(keys)
    assert repr(OLD) not in repr(keys)


def test_a_cipher_takes_no_short_key() -> None:
    with pytest.raises(ValueError, match="has 32 bytes, this one has 16"):
        AesGcmCipher(bytes(16))


def test_no_nonce_comes_twice() -> None:
    cipher = AesGcmCipher(OLD)
    nonces = {cipher.seal(b"", b"")[1:13] for _ in range(50_000)}

    assert len(nonces) == 50_000


def test_a_value_sealed_by_an_earlier_release_still_opens() -> None:
    sealed = bytes.fromhex(GOLDEN_SEALED)

    assert AesGcmCipher(OLD).open(sealed, b"account.opened|1|name") == b"Alice Liddell"


def test_a_format_that_is_not_known_is_refused() -> None:
    cipher = AesGcmCipher(OLD)
    sealed = cipher.seal(b"Alice", b"")

    with pytest.raises(SealBroken, match="format"):
        cipher.open(b"\x02" + sealed[1:], b"")
