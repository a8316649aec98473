"""What every vault promises: a key to a person, kept apart from what it encrypts, and gone for good when shredded."""

from collections.abc import AsyncIterator, Iterator
from uuid import UUID, uuid4

import pytest

from adapters.crypto.vault import PostgresVault
from adapters.memory.vault import MemoryVault
from application.ports.vault import Cipher, SealBroken, Vault
from tests.adapters.crypto.vaults import MASTER_KEYS, create_vault, vault_pool
from tests.postgres import Databases

pytestmark = pytest.mark.anyio

NAME = b"Alice Liddell"
CONTEXT = b"account.opened|1|name"


@pytest.fixture(scope="module")
def vault_dsn(databases: Databases) -> Iterator[str]:
    dsn = create_vault(databases)
    yield dsn
    databases.drop(dsn)


@pytest.fixture(params=["memory", "postgres"])
async def vault(request: pytest.FixtureRequest) -> AsyncIterator[Vault]:
    if request.param == "memory":
        yield MemoryVault()
        return
    async with vault_pool(request.getfixturevalue("vault_dsn")) as pool:
        yield PostgresVault(pool, MASTER_KEYS)


@pytest.fixture
def alice() -> UUID:
    return uuid4()


@pytest.fixture
def bob() -> UUID:
    return uuid4()


async def key_of(vault: Vault, person: UUID) -> Cipher:
    return (await vault.of_persons([person], create=True))[person]


async def test_a_person_keeps_one_key(vault: Vault, alice: UUID) -> None:
    sealed = (await key_of(vault, alice)).seal(NAME, CONTEXT)

    assert (await key_of(vault, alice)).open(sealed, CONTEXT) == NAME
    assert (await vault.of_persons([alice]))[alice].open(sealed, CONTEXT) == NAME


async def test_nobody_has_a_key_that_was_not_asked_for(vault: Vault, alice: UUID) -> None:
    assert await vault.of_persons([alice]) == {}
    assert await vault.of_persons([]) == {}
    assert await vault.of_persons([], create=True) == {}


async def test_many_persons_are_answered_at_once(vault: Vault, alice: UUID, bob: UUID) -> None:
    sealed = (await key_of(vault, alice)).seal(NAME, CONTEXT)
    crowd = [uuid4() for _ in range(200)]

    ciphers = await vault.of_persons([*crowd, alice, bob, alice], create=True)

    assert ciphers.keys() == {*crowd, alice, bob}
    assert ciphers[alice].open(sealed, CONTEXT) == NAME


async def test_one_persons_key_opens_nothing_of_another(vault: Vault, alice: UUID, bob: UUID) -> None:
    ciphers = await vault.of_persons([alice, bob], create=True)

    with pytest.raises(SealBroken):
        ciphers[bob].open(ciphers[alice].seal(NAME, CONTEXT), CONTEXT)


async def test_a_shredded_key_is_gone_for_good_and_the_others_stay(vault: Vault, alice: UUID, bob: UUID) -> None:
    sealed = (await vault.of_persons([alice, bob], create=True))[bob].seal(NAME, CONTEXT)

    await vault.shred(alice)

    assert alice not in await vault.of_persons([alice, bob])
    assert alice not in await vault.of_persons([alice, bob], create=True)
    assert (await vault.of_persons([bob]))[bob].open(sealed, CONTEXT) == NAME


async def test_a_person_shredded_before_the_first_fact_never_gets_a_key(vault: Vault, alice: UUID) -> None:
    await vault.shred(alice)

    assert await vault.of_persons([alice], create=True) == {}


async def test_shredding_again_changes_nothing(vault: Vault, alice: UUID) -> None:
    await key_of(vault, alice)

    await vault.shred(alice)
    await vault.shred(alice)

    assert await vault.of_persons([alice], create=True) == {}


async def test_the_inbox_has_a_key_to_a_month(vault: Vault) -> None:
    november = await vault.of_inbox("2026-11")
    sealed = november.seal(b'{"id": "evt_1"}', b"evt_1")

    assert (await vault.of_inbox("2026-11")).open(sealed, b"evt_1") == b'{"id": "evt_1"}'
    with pytest.raises(SealBroken):
        (await vault.of_inbox("2026-12")).open(sealed, b"evt_1")


async def test_what_is_sealed_shows_nothing_and_never_looks_the_same_twice(vault: Vault, alice: UUID) -> None:
    cipher = await key_of(vault, alice)
    sealed = cipher.seal(NAME, CONTEXT)

    assert NAME not in sealed
    assert b"Alice" not in sealed
    assert sealed != cipher.seal(NAME, CONTEXT)


async def test_a_value_moved_to_another_place_does_not_open(vault: Vault, alice: UUID) -> None:
    cipher = await key_of(vault, alice)

    with pytest.raises(SealBroken):
        cipher.open(cipher.seal(NAME, CONTEXT), b"account.opened|2|name")


async def test_a_value_with_any_byte_changed_or_cut_does_not_open(vault: Vault, alice: UUID) -> None:
    cipher = await key_of(vault, alice)
    sealed = cipher.seal(NAME, CONTEXT)
    changed = [sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :] for at in range(len(sealed))]
    cut = [sealed[:length] for length in range(len(sealed))]

    for broken in [*changed, *cut, sealed + b"\0"]:
        with pytest.raises(SealBroken):
            cipher.open(broken, CONTEXT)


async def test_an_empty_value_is_a_value(vault: Vault, alice: UUID) -> None:
    cipher = await key_of(vault, alice)

    assert cipher.open(cipher.seal(b"", CONTEXT), CONTEXT) == b""
