"""What a change inside a period costs: what was paid for and is not used comes back, what is new counts for the rest.

By the second, as Stripe does, rounded to the minor unit.
"""

from collections.abc import Sequence

from adapters.sandbox.stripe.books.identifiers import new_id
from adapters.sandbox.stripe.books.moment import Moment
from adapters.sandbox.stripe.shapes import StripeObject, invoices


def lines(moment: Moment, before: Sequence[StripeObject], after: Sequence[StripeObject]) -> list[StripeObject]:
    """A credit for each item that is gone or other than it was, and a charge for each that is new or other."""
    gone = [item for item in before if not _among(item, after)]
    new = [item for item in after if not _among(item, before)]
    return [_line(moment, item, credit=True) for item in gone] + [_line(moment, item, credit=False) for item in new]


def credits(moment: Moment, items: Sequence[StripeObject]) -> list[StripeObject]:
    """What is left of the current periods of `items`, given back."""
    return [_line(moment, item, credit=True) for item in items]


def _among(item: StripeObject, items: Sequence[StripeObject]) -> bool:
    """Whether the same item costs the same there."""
    return any(_cost(item) == _cost(other) for other in items)


def _cost(item: StripeObject) -> tuple[str, str, int]:
    return item["id"], item["price"]["id"], item["quantity"]


def _line(moment: Moment, item: StripeObject, *, credit: bool) -> StripeObject:
    start, end = item["current_period_start"], item["current_period_end"]
    left = max(0, end - moment.at) / (end - start)
    amount = round(item["price"]["unit_amount"] * item["quantity"] * left)
    product = moment.need("product", item["price"]["product"])["name"]
    return invoices.line(
        new_id("il"),
        item=item,
        amount=-amount if credit else amount,
        description=f"{'Unused' if credit else 'Remaining'} time on {item['quantity']} x {product}",
        period=(moment.at, end),
        proration=True,
    )
