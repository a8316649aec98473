"""Phone numbers: one spelling of each, and nothing that is none."""

import pytest

from adapters.sms.numbers import LibPhoneNumbers
from application.ports.addresses import NumberInvalid

NUMBERS = LibPhoneNumbers()


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("+48600100200", "+48600100200"),
        (" +48 600 100 200 ", "+48600100200"),
        ("+48 600-100-200", "+48600100200"),
        ("+1 (415) 555-0100", "+14155550100"),
        ("+15555550100", "+15555550100"),
        ("+44 20.7946.0000", "+442079460000"),
        ("+39 06 1234 5678", "+390612345678"),
        ("+88216 1234 5678", "+882161234 5678".replace(" ", "")),
    ],
)
def test_a_number_has_one_spelling(written: str, canonical: str) -> None:
    assert NUMBERS.canonical(written) == canonical
    assert NUMBERS.canonical(canonical) == canonical


@pytest.mark.parametrize(
    "written",
    [
        "",
        "+",
        "600100200",
        "0048600100200",
        "+4860",
        "+486001002001234",
        "+0123456789",
        "+999123456789",
        "+48600100200 ext. 5",
        "+48600100200;phone-context=+1",
        "call +48600100200",
        "tel:+48600100200",
        "+1800FLOWERS",
        "+48600100\x00200",
        "+48\n600100200",
        "+48\u0666\u0660\u0660100200",
        "+48" + "6" * 10_000,
        "anna@example.com",
    ],
)
def test_what_is_no_number_is_refused(written: str) -> None:
    with pytest.raises(NumberInvalid):
        NUMBERS.canonical(written)
