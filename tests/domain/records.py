"""Facts as the ledger would have stamped them, and the standing that follows from them."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

from msgspec.structs import replace

from domain.access.standing import Standing, follow
from domain.account.account import AccountDisabled, AccountEnabled, AccountRegistered
from domain.shared.fact import UNRECORDED, AccountFact, Fact
from tests.people import ANNA, MONDAY

F = TypeVar("F", bound=Fact)

registered = AccountRegistered(account_id=ANNA, email=None, name=None, role="viewer")
disabled = AccountDisabled(account_id=ANNA, reason="chargebacks")
enabled = AccountEnabled(account_id=ANNA, reason="settled")


def at(moment: datetime, fact: F) -> F:
    """The fact, recorded at that moment."""
    return replace(fact, recorded_at=moment)


def recorded(*facts: F) -> list[F]:
    """The facts in their places from 1 on; one that was given no moment was recorded on MONDAY."""
    return [
        replace(fact, position=position, recorded_at=MONDAY if fact.recorded_at == UNRECORDED else fact.recorded_at)
        for position, fact in enumerate(facts, start=1)
    ]


def followed(facts: Sequence[AccountFact]) -> Standing | None:
    """The standing after facts that have been recorded."""
    standing: Standing | None = None
    for fact in facts:
        standing = follow(standing, fact)
    return standing


def standing_after(*facts: AccountFact) -> Standing:
    """Anna's standing: she registers, then this happens."""
    standing = followed(recorded(registered, *facts))
    assert standing is not None, "she has registered"
    return standing
