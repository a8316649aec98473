"""Amounts as people read them: minor units with the currency's own number of decimals."""

import re

# https://docs.stripe.com/currencies: the currencies whose smallest unit is not a hundredth.
WHOLE = {"bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"}
THOUSANDTHS = {"bhd", "jod", "kwd", "omr", "tnd"}
# https://docs.stripe.com/currencies#presentment-currencies
CURRENCY = re.compile(
    "usd|aed|afn|all|amd|ang|aoa|ars|aud|awg|azn|bam|bbd|bdt|bgn|bhd|bif|bmd|bnd|bob|brl|bsd|"
    "bwp|byn|bzd|cad|cdf|chf|clp|cny|cop|crc|cve|czk|djf|dkk|dop|dzd|egp|etb|eur|fjd|fkp|gbp|"
    "gel|gip|gmd|gnf|gtq|gyd|hkd|hnl|hrk|htg|huf|idr|ils|inr|isk|jmd|jod|jpy|kes|kgs|khr|kmf|"
    "krw|kwd|kyd|kzt|lak|lbp|lkr|lrd|lsl|mad|mdl|mga|mkd|mmk|mnt|mop|mur|mvr|mwk|mxn|myr|mzn|"
    "nad|ngn|nio|nok|npr|nzd|omr|pab|pen|pgk|php|pkr|pln|pyg|qar|ron|rsd|rub|rwf|sar|sbd|scr|"
    "sek|sgd|shp|sle|sos|srd|std|szl|thb|tjs|tnd|top|try|ttd|twd|tzs|uah|ugx|uyu|uzs|vnd|vuv|"
    "wst|xaf|xcd|xcg|xof|xpf|yer|zar|zmw"
)
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
