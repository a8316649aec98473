"""The billing portal as HTML."""

from collections.abc import Sequence
from html import escape

from adapters.sandbox.stripe.money import displayed, every
from adapters.sandbox.stripe.page import day, document
from adapters.sandbox.stripe.shapes import StripeObject


def portal(subscriptions: Sequence[StripeObject], owed: Sequence[StripeObject], *, back: str | None) -> str:
    """What a customer has and owes, with a button for each thing that can be done about it."""
    rows = "".join(_subscription(one) for one in subscriptions) or "<p>You have no subscription.</p>"
    body = f"""
    <h1>Your subscriptions</h1>
    {rows}
    {"".join(_invoice(one) for one in owed)}
    {f'<p><a href="{escape(back)}">Return</a></p>' if back else ""}
    <p><small>A simulated portal: no money moves, and no card is asked for.</small></p>"""
    return document("Billing", body)


def _subscription(subscription: StripeObject) -> str:
    [item, *_] = subscription["items"]["data"]
    price = item["price"]
    amount = displayed(price["unit_amount"] * item["quantity"], price["currency"]) + every(price["recurring"])
    ends = subscription["cancel_at"]
    if ends is None:
        until, button = "", _button("cancel", subscription["id"], "Cancel")
    else:
        until, button = f", until {day(ends)}", _button("resume", subscription["id"], "Do not cancel")
    return f"<p>{amount}: {escape(subscription['status'])}{until}</p>{button}"


def _invoice(invoice: StripeObject) -> str:
    due = displayed(invoice["amount_due"], invoice["currency"])
    text = f"<p>Invoice {escape(invoice['number'])} of {day(invoice['created'])} is not paid.</p>"
    return text + _button("pay", invoice["id"], f"Pay {due}")


def _button(action: str, id: str, label: str) -> str:
    return (
        f'<form method="post"><input type="hidden" name="id" value="{escape(id)}">'
        f'<button name="action" value="{action}">{label}</button></form>'
    )
