"""Amounts as people read them: minor units with the currency's own number of decimals."""

# https://docs.stripe.com/currencies: the currencies whose smallest unit is not a hundredth.
WHOLE = {"bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"}
THOUSANDTHS = {"bhd", "jod", "kwd", "omr", "tnd"}
SIGNS = {"eur": "€", "gbp": "£", "inr": "₹", "jpy": "¥", "usd": "$"}


def displayed(amount: int, currency: str) -> str:
    """`$9.99` for (999, "usd"), `¥1,200` for (1200, "jpy"), `CHF 5.00` for (500, "chf")."""
    digits = 0 if currency in WHOLE else 3 if currency in THOUSANDTHS else 2
    major, minor = divmod(amount, 10**digits)
    number = f"{major:,}" + (f".{minor:0{digits}}" if digits else "")
    sign = SIGNS.get(currency)
    return f"{sign}{number}" if sign else f"{currency.upper()} {number}"


def every(recurring: dict[str, str | int] | None) -> str:
    """` per month`, ` every 3 months`, or nothing for what is paid once."""
    if recurring is None:
        return ""
    interval, count = recurring["interval"], recurring["interval_count"]
    return f" per {interval}" if count == 1 else f" every {count} {interval}s"
