"""The vault in Postgres: the keys of persons and of months, wrapped by a master key, and their shredding."""

import hmac
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from time import monotonic
from typing import Final
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from adapters.crypto.ciphers import KEY_BYTES, AesGcmCipher
from adapters.crypto.master_keys import MasterKeyMissing, MasterKeys, MasterKeysInvalid, WrappedKey
from adapters.crypto.recent_keys import Place, RecentKeys
from adapters.postgres.errors import connected
from adapters.postgres.pool import Pool
from application.ports.vault import Cipher, SealBroken

KEYS_PER_QUERY_MAX = 5_000

PERSON: Final = "person"
INBOX: Final = "inbox"
LETTERS: Final = "letters"
CHECK: Final = "check"
OLDEST: Final = "oldest-master-key"

READ = "SELECT id, wrapped, kid FROM vault.keys WHERE kind = %s AND id = ANY(%s)"

MAKE = """
    INSERT INTO vault.keys (kind, id, wrapped, kid)
    SELECT %s, fresh.id, fresh.wrapped, %s FROM unnest(%s::text[], %s::bytea[]) AS fresh (id, wrapped)
    ON CONFLICT DO NOTHING
"""

SHRED = """
    INSERT INTO vault.keys (kind, id, shredded_at) VALUES (%s, %s, now())
    ON CONFLICT (kind, id) DO UPDATE SET wrapped = NULL, kid = NULL, shredded_at = now()
    WHERE keys.shredded_at IS NULL
"""

WRAPPED_BY = "SELECT kid, count(*) FROM vault.keys WHERE kid IS NOT NULL GROUP BY kid ORDER BY kid"

WRAPPED_BY_OTHERS = "SELECT kind, id, wrapped, kid FROM vault.keys WHERE kid <> %s ORDER BY kind, id LIMIT %s"

# A key shredded since it was read is not what it was, and stays shredded.
REWRAP = "UPDATE vault.keys SET wrapped = %s, kid = %s WHERE kind = %s AND id = %s AND wrapped = %s"


class KeyShredded(Exception):
    """The key of a month has been shredded: the bodies or letters of it are gone for good."""


class PostgresVault:
    """A key is committed before it is handed out, and processes that make one at the same time agree on one.

    Keys stay in memory for a minute: a person shredded by another process is unreadable in this one that much later.
    Every method raises DatabaseUnavailable where it has to ask.
    """

    def __init__(self, pool: Pool, master_keys: MasterKeys, clock: Callable[[], float] = monotonic) -> None:
        """`clock` gives seconds that never run back."""
        self._pool = pool
        self.master_keys = master_keys
        self._recent = RecentKeys(clock)

    async def check(self) -> None:
        """Raises MasterKeysInvalid unless the last master key is seen to be the one that this vault began with.

        Another one would change the blind index, and every address that is taken would seem to be free.
        """
        mine = self.master_keys.lasting_key("vault-check")
        async with connected(self._pool) as connection:
            await self._insert(connection, CHECK, {OLDEST: mine})
            try:
                found = await self._read(connection, CHECK, [OLDEST])
            except (MasterKeyMissing, SealBroken) as unread:
                raise MasterKeysInvalid(
                    f"{unread}; master keys keep their names, and the last one must stay the last"
                ) from None
        if not hmac.compare_digest(found.get(OLDEST) or b"", mine):
            raise MasterKeysInvalid(
                "the last master key is not the one that this vault began with; it must stay the last"
            )

    async def of_persons(self, persons: Collection[UUID], *, create: bool = False) -> Mapping[UUID, Cipher]:
        """Absent is who has been erased, also with `create`, which makes and commits the keys of the others."""
        places = {person: (PERSON, str(person)) for person in persons}
        found = self._recent.of(places.values())
        # In one order everywhere: two processes that make the same keys wait for each other, and not in a circle.
        unknown = sorted(place[1] for place in places.values() if place not in found)
        for start in range(0, len(unknown), KEYS_PER_QUERY_MAX):
            found |= await self._load(PERSON, unknown[start : start + KEYS_PER_QUERY_MAX], create=create)
        return {person: cipher for person, place in places.items() if (cipher := found.get(place))}

    async def of_inbox(self, month: str) -> Cipher:
        """Raises KeyShredded."""
        return await self._of_month(INBOX, month)

    async def of_letters(self, month: str) -> Cipher:
        """Raises KeyShredded."""
        return await self._of_month(LETTERS, month)

    async def _of_month(self, kind: str, month: str) -> Cipher:
        place = (kind, month)
        found = self._recent.of([place]) or await self._load(kind, [month], create=True)
        cipher = found[place]
        if cipher is None:
            raise KeyShredded(f"the key of the {kind} of {month} has been shredded")
        return cipher

    async def shred(self, person: UUID) -> None:
        """Leaves a tombstone in the place of the key, also where there was none yet."""
        async with connected(self._pool) as connection:
            await connection.execute(SHRED, (PERSON, str(person)))
        self._recent.keep({(PERSON, str(person)): None})

    async def wrapped_by(self) -> dict[str, int]:
        """How many keys each master key wraps; those that are given and wrap none are named too."""
        async with connected(self._pool) as connection:
            found = dict(await (await connection.execute(WRAPPED_BY)).fetchall())
        return dict.fromkeys(self.master_keys.kids, 0) | found

    async def rewrap(self, *, at_most: int = 1_000) -> int:
        """Wraps keys under older master keys in the current one, and says how many of them it found.

        Once that is 0, and no process wraps with it any more, a master key other than the last may be taken away.
        """
        keys = self.master_keys
        async with connected(self._pool) as connection, connection.cursor(binary=True) as cursor:
            await cursor.execute(WRAPPED_BY_OTHERS, (keys.current_kid, at_most))
            rows = await cursor.fetchall()
            for kind, name, sealed, kid in rows:
                key = keys.unwrap(WrappedKey(sealed, kid), purpose=kind, id=name)
                await cursor.execute(REWRAP, (*keys.wrap(key, purpose=kind, id=name), kind, name, sealed))
        return len(rows)

    async def _load(self, kind: str, names: Sequence[str], *, create: bool) -> dict[Place, Cipher | None]:
        async with connected(self._pool) as connection:
            found = await self._read(connection, kind, names)
            missing = [name for name in names if name not in found]
            if create and missing:
                await self._insert(connection, kind, {name: os.urandom(KEY_BYTES) for name in missing})
                found |= await self._read(connection, kind, missing)
        ciphers: dict[Place, Cipher | None] = {
            (kind, name): AesGcmCipher(key) if key else None for name, key in found.items()
        }
        self._recent.keep(ciphers)
        return ciphers

    async def _read(
        self, connection: AsyncConnection[TupleRow], kind: str, names: Sequence[str]
    ) -> dict[str, bytes | None]:
        """The keys that are there, None for a tombstone."""
        async with connection.cursor(binary=True) as cursor:
            await cursor.execute(READ, (kind, list(names)))
            return {name: self._unwrapped(kind, name, sealed, kid) async for name, sealed, kid in cursor}

    def _unwrapped(self, kind: str, name: str, sealed: bytes | None, kid: str) -> bytes | None:
        return None if sealed is None else self.master_keys.unwrap(WrappedKey(sealed, kid), purpose=kind, id=name)

    async def _insert(self, connection: AsyncConnection[TupleRow], kind: str, keys: Mapping[str, bytes]) -> None:
        """Where another process was first its key stays: whoever inserts reads back."""
        wrapped = [self.master_keys.wrap(key, purpose=kind, id=name).sealed for name, key in keys.items()]
        await connection.execute(MAKE, (kind, self.master_keys.current_kid, list(keys), wrapped))
