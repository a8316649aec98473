"""What happens to a subscription that sells two months and a year, and what playback and the ledger say then."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from domain.subscription.facts import ItemRestored, ItemRevoked
from tests.lives.life import Life
from tests.lives.troubles import deliver_some, settle

MONTH = timedelta(days=31)
PLANS = ("Basic", "Premium", "Yearly")
FIRST, RENEWAL = 12_997, 2_998
"""What the invoices ask for: of all three, and of the two months."""
ALL_PLAYED = {"sd": "played", "hd": "played"}


async def subscribe(life: Life, *plans: str) -> None:
    made = await life.stripe.do("customers", email="anna@example.com")
    assert made is not None
    path = f"/v1/admin/accounts/{life.account_id}/customers/stripe"
    bound = await life.town.api.put(path, json={"customer_id": made["id"]}, headers=await life.town.as_admin())
    bound.raise_for_status()
    items = {f"items[{place}][price]": life.town.prices[plan] for place, plan in enumerate(plans)}
    assert await life.stripe.do("subscriptions", customer=made["id"], **items)
    await hear(life)


async def a_month_later(life: Life) -> None:
    await life.move_on(life.now + MONTH)
    await hear(life)


def prices(life: Life) -> list[str]:
    return [life.town.prices[plan] for plan in PLANS]


async def hear(life: Life) -> None:
    """All that Stripe has to tell, in an order of chance."""
    await deliver_some(life, share=1.0)
    await settle(life)


async def hear_while_stripe_is_down(life: Life) -> None:
    """All that Stripe had to tell, of which nothing can be asked."""
    await deliver_some(life, share=1.0)
    await life.stripe.control("PUT", "faults", faults=[{"kind": "error", "requests": None, "should_retry": False}])
    try:
        await settle(life)
    finally:
        await life.stripe.control("PUT", "faults", faults=[])


async def charge(life: Life, amount: int) -> dict[str, Any]:
    """The last one that was paid, of so many minor units."""
    charged = [one for one in await life.stripe.all("charges") if one["amount"] == amount]
    return charged[-1]


async def refund(life: Life, amount: int, part: int | None = None) -> dict[str, Any]:
    intent = (await charge(life, amount))["payment_intent"]
    given = await life.stripe.do("refunds", payment_intent=intent, **({"amount": str(part)} if part else {}))
    assert given is not None
    await hear(life)
    return given


async def lose(life: Life, amount: int) -> None:
    """A dispute of so much."""
    disputed = await life.stripe.control("POST", "disputes", charge=(await charge(life, amount))["id"])
    assert disputed is not None
    assert await life.stripe.control("POST", f"disputes/{disputed['id']}", outcome="lose")
    await hear(life)


async def have_cards(life: Life, outcome: str) -> None:
    assert await life.stripe.control("PUT", f"customers/{await life.customer()}/card", outcome=outcome)


async def amend(life: Life, **form: str) -> None:
    """The only subscription."""
    [mine] = await life.subscriptions()
    assert await life.stripe.do(f"subscriptions/{mine['id']}", **form)
    await hear(life)


async def take_out(life: Life, *plans: str) -> None:
    """For nothing, as what follows; nothing is heard of it yet."""
    [mine] = await life.subscriptions()
    items = {item["price"]["id"]: item["id"] for item in mine["items"]["data"]}
    form = {"proration_behavior": "none"}
    for place, plan in enumerate(plans):
        form |= {f"items[{place}][id]": items[life.town.prices[plan]], f"items[{place}][deleted]": "true"}
    assert await life.stripe.do(f"subscriptions/{mine['id']}", **form)


async def put_in(life: Life, plan: str) -> None:
    [mine] = await life.subscriptions()
    form = {"proration_behavior": "none", "items[0][price]": life.town.prices[plan]}
    assert await life.stripe.do(f"subscriptions/{mine['id']}", **form)


async def played(life: Life, videos: dict[str, UUID]) -> dict[str, str]:
    """What playback answers, by the feature that is required: why not, if so."""
    answers = {}
    for feature, video_id in videos.items():
        answer = await life.town.api.post(f"/v1/videos/{video_id}/playback", headers=life.headers)
        answers[feature] = "played" if answer.is_success else str(answer.json()["access"]["reason"])
    return answers


async def told(life: Life) -> list[tuple[str, str]]:
    """What was recorded of single items, by their plans."""
    facts = [entry.fact for entry in await life.town.house.audit.history.of_account(life.account_id)]
    return [(fact.tag(), fact.plan.name) for fact in facts if isinstance(fact, ItemRevoked | ItemRestored)]


async def recorded(life: Life) -> list[str]:
    return [entry.fact.tag() for entry in await life.town.house.audit.history.of_account(life.account_id)]


def of(what: str, *plans: str) -> list[tuple[str, str]]:
    return [(f"subscription.item_{what}", plan) for plan in plans]
