"""What an operator gives away in a life: credit, and what is owed."""

from collections.abc import Mapping

from tests.lives.life import Life, Move
from tests.lives.selling import PRORATIONS

DAY = 86_400


async def give_credit(life: Life) -> str | None:
    """Invoices are paid from it first, with no money where it is enough."""
    if (customer := await life.customer()) is None:
        return None
    credit = life.rng.choice((300, 999, 1999, 9999))
    given = await life.stripe.do(f"customers/{customer}", balance=str(-credit))
    return f"the operator gave a credit of {credit}: {'done' if given else 'refused'}"


async def give_time(life: Life) -> str | None:
    """A trial, to somebody who has paid or owes."""
    if (one := await life.one("active", "past_due", "trialing")) is None:
        return None
    until = int(life.now.timestamp()) + life.rng.choice((5, 40, 90)) * DAY
    form = {"trial_end": str(until), "proration_behavior": life.rng.choice(PRORATIONS)}
    given = await life.stripe.do(f"subscriptions/{one['id']}", **form)
    return f"the operator gave time to {one['id']} {form}: {'done' if given else 'refused'}"


async def void_what_is_owed(life: Life) -> str | None:
    if not (owed := await life.stripe.all("invoices", status="open")):
        return None
    invoice = life.rng.choice(owed)
    void = await life.stripe.do(f"invoices/{invoice['id']}/void")
    return f"the operator made {invoice['id']} void: {'done' if void else 'refused'}"


GIFTS: Mapping[Move, int] = {
    give_credit: 4,
    give_time: 3,
    void_what_is_owed: 9,
}
"""How often each is drawn, beside the others."""
