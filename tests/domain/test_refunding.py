"""Giving money back: what may be asked for, and what each outcome leaves."""

from uuid import UUID

from domain.payment.payment import Payment, PaymentFact, PaymentRefunded, PaymentSucceeded, RefundFailed
from domain.payment.refunding import (
    PaymentNotRefundable,
    RefundCurrencyDiffers,
    RefundExceedsPayment,
    accept_refund,
    refuse_refund,
    request_refund,
)
from domain.payment.refunds import RefundAccepted, RefundRefused, RefundRequested
from domain.shared.money import Money
from tests.people import ANNA, MONDAY
from tests.scenario import folded, given

PAYMENT = UUID(int=9)

success = PaymentSucceeded(
    payment_id=PAYMENT,
    account_id=ANNA,
    provider="stripe",
    provider_reference="in_1",
    subscription_reference="sub_anna",
    amount=Money(999, "USD"),
    paid_at=MONDAY,
    receipt_url=None,
)


def asked(amount: int, key: str = "refund-1") -> RefundRequested:
    return RefundRequested(
        payment_id=PAYMENT,
        account_id=ANNA,
        provider="stripe",
        provider_reference="in_1",
        subscription_reference="sub_anna",
        amount=Money(amount, "USD"),
        reason="No sound",
        idempotency_key=key,
    )


def accepted(amount: int, key: str = "refund-1", reference: str = "re_1") -> RefundAccepted:
    money = Money(amount, "USD")
    return RefundAccepted(
        payment_id=PAYMENT, account_id=ANNA, amount=money, idempotency_key=key, refund_reference=reference
    )


def refused(amount: int) -> RefundRefused:
    money = Money(amount, "USD")
    return RefundRefused(
        payment_id=PAYMENT, account_id=ANNA, amount=money, idempotency_key="refund-1", reason="disputed"
    )


def seen(kind: type[PaymentRefunded | RefundFailed], amount: int, reference: str = "re_1") -> PaymentFact:
    return kind(
        payment_id=PAYMENT,
        account_id=ANNA,
        provider="stripe",
        provider_reference="in_1",
        subscription_reference="sub_anna",
        refund_reference=reference,
        amount=Money(amount, "USD"),
        kept=Money(0, "USD"),
    )


class Refunding:
    """A wish for a refund, under a key."""

    def __init__(self, amount: int | Money | None = None, key: str = "refund-1") -> None:
        self._amount, self._key = amount, key

    def __call__(self, payment: Payment) -> list[PaymentFact]:
        return request_refund(payment, amount=self._amount, reason="No sound", idempotency_key=self._key)


def test_all_that_is_left_or_as_much_as_is_named() -> None:
    given(Payment, success).when(Refunding()).then(asked(999))
    given(Payment, success).when(Refunding(999)).then(asked(999))
    given(Payment, success).when(Refunding(Money(400, "USD"))).then(asked(400))


def test_never_more() -> None:
    refusal = given(Payment, success).when(Refunding(1000)).then_refused(RefundExceedsPayment)
    assert refusal.more["refundable"] == Money(999, "USD")
    given(Payment, success).when(Refunding(0)).then_refused(RefundExceedsPayment)
    given(Payment, success).when(Refunding(Money(400, "EUR"))).then_refused(RefundCurrencyDiffers)


def test_what_was_asked_for_is_spoken_for_before_anybody_knows_what_comes_of_it() -> None:
    given(Payment, success, asked(400)).when(Refunding(600, "refund-2")).then_refused(RefundExceedsPayment)
    given(Payment, success, asked(400)).when(Refunding(key="refund-2")).then(asked(599, "refund-2"))
    given(Payment, success, asked(400)).when(Refunding(400)).then_nothing()


def test_it_is_counted_once_on_its_way() -> None:
    for past in (
        (asked(400), accepted(400)),
        (asked(400), accepted(400), seen(PaymentRefunded, 400)),
        (asked(400), seen(PaymentRefunded, 400), accepted(400)),
        (seen(PaymentRefunded, 400),),
    ):
        given(Payment, success, *past).when(Refunding(key="refund-2")).then(asked(599, "refund-2"))


def test_what_came_to_nothing_can_be_refunded_again() -> None:
    for past in (
        (asked(999), refused(999)),
        (asked(999), accepted(999), seen(PaymentRefunded, 999), seen(RefundFailed, 999)),
        (asked(999), accepted(999), seen(RefundFailed, 999)),
    ):
        given(Payment, success, *past).when(Refunding(key="refund-2")).then(asked(999, "refund-2"))


def test_what_is_not_paid_cannot_be_given_back() -> None:
    unpaid = Payment(id=PAYMENT, account_id=ANNA)

    try:
        Refunding()(unpaid)
    except PaymentNotRefundable:
        return
    raise AssertionError("it was not paid")


def test_each_outcome_is_told_once() -> None:
    wish = asked(400)

    given(Payment, success, wish).when(lambda it: accept_refund(it, wish, refund_reference="re_1")).then(accepted(400))
    given(Payment, success, wish).when(lambda it: refuse_refund(it, wish, reason="disputed")).then(refused(400))
    for over in (accepted(400), refused(400)):
        payment = folded(Payment, success, wish, over)
        assert accept_refund(payment, wish, refund_reference="re_1") == []
        assert refuse_refund(payment, wish, reason="disputed") == []
