"""The people and the times of the stories that the tests tell."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from domain.shared.money import Money
from domain.shared.plan_terms import PlanTerms

ANNA = UUID("00000000-0000-4000-8000-00000000a22a")
BORIS = UUID("00000000-0000-4000-8000-00000000b011")
ADMIN = UUID("00000000-0000-4000-8000-0000000ad314")

MONDAY = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
NEXT_MONTH = datetime(2027, 4, 1, 12, 0, tzinfo=UTC)

COOKING = PlanTerms(
    plan_id=UUID("00000000-0000-4000-8000-00000000c00c"),
    name="Cooking",
    price=Money(999, "USD"),
    interval="month",
    features=("hd", "sd"),
)


def days(count: float) -> timedelta:
    return timedelta(days=count)


class StoppedClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, moment: datetime = MONDAY) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment
