"""Money in whole minor units; no floats anywhere."""

from typing import Annotated

import msgspec

MINOR_UNITS_MAX = 10**12

# How many minor units make a major one is 100 for the others: https://www.iso.org/iso-4217-currency-codes.html
WITHOUT_CENTS = frozenset(
    {"BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"}
)
IN_THOUSANDTHS = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})


class Money(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An amount in minor units of an ISO 4217 currency: 999 USD is 9.99 dollars, 999 JPY is 999 yen."""

    amount: Annotated[int, msgspec.Meta(ge=0, le=MINOR_UNITS_MAX, examples=[999])]
    # The length too, since `$` lets a line break pass.
    currency: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$", max_length=3, examples=["USD"])]

    def __str__(self) -> str:
        if self.currency in WITHOUT_CENTS:
            return f"{self.amount} {self.currency}"
        if self.currency in IN_THOUSANDTHS:
            return f"{self.amount // 1000}.{self.amount % 1000:03d} {self.currency}"
        return f"{self.amount // 100}.{self.amount % 100:02d} {self.currency}"
