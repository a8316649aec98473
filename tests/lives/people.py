"""What subscribers, operators, banks and time do in a life."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from tests.lives.life import Life, Move
from tests.lives.stripe import Stripe
from tests.lives.troubles import deliver_some, settle

STOPS_MAX = 8
DAY = 86_400
OPEN = ("needs_response", "under_review", "warning_needs_response", "warning_under_review")


async def begin(life: Life) -> str | None:
    """Nearly everybody buys with us; some by a link that the operator has sent round."""
    return await (pay_by_a_link(life) if life.rng.random() < 0.1 else buy(life))


async def buy(life: Life) -> str | None:
    """Through our checkout, which has its own reasons to refuse."""
    plan, _ = life.any_price()
    opened = await life.town.api.post("/v1/checkout", json={"plan_id": life.town.plans[plan]}, headers=life.headers)
    if not opened.is_success:
        return f"wanted {plan}, and was refused: {opened.json()['code']}"
    outcome = life.rng.choices(("pay", "decline", "leave"), (10, 2, 1))[0]
    await life.stripe.press(opened.json()["url"], outcome=outcome)
    return f"went to buy {plan}: {outcome}"


async def pays_by_a_link(stripe: Stripe, customer: str, account_id: UUID, price: str) -> None:
    session = await stripe.do(
        "checkout/sessions",
        mode="subscription",
        customer=customer,
        client_reference_id=str(account_id),
        success_url="http://127.0.0.1:1/",
        **{"line_items[0][price]": price, "line_items[0][quantity]": "1"},
    )
    assert session is not None
    await stripe.press(session["url"], outcome="pay")


async def pay_by_a_link(life: Life) -> str | None:
    """Whom Stripe's customer belongs to is said by the checkout alone."""
    if await life.customer() is not None:
        return None
    plan, price = life.any_price()
    customer = await life.stripe.do("customers", email="anna@example.com")
    assert customer is not None
    await pays_by_a_link(life.stripe, customer["id"], life.account_id, price)
    await deliver_some(life, share=1.0)
    await settle(life)
    return f"paid for {plan} by a link"


async def get_another_card(life: Life) -> str | None:
    if (customer := await life.customer()) is None:
        return None
    outcome = life.rng.choices(("ok", "decline", "none"), (5, 5, 1))[0]
    await life.stripe.control("PUT", f"customers/{customer}/card", outcome=outcome)
    return f"the card is {outcome} from now on"


async def set_dunning(life: Life) -> str | None:
    days = sorted(life.rng.sample(range(1, 21), life.rng.randint(0, 4)))
    then = life.rng.choice(("cancel", "unpaid", "past_due", "pause"))
    await life.stripe.control("PUT", "dunning", retry_days=days, then=then)
    return f"dunning tries again after {days} days, then {then}"


async def _amend(life: Life, what: str, *statuses: str, **form: str) -> str | None:
    if (one := await life.one(*statuses)) is None:
        return None
    amended = await life.stripe.do(f"subscriptions/{one['id']}", **form)
    return f"{what} {one['id']}: {amended['status'] if amended else 'refused'}"


async def cancel_now(life: Life) -> str | None:
    if (one := await life.one()) is None:
        return None
    ended = await life.stripe.do(f"subscriptions/{one['id']}", verb="DELETE")
    return f"ended {one['id']}: {'done' if ended else 'refused'}"


async def cancel_at_period_end(life: Life) -> str | None:
    return await _amend(life, "announced the end of", cancel_at_period_end="true")


async def cancel_some_day(life: Life) -> str | None:
    """In flexible billing Stripe's `cancel_at` alone says it."""
    at = int(life.now.timestamp()) + life.rng.randint(1, 50) * DAY + life.rng.randint(0, DAY)
    return await _amend(life, f"announced that it ends at {at}:", cancel_at=str(at))


async def go_on(life: Life) -> str | None:
    return await _amend(life, "withdrew the end of", cancel_at="")


async def cancel_with_us(life: Life) -> str | None:
    body = {"at_period_end": life.rng.random() < 0.7}
    answer = await life.town.api.post("/v1/me/subscription/cancel", json=body, headers=life.headers)
    return f"asked us to cancel {body}: {answer.status_code}"


async def pause_collection(life: Life) -> str | None:
    behavior = life.rng.choice(("void", "keep_as_draft", "mark_uncollectible"))
    form = {"pause_collection[behavior]": behavior}
    if life.rng.random() < 0.5:
        form["pause_collection[resumes_at]"] = str(int(life.now.timestamp()) + life.rng.randint(1, 40) * DAY)
    return await _amend(life, f"paused collection ({behavior}) of", "active", "past_due", "trialing", **form)


async def collect_again(life: Life) -> str | None:
    return await _amend(life, "collects again for", pause_collection="")


async def pause(life: Life) -> str | None:
    if (one := await life.one("active", "past_due", "trialing")) is None:
        return None
    paused = await life.stripe.do(f"subscriptions/{one['id']}/pause")
    return f"paused {one['id']}: {'done' if paused else 'refused'}"


async def resume(life: Life) -> str | None:
    if (one := await life.one("paused")) is None:
        return None
    form = {
        "billing_cycle_anchor": life.rng.choice(("now", "unchanged")),
        "payment_behavior": life.rng.choice(("resume_on_payment_attempt", "resume_on_payment_success")),
    }
    resumed = await life.stripe.do(f"subscriptions/{one['id']}/resume", **form)
    return f"resumed {one['id']} {form}: {resumed and resumed['status']}"


async def pay_what_is_owed(life: Life) -> str | None:
    if not (owed := await life.stripe.all("invoices", status="open")):
        return None
    invoice = life.rng.choice(owed)
    paid = await life.stripe.do(f"invoices/{invoice['id']}/pay")
    return f"paid {invoice['id']}: {'done' if paid else 'refused'}"


async def _paid_charges(life: Life) -> list[dict[str, Any]]:
    return [one for one in await life.stripe.all("charges") if one["paid"] and one["payment_intent"]]


async def refund(life: Life) -> str | None:
    """Mostly of what was paid last, and mostly all that is left of it."""
    if not (charges := await _paid_charges(life)):
        return None
    charge = charges[-1] if life.rng.random() < 0.7 else life.rng.choice(charges)
    left = charge["amount"] - charge["amount_refunded"]
    amount = left if life.rng.random() < 0.6 else life.rng.randint(1, max(1, left))
    given = await life.stripe.do("refunds", payment_intent=charge["payment_intent"], amount=str(amount))
    return f"refunded {amount} of {charge['amount']} of {charge['payment_intent']}: {'done' if given else 'refused'}"


async def fail_refund(life: Life) -> str | None:
    refunds = [one for one in await life.stripe.all("refunds") if one["status"] == "succeeded"]
    if not refunds:
        return None
    failing = life.rng.choice(refunds)
    failed = await life.stripe.control("POST", f"refunds/{failing['id']}/fail", reason="unknown")
    return f"the refund {failing['id']} of {failing['amount']} failed: {'done' if failed else 'refused'}"


async def dispute(life: Life) -> str | None:
    if not (charges := await _paid_charges(life)):
        return None
    charge = charges[-1] if life.rng.random() < 0.7 else life.rng.choice(charges)
    inquiry = life.rng.random() < 0.3
    opened = await life.stripe.control("POST", "disputes", charge=charge["id"], inquiry=inquiry)
    return f"disputed {charge['payment_intent']} (inquiry: {inquiry}): {opened and opened['status']}"


async def decide_a_dispute(life: Life) -> str | None:
    open_ = [one for one in await life.stripe.all("disputes") if one["status"] in OPEN]
    if not open_:
        return None
    one = life.rng.choice(open_)
    outcome = life.rng.choice(("win", "lose", "escalate"))
    decided = await life.stripe.control("POST", f"disputes/{one['id']}", outcome=outcome)
    return f"the bank decided on {one['id']}: {outcome} {decided and decided['status']}"


async def have_money_back_and_lose_it(life: Life) -> str | None:
    """All of the last payment is refunded, which is heard of, and then the refund fails."""
    charges = [one for one in await _paid_charges(life) if not one["amount_refunded"]]
    if not charges:
        return None
    given = await life.stripe.do("refunds", payment_intent=charges[-1]["payment_intent"])
    await deliver_some(life, share=1.0)
    await settle(life)
    failed = given and await life.stripe.control("POST", f"refunds/{given['id']}/fail", reason="unknown")
    return (
        f"all of {charges[-1]['payment_intent']} was refunded, and then that failed: {'done' if failed else 'refused'}"
    )


async def hours_pass(life: Life) -> str | None:
    await life.move_on(life.now + timedelta(minutes=life.rng.randint(1, 40 * 60)))
    return "is the time, hours later"


async def days_pass(life: Life) -> str | None:
    await _step_by_step(life, timedelta(days=life.rng.randint(1, 12)))
    return "is the time, days later"


async def weeks_pass(life: Life) -> str | None:
    await _step_by_step(life, timedelta(days=life.rng.randint(20, 40)))
    return "is the time, weeks later"


async def until_something_happens(life: Life) -> str | None:
    due = await life.next_due()
    if due is None or due > life.now + timedelta(days=400):
        return None
    await life.move_on(max(due, life.now))
    return "is the time, when something fell due"


async def owe_for_two_periods(life: Life) -> str | None:
    """So that there is a first failure and a later one, which gives no new grace."""
    if (customer := await life.customer()) is None or await life.one("active") is None:
        return None
    await life.stripe.control("PUT", f"customers/{customer}/card", outcome="decline")
    await life.stripe.control("PUT", "dunning", retry_days=[], then="past_due")
    owed: list[dict[str, Any]] = []
    for _ in range(STOPS_MAX):
        due = await life.next_due()
        owed = [one for one in await life.stripe.all("invoices", status="open") if one["attempted"]]
        if len(owed) > 1 or due is None or due > life.now + timedelta(days=40):
            break
        await life.move_on(max(due, life.now))
    return f"had no money for the renewals, and owes {len(owed)}"


async def _step_by_step(life: Life, span: timedelta) -> None:
    """What falls due is heard of on the way, or only when all of it is over."""
    until, listens = life.now + span, life.rng.random() < 0.6
    for _ in range(STOPS_MAX):
        due = await life.next_due()
        if not listens or due is None or due > until:
            break
        await life.move_on(max(due, life.now))
        await deliver_some(life, share=0.9)
        await settle(life)
    await life.move_on(until)


DOINGS: Mapping[Move, int] = {
    buy: 2,
    get_another_card: 6,
    set_dunning: 2,
    cancel_now: 1,
    cancel_at_period_end: 2,
    cancel_some_day: 3,
    go_on: 2,
    cancel_with_us: 1,
    pause_collection: 4,
    collect_again: 2,
    pause: 1,
    resume: 3,
    pay_what_is_owed: 2,
    refund: 6,
    fail_refund: 3,
    have_money_back_and_lose_it: 3,
    dispute: 5,
    decide_a_dispute: 7,
    hours_pass: 4,
    days_pass: 5,
    weeks_pass: 5,
    owe_for_two_periods: 2,
    until_something_happens: 4,
}
"""How often each is drawn, beside the others."""
