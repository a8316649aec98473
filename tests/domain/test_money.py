"""Money: whole minor units, told as people write it."""

import msgspec
import pytest

from domain.shared.money import MINOR_UNITS_MAX, Money


@pytest.mark.parametrize(
    ("money", "told"),
    [
        (Money(999, "USD"), "9.99 USD"),
        (Money(5, "EUR"), "0.05 EUR"),
        (Money(0, "USD"), "0.00 USD"),
        (Money(100_000, "EUR"), "1000.00 EUR"),
        (Money(999, "JPY"), "999 JPY"),
        (Money(9_900, "KRW"), "9900 KRW"),
        (Money(2_500, "KWD"), "2.500 KWD"),
        (Money(50, "BHD"), "0.050 BHD"),
    ],
)
def test_it_is_told_with_as_many_places_as_its_currency_has(money: Money, told: str) -> None:
    assert str(money) == told


@pytest.mark.parametrize(
    "refused",
    [
        b'{"amount": -1, "currency": "USD"}',
        b'{"amount": 9.99, "currency": "USD"}',
        b'{"amount": "999", "currency": "USD"}',
        b'{"amount": 1000000000001, "currency": "USD"}',
        b'{"amount": 999, "currency": "usd"}',
        b'{"amount": 999, "currency": "EURO"}',
        b'{"amount": 999, "currency": "USD\\n"}',
        b'{"amount": 999, "currency": "USD", "cents": true}',
    ],
)
def test_what_is_no_amount_is_not_read(refused: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(refused, type=Money)


@pytest.mark.parametrize("amount", [0, MINOR_UNITS_MAX])
def test_the_least_and_the_greatest_amount_are_read(amount: int) -> None:
    encoded = msgspec.json.encode(Money(amount, "USD"))

    assert msgspec.json.decode(encoded, type=Money) == Money(amount, "USD")
