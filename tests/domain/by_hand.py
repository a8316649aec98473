"""What support does by hand for Anna and against her."""

from datetime import datetime
from uuid import UUID

from domain.account.by_hand import AccessGranted, BlockLifted, BlockPlaced, GrantWithdrawn
from tests.people import ANNA, MONDAY, days

FRIDAY = MONDAY + days(4)
GRANT, OTHER_GRANT = UUID(int=101), UUID(int=102)
BLOCK, OTHER_BLOCK = UUID(int=201), UUID(int=202)


def granted(until: datetime = FRIDAY, *features: str, id: UUID = GRANT) -> AccessGranted:
    return AccessGranted(account_id=ANNA, grant_id=id, until=until, features=features, reason="the outage")


def withdrawn(id: UUID = GRANT, *, before: datetime = FRIDAY) -> GrantWithdrawn:
    return GrantWithdrawn(account_id=ANNA, grant_id=id, before_until=before)


def blocked(until: datetime | None = None, *, id: UUID = BLOCK) -> BlockPlaced:
    return BlockPlaced(account_id=ANNA, block_id=id, until=until, reason="chargebacks")


def lifted(id: UUID = BLOCK, *, before: datetime | None = None) -> BlockLifted:
    return BlockLifted(account_id=ANNA, block_id=id, before_until=before)
