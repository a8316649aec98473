"""What subscriptions sell in a life: plans, several things at once, and things that no plan of ours is about."""

from collections.abc import Mapping
from typing import Any

from tests.lives.life import Life, Move

LIVE_MAX = 3
ITEMS_MAX = 3
ELSEWHERE = "Mug"
PRORATIONS = ("create_prorations", "always_invoice", "none")


def _any_thing(life: Life) -> str:
    """The name of a plan, or now and then of what else is sold."""
    return ELSEWHERE if life.rng.random() < life.share_elsewhere else life.any_price()[0]


async def _price(life: Life, thing: str) -> str:
    return await life.price_elsewhere() if thing == ELSEWHERE else life.town.prices[thing]


async def subscribe_in_the_dashboard(life: Life) -> str | None:
    if (customer := await life.customer()) is None or len(await life.subscriptions()) >= LIVE_MAX:
        return None
    several = life.rng.random() < 0.4
    things = sorted({_any_thing(life) for _ in range(ITEMS_MAX if several else 1)})
    form: dict[str, Any] = {"customer": customer}
    for index, thing in enumerate(life.rng.sample(things, len(things))):
        form[f"items[{index}][price]"] = await _price(life, thing)
    if life.rng.random() < 0.5:
        form["trial_period_days"] = str(life.rng.choice((3, 7, 30)))
    if life.rng.random() < 0.3:
        form["payment_behavior"] = "default_incomplete"
    made = await life.stripe.do("subscriptions", **form)
    return f"the operator made a subscription to {' and '.join(things)} {sorted(form)}: {made and made['status']}"


def _another_thing(life: Life, subscription: dict[str, Any]) -> str | None:
    """Stripe takes no price twice."""
    thing, sold = _any_thing(life), {item["price"]["id"] for item in subscription["items"]["data"]}
    price = life.elsewhere if thing == ELSEWHERE else life.town.prices[thing]
    return None if price in sold else thing


async def _exchange(life: Life, subscription: dict[str, Any], **items: str) -> str:
    form = {
        **items,
        "proration_behavior": life.rng.choice(PRORATIONS),
        "payment_behavior": life.rng.choice(("allow_incomplete", "pending_if_incomplete", "error_if_incomplete")),
    }
    changed = await life.stripe.do(f"subscriptions/{subscription['id']}", **form)
    told = "refused" if changed is None else "waits for its payment" if changed["pending_update"] else "done"
    return f"({form['proration_behavior']}, {form['payment_behavior']}): {told}"


async def change_plan(life: Life) -> str | None:
    """Of one item, to another plan or to what is none."""
    if (one := await life.one()) is None or (thing := _another_thing(life, one)) is None:
        return None
    item = life.rng.choice(one["items"]["data"])
    items = {"items[0][id]": item["id"], "items[0][price]": await _price(life, thing)}
    return f"changed {one['id']} to {thing} {await _exchange(life, one, **items)}"


async def add_an_item(life: Life) -> str | None:
    if (one := await life.one()) is None or (thing := _another_thing(life, one)) is None:
        return None
    if len(one["items"]["data"]) >= ITEMS_MAX:
        return None
    items = {"items[0][price]": await _price(life, thing)}
    return f"added {thing} to {one['id']} {await _exchange(life, one, **items)}"


async def remove_an_item(life: Life) -> str | None:
    several = [one for one in await life.subscriptions() if len(one["items"]["data"]) > 1]
    if not several:
        return None
    one = life.rng.choice(several)
    item = life.rng.choice(one["items"]["data"])
    items = {"items[0][id]": item["id"], "items[0][deleted]": "true"}
    return f"removed {item['price']['id']} from {one['id']} {await _exchange(life, one, **items)}"


async def want_more_than_the_card_gives(life: Life) -> str | None:
    """A change that counts once it is paid, and for now is not."""
    if (customer := await life.customer()) is None or (one := await life.one("active")) is None:
        return None
    await life.stripe.control("PUT", f"customers/{customer}/card", outcome="decline")
    form = {
        "items[0][id]": one["items"]["data"][0]["id"],
        "items[0][price]": life.town.prices["Premium"],
        "proration_behavior": "always_invoice",
        "payment_behavior": "pending_if_incomplete",
    }
    changed = await life.stripe.do(f"subscriptions/{one['id']}", **form)
    waits = changed is not None and changed["pending_update"] is not None
    return f"wanted Premium for {one['id']} without money: {'it waits for its payment' if waits else 'no'}"


async def make_a_plan_of_what_else_is_sold(life: Life) -> str | None:
    """From then on it gives what the plan says; to whoever has it already, once Stripe is asked about them."""
    if life.elsewhere is None or life.elsewhere in life.sells:
        return None
    await life.make_a_plan_of_elsewhere()
    life.sells_more = True
    return "the operator made a plan of what no plan had been about"


SALES: Mapping[Move, int] = {
    subscribe_in_the_dashboard: 3,
    change_plan: 6,
    add_an_item: 3,
    remove_an_item: 4,
    want_more_than_the_card_gives: 2,
    make_a_plan_of_what_else_is_sold: 9,
}
"""How often each is drawn, beside the others."""
