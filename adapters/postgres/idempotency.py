"""Idempotency keys in Postgres: one row to a request, its answer sealed."""

import hashlib
from uuid import UUID

import msgspec

from adapters.postgres.errors import connected
from adapters.postgres.pool import Pool
from application.errors import NotSignedIn
from application.ports.idempotency import KEPT_HOURS, Answer, Attempt, IdempotencyKeyReused, RequestInProgress
from application.ports.secrets import BlindIndex
from application.ports.vault import Vault

ROUNDS_MAX = 4

# Of many at once one makes the row. What is over begins anew; what was left by its holder goes on with its seed. Of who
# is being erased there is none: the erasure has deleted them, or is about to.
BEGIN = """
    INSERT INTO ops.idempotency AS kept (digest, account_id, request, seed, holder, leased_until, expires_at)
    SELECT %(digest)s, %(account)s, %(request)s, gen_random_uuid(), gen_random_uuid(),
        now() + make_interval(secs => %(lease)s), now() + make_interval(hours => %(kept)s)
    WHERE NOT EXISTS (SELECT FROM ops.erasures WHERE account_id = %(account)s)
    ON CONFLICT (digest) DO UPDATE SET request = excluded.request, holder = excluded.holder,
        leased_until = excluded.leased_until, answer = NULL,
        seed = CASE WHEN kept.expires_at <= now() THEN excluded.seed ELSE kept.seed END,
        expires_at = CASE WHEN kept.expires_at <= now() THEN excluded.expires_at ELSE kept.expires_at END
    WHERE kept.expires_at <= now()
        OR (kept.answer IS NULL AND kept.leased_until <= now() AND kept.request = excluded.request)
    RETURNING holder, seed
"""

ERASED = "SELECT FROM ops.erasures WHERE account_id = %s"

FOUND = "SELECT request = %s, answer FROM ops.idempotency WHERE digest = %s"

RENEW = """
    UPDATE ops.idempotency SET leased_until = now() + make_interval(secs => %s)
    WHERE digest = %s AND holder = %s AND answer IS NULL
"""

KEEP = "UPDATE ops.idempotency SET answer = %s WHERE digest = %s AND holder = %s AND answer IS NULL"

RELEASE = "UPDATE ops.idempotency SET leased_until = now() WHERE digest = %s AND holder = %s AND answer IS NULL"


class PostgresKeptAnswers:
    """Times are the database's."""

    def __init__(self, pool: Pool, vault: Vault, blind_index: BlindIndex) -> None:
        self._pool = pool
        self._vault = vault
        self._blind_index = blind_index

    async def begin(
        self, account_id: UUID, *, method: str, path: str, key: str, request: bytes, lease_seconds: float
    ) -> Attempt | Answer:
        digest = self._blind_index.of("idempotency-key", f"{account_id} {method} {path} {key}")
        asked = self._blind_index.of("idempotency-request", hashlib.sha256(request).hexdigest())
        values = {"digest": digest, "account": account_id, "request": asked, "lease": lease_seconds, "kept": KEPT_HOURS}
        for _ in range(ROUNDS_MAX):
            async with connected(self._pool) as connection:
                begun = await (await connection.execute(BEGIN, values)).fetchone()
                if begun is not None:
                    return Attempt(account_id=account_id, digest=digest, holder=begun[0], seed=begun[1])
                found = await (await connection.execute(FOUND, (asked, digest))).fetchone()
                erased = await (await connection.execute(ERASED, (account_id,))).fetchone()
            if found is not None:
                return await self._earlier(account_id, digest, *found)
            if erased is not None:
                raise NotSignedIn("This session has ended.", "session_ended")
        raise RequestInProgress

    async def _earlier(self, account_id: UUID, digest: bytes, same: bool, sealed: bytes | None) -> Answer:  # noqa: FBT001 - a column of the row
        if not same:
            raise IdempotencyKeyReused
        if sealed is None:
            raise RequestInProgress
        answer = await self.opened(account_id, digest, sealed)
        if answer is None:
            raise IdempotencyKeyReused("The answer that was kept under this key cannot be read any more.")
        return answer

    async def opened(self, account_id: UUID, digest: bytes, sealed: bytes) -> Answer | None:
        cipher = (await self._vault.of_persons([account_id])).get(account_id)
        return msgspec.msgpack.decode(cipher.open(sealed, digest), type=Answer) if cipher else None

    async def renew(self, attempt: Attempt, *, lease_seconds: float) -> None:
        async with connected(self._pool) as connection:
            await connection.execute(RENEW, (lease_seconds, attempt.digest, attempt.holder))

    async def keep(self, attempt: Attempt, answer: Answer) -> None:
        ciphers = await self._vault.of_persons([attempt.account_id], create=True)
        if (cipher := ciphers.get(attempt.account_id)) is None:
            return await self.release(attempt)
        sealed = cipher.seal(msgspec.msgpack.encode(answer), attempt.digest)
        async with connected(self._pool) as connection:
            await connection.execute(KEEP, (sealed, attempt.digest, attempt.holder))
        return None

    async def release(self, attempt: Attempt) -> None:
        async with connected(self._pool) as connection:
            await connection.execute(RELEASE, (attempt.digest, attempt.holder))
