"""The one checkout to an account that may be open, by its claim in Postgres."""

from uuid import UUID

from adapters.postgres.errors import connected
from adapters.postgres.pool import Pool
from application.ports.ledger import Insert, UpdateIf
from application.ports.secrets import BlindIndex

KIND = "checkout"
CURRENT = "SELECT owner FROM ops.claims WHERE kind = %s AND blind_index = %s"


class PostgresCheckoutTurns:
    """The unique constraint of the claims decides, not what was read."""

    def __init__(self, pool: Pool, blind_index: BlindIndex) -> None:
        self._pool = pool
        self._blind_index = blind_index

    async def current(self, account_id: UUID) -> UUID | None:
        async with connected(self._pool) as connection:
            row = await (await connection.execute(CURRENT, (KIND, self._index(account_id)))).fetchone()
        return row[0] if row else None

    def take(self, account_id: UUID, checkout_id: UUID, *, after: UUID | None) -> Insert | UpdateIf:
        where = {"kind": KIND, "blind_index": self._index(account_id)}
        if after is None:
            return Insert("claims", {**where, "owner": checkout_id})
        return UpdateIf("claims", where={**where, "owner": after}, values={"owner": checkout_id})

    def _index(self, account_id: UUID) -> bytes:
        return self._blind_index.of(KIND, str(account_id))
