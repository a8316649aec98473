"""The payments: what each came to, whatever became of it afterwards."""

from uuid import UUID

import pytest
from msgspec.structs import replace

from application.projections.payments import Billed, payments
from domain.payment.payment import DisputeChanged, PaymentFailed, PaymentRefunded, PaymentSucceeded, RefundFailed
from domain.payment.truth import DisputeStage
from domain.shared.fact import Fact
from domain.shared.money import Money
from tests.application.projections.stories import rows_of
from tests.domain.records import at
from tests.people import ANNA, BORIS, MONDAY, days

MARCH, APRIL = UUID(int=3), UUID(int=4)
TUESDAY = MONDAY + days(1)
PRICE = Money(999, "USD")

paid = PaymentSucceeded(
    account_id=ANNA,
    payment_id=MARCH,
    provider="stripe",
    provider_reference="in_march",
    subscription_reference="sub_anna",
    amount=PRICE,
    paid_at=MONDAY,
    receipt_url="https://pay.example/in_march",
)
failed = PaymentFailed(
    account_id=ANNA,
    payment_id=MARCH,
    provider="stripe",
    provider_reference="in_march",
    subscription_reference="sub_anna",
    amount=PRICE,
    attempt=1,
    next_attempt_at=TUESDAY,
)


def refund(amount: int, kept: int, *, reference: str = "re_1") -> PaymentRefunded:
    return PaymentRefunded(
        account_id=ANNA,
        payment_id=MARCH,
        provider="stripe",
        provider_reference="in_march",
        subscription_reference="sub_anna",
        refund_reference=reference,
        amount=Money(amount, "USD"),
        kept=Money(kept, "USD"),
    )


def came_back(amount: int, kept: int, *, reference: str = "re_1") -> RefundFailed:
    return RefundFailed(
        account_id=ANNA,
        payment_id=MARCH,
        provider="stripe",
        provider_reference="in_march",
        subscription_reference="sub_anna",
        refund_reference=reference,
        amount=Money(amount, "USD"),
        kept=Money(kept, "USD"),
    )


def dispute(after: DisputeStage, before: DisputeStage | None = None, *, reference: str = "dp_1") -> DisputeChanged:
    return DisputeChanged(
        account_id=ANNA,
        payment_id=MARCH,
        provider="stripe",
        provider_reference="in_march",
        subscription_reference="sub_anna",
        dispute_reference=reference,
        amount=PRICE,
        before=before,
        after=after,
        reason="fraudulent",
        opened_at=TUESDAY,
    )


def march_after(*facts: Fact) -> Billed:
    return rows_of(payments, Billed, *facts)[MARCH]


def test_what_was_paid_is_shown_with_its_receipt() -> None:
    row = march_after(paid)

    assert (row.account_id, row.provider, row.provider_reference) == (ANNA, "stripe", "in_march")
    assert (row.amount, row.currency, row.kept, row.paid_at) == (999, "USD", 999, MONDAY)
    assert (row.receipt_url, row.refunds, row.first_position) == ("https://pay.example/in_march", (), 1)


STATUSES: dict[str, tuple[str, tuple[Fact, ...]]] = {
    "paid": ("paid", (paid,)),
    "failed": ("failed", (failed,)),
    "failed, then paid": ("paid", (failed, paid)),
    "all of it refunded": ("refunded", (paid, refund(999, 0))),
    "a part refunded": ("partly_refunded", (paid, refund(400, 599))),
    "the rest too": ("refunded", (paid, refund(400, 599), refund(599, 0, reference="re_2"))),
    "a refund that failed": ("paid", (paid, refund(999, 0), came_back(999, 999))),
    "one that failed of two": (
        "partly_refunded",
        (paid, refund(400, 599), refund(599, 0, reference="re_2"), came_back(400, 400)),
    ),
    "one of which it is first heard that it failed": ("paid", (paid, came_back(400, 999))),
    "an inquiry takes no money": ("paid", (paid, dispute("inquiry"))),
    "an open dispute": ("disputed", (paid, dispute("inquiry"), dispute("open", "inquiry"))),
    "a lost one": ("disputed", (paid, dispute("open"), dispute("lost", "open"))),
    "one that was won": ("paid", (paid, dispute("open"), dispute("won", "open"))),
    "won, and another": ("disputed", (paid, dispute("won"), dispute("open", reference="dp_2"))),
    "disputed though refunded": ("disputed", (paid, refund(999, 0), dispute("open"))),
    "won, and a part refunded": ("partly_refunded", (paid, dispute("won"), refund(400, 599))),
    "no more known than that it went back": ("partly_refunded", (refund(400, 599),)),
    "no more known than an inquiry": ("pending", (dispute("inquiry"),)),
    "an inquiry, then heard that it was paid": ("paid", (dispute("inquiry"), paid)),
    "a refund, then heard that it was paid": ("partly_refunded", (refund(400, 599), paid)),
    "all of it back, then heard that it was paid": ("refunded", (refund(999, 0), paid)),
}


@pytest.mark.parametrize(("status", "facts"), STATUSES.values(), ids=STATUSES.keys())
def test_a_payment_is_what_became_of_it(status: str, facts: tuple[Fact, ...]) -> None:
    row = march_after(*facts)

    assert (row.status, row.amount, row.currency) == (status, 999, "USD")


def test_each_refund_is_shown_once_with_what_became_of_it() -> None:
    row = march_after(
        paid,
        at(TUESDAY, refund(400, 599)),
        at(TUESDAY, refund(599, 0, reference="re_2")),
        at(TUESDAY + days(1), came_back(400, 400)),
    )

    assert [(one.reference, one.amount, one.failed, one.at) for one in row.refunds] == [
        ("re_2", 599, False, TUESDAY),
        ("re_1", 400, True, TUESDAY + days(1)),
    ]


def test_a_payment_keeps_its_place_whatever_is_heard_of_it_later() -> None:
    april = replace(paid, payment_id=APRIL, provider_reference="in_april", account_id=BORIS)

    rows = rows_of(payments, Billed, failed, april, paid, refund(999, 0))

    assert {key: row.first_position for key, row in rows.items()} == {MARCH: 1, APRIL: 2}
    assert {key: row.account_id for key, row in rows.items()} == {MARCH: ANNA, APRIL: BORIS}


def test_what_fails_has_not_been_paid() -> None:
    row = march_after(failed)

    assert (row.paid_at, row.receipt_url) == (None, None)


def test_it_was_paid_when_the_provider_says_so() -> None:
    assert march_after(failed, at(TUESDAY + days(2), replace(paid, paid_at=TUESDAY))).paid_at == TUESDAY
