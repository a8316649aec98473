"""A payment: each failed attempt once, the success once, whatever is heard again."""

from uuid import UUID

import msgspec
import pytest
from msgspec.structs import replace

from domain.payment.payment import (
    DisputeChanged,
    Payment,
    PaymentActionRequired,
    PaymentFact,
    PaymentFailed,
    PaymentRefunded,
    PaymentSucceeded,
    PaymentWithdrawn,
    RefundFailed,
)
from domain.payment.truth import DisputeStage, ProviderDispute, ProviderPayment, ProviderRefund
from domain.shared.money import Money
from tests.people import ANNA, MONDAY, days
from tests.scenario import folded, given, nothing_yet

PAYMENT = UUID(int=9)

pending = ProviderPayment(
    provider="stripe",
    reference="in_march",
    subscription_reference="sub_anna",
    amount=Money(999, "USD"),
    status="pending",
    attempts=0,
    paid_at=None,
    next_attempt_at=None,
    receipt_url=None,
)
declined = replace(pending, status="failed", attempts=1, next_attempt_at=MONDAY + days(3))
declined_again = replace(declined, attempts=2, next_attempt_at=None)
paid = replace(pending, status="paid", attempts=1, paid_at=MONDAY, receipt_url="https://pay.example/in_march")

first_failure = PaymentFailed(
    payment_id=PAYMENT,
    account_id=ANNA,
    provider="stripe",
    provider_reference="in_march",
    subscription_reference="sub_anna",
    amount=Money(999, "USD"),
    attempt=1,
    next_attempt_at=MONDAY + days(3),
)
second_failure = replace(first_failure, attempt=2, next_attempt_at=None)
success = PaymentSucceeded(
    payment_id=PAYMENT,
    account_id=ANNA,
    provider="stripe",
    provider_reference="in_march",
    subscription_reference="sub_anna",
    amount=Money(999, "USD"),
    paid_at=MONDAY,
    receipt_url="https://pay.example/in_march",
)


class Observing:
    """The decision, for a truth and a moment."""

    def __init__(self, truth: ProviderPayment) -> None:
        self.truth = truth

    def __call__(self, payment: Payment | None) -> list[PaymentFact]:
        return Payment.observe(payment, self.truth, payment_id=PAYMENT, account_id=ANNA, now=MONDAY + days(1))


def test_what_is_only_pending_is_no_news() -> None:
    nothing_yet().when(Observing(pending)).then_nothing()


def test_the_money_came() -> None:
    nothing_yet().when(Observing(paid)).then(success)


def test_without_a_time_of_payment_it_was_paid_when_it_was_seen() -> None:
    nothing_yet().when(Observing(replace(paid, paid_at=None))).then(replace(success, paid_at=MONDAY + days(1)))


def test_an_attempt_failed_and_the_next_one_is_known() -> None:
    nothing_yet().when(Observing(declined)).then(first_failure)


def test_the_next_attempt_failed_too() -> None:
    given(Payment, first_failure).when(Observing(declined_again)).then(second_failure)


def test_of_attempts_that_were_missed_the_last_one_is_told() -> None:
    nothing_yet().when(Observing(declined_again)).then(second_failure)


def test_after_a_failure_the_money_came() -> None:
    given(Payment, first_failure, second_failure).when(Observing(paid)).then(success)


@pytest.mark.parametrize(
    ("past", "again"),
    [
        ((first_failure,), declined),
        ((first_failure, second_failure), declined_again),
        ((first_failure, second_failure), declined),
        ((success,), paid),
        ((first_failure, success), paid),
        ((success,), pending),
    ],
)
def test_what_is_known_is_not_told_again(past: tuple[PaymentFact, ...], again: ProviderPayment) -> None:
    given(Payment, *past).when(Observing(again)).then_nothing()


waiting = replace(declined, action_required=True, receipt_url="https://pay.example/in_march")
waits = PaymentActionRequired(
    payment_id=PAYMENT,
    account_id=ANNA,
    provider="stripe",
    provider_reference="in_march",
    subscription_reference="sub_anna",
    amount=Money(999, "USD"),
    attempt=1,
    action_url="https://pay.example/in_march",
)


def test_an_attempt_that_waits_for_the_customer_is_told_once() -> None:
    failed = replace(first_failure, action_url="https://pay.example/in_march")

    nothing_yet().when(Observing(waiting)).then(failed, waits)
    given(Payment, failed, waits).when(Observing(waiting)).then_nothing()
    given(Payment, failed).when(Observing(waiting)).then(waits)


def test_the_next_attempt_that_waits_is_told_too() -> None:
    again = replace(waiting, attempts=2)
    past = (first_failure, waits)

    failed = replace(first_failure, attempt=2, action_url="https://pay.example/in_march")

    given(Payment, *past).when(Observing(again)).then(failed, replace(waits, attempt=2))


def test_confirmed_it_is_paid_and_what_was_paid_waits_for_nobody() -> None:
    given(Payment, first_failure, waits).when(Observing(paid)).then(success)
    given(Payment, first_failure, waits, success).when(
        Observing(replace(paid, attempts=2, action_required=True))
    ).then_nothing()


def test_what_only_waits_is_withdrawn_when_it_is_not_asked_for_any_more() -> None:
    not_tried = replace(pending, action_required=True)
    [told] = Observing(not_tried)(None)
    assert isinstance(told, PaymentActionRequired)

    given(Payment, told).when(Observing(not_tried)).then_nothing()
    [withdrawn] = Observing(pending)(folded(Payment, told))
    assert isinstance(withdrawn, PaymentWithdrawn)


def test_a_payment_remembers_whose_it_is() -> None:
    payment = folded(Payment, first_failure, success)

    assert (payment.id, payment.account_id, payment.paid, payment.failed_attempts) == (PAYMENT, ANNA, True, 1)


# What goes back.


def refund(amount: int, reference: str = "re_1", *, failed: bool = False) -> ProviderRefund:
    return ProviderRefund(reference=reference, amount=Money(amount, "USD"), failed=failed)


def refunded(amount: int, kept: int, reference: str = "re_1") -> PaymentRefunded:
    return PaymentRefunded(
        payment_id=PAYMENT,
        account_id=ANNA,
        provider="stripe",
        provider_reference="in_march",
        subscription_reference="sub_anna",
        refund_reference=reference,
        amount=Money(amount, "USD"),
        kept=Money(kept, "USD"),
    )


def refund_failed(amount: int, kept: int) -> RefundFailed:
    return msgspec.convert(msgspec.structs.asdict(refunded(amount, kept)), RefundFailed)


def dispute(stage: DisputeStage) -> ProviderDispute:
    return ProviderDispute(
        reference="dp_1", amount=Money(999, "USD"), stage=stage, reason="fraudulent", opened_at=MONDAY
    )


def disputed(before: DisputeStage | None, after: DisputeStage) -> DisputeChanged:
    return DisputeChanged(
        payment_id=PAYMENT,
        account_id=ANNA,
        provider="stripe",
        provider_reference="in_march",
        subscription_reference="sub_anna",
        dispute_reference="dp_1",
        amount=Money(999, "USD"),
        before=before,
        after=after,
        reason="fraudulent",
        opened_at=MONDAY,
    )


def test_paid_and_refunded_before_anybody_looked_both_are_told() -> None:
    nothing_yet().when(Observing(replace(paid, refunds=(refund(999),)))).then(success, refunded(999, kept=0))


def test_each_refund_is_told_once_with_what_is_left() -> None:
    two = replace(paid, refunds=(refund(400), refund(100, "re_2")))

    given(Payment, success).when(Observing(replace(paid, refunds=(refund(400),)))).then(refunded(400, kept=599))
    given(Payment, success, refunded(400, kept=599)).when(Observing(two)).then(
        refunded(100, kept=499, reference="re_2")
    )
    given(Payment, success, refunded(400, kept=599), refunded(100, 499, "re_2")).when(Observing(two)).then_nothing()


def test_a_refund_that_fails_is_paid_again() -> None:
    failed = replace(paid, refunds=(refund(999, failed=True),))

    given(Payment, success, refunded(999, kept=0)).when(Observing(failed)).then(refund_failed(999, kept=999))
    given(Payment, success, refunded(999, kept=0), refund_failed(999, kept=999)).when(Observing(failed)).then_nothing()
    assert (failed.kept, replace(paid, refunds=(refund(999),)).kept) == (999, 0)


def test_a_dispute_is_told_at_each_of_its_stages() -> None:
    asked = disputed(None, "inquiry")

    given(Payment, success).when(Observing(replace(paid, disputes=(dispute("inquiry"),)))).then(asked)
    given(Payment, success, asked).when(Observing(replace(paid, disputes=(dispute("inquiry"),)))).then_nothing()
    given(Payment, success, asked).when(Observing(replace(paid, disputes=(dispute("open"),)))).then(
        disputed("inquiry", "open")
    )
    given(Payment, success, asked, disputed("inquiry", "open")).when(
        Observing(replace(paid, disputes=(dispute("lost"),)))
    ).then(disputed("open", "lost"))
