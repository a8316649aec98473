"""How the policies stand, by the rows of `ledger.policies` and the facts that wait, through the pool."""

from collections.abc import Sequence

from adapters.postgres.errors import connected
from adapters.postgres.gathering import Gathering
from adapters.postgres.pool import Pool
from application.policies.policy import Policy
from application.ports.policies import PolicyStatus

# Kind by kind, each by its part of the index: what lies in between of other kinds is not read.
STATUSES = """
    SELECT wanted.name, coalesce(known.position, 0), sum(waiting.facts)::bigint, known.trouble
    FROM unnest(%s::text[], %s::text[]) AS wanted (name, topic)
    LEFT JOIN ledger.policies AS known ON known.name = wanted.name
    CROSS JOIN LATERAL (
        SELECT count(*) AS facts FROM (
            SELECT FROM ledger.events
            WHERE topic = wanted.topic AND notification_id > coalesce(known.position, 0) LIMIT 10000
        ) AS counted
    ) AS waiting
    GROUP BY wanted.name, known.position, known.trouble ORDER BY wanted.name
"""


class PostgresPolicyStates:
    """Asked as often as one likes, by health checks and scrapes too: one look at a time serves all who ask."""

    def __init__(self, pool: Pool, policies: Sequence[Policy]) -> None:
        self._pool = pool
        self._wanted = [(policy.name, topic) for policy in policies for topic in policy.topics]
        self._looks: Gathering[None, Sequence[PolicyStatus]] = Gathering(self._look, rounds=1)

    async def statuses(self) -> Sequence[PolicyStatus]:
        return await self._looks.ask(None)

    async def _look(self, askers: Sequence[None]) -> list[Sequence[PolicyStatus]]:
        names, topics = [name for name, _ in self._wanted], [topic for _, topic in self._wanted]
        async with connected(self._pool) as connection:
            rows = await (await connection.execute(STATUSES, (names, topics))).fetchall()
        statuses = [_status(*row) for row in rows]
        return [statuses] * len(askers)


def _status(name: str, position: int, lag: int, trouble: str | None) -> PolicyStatus:
    return PolicyStatus(name=name, position=position, lag=lag, state="degraded" if trouble else "live", trouble=trouble)
