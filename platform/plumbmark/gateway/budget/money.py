"""Amounts as people read them. One dollar is 10⁹ nanodollars."""

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

NANO = 10**9


def dollars(amount: int) -> str:
    """Format an amount as `0.50 USD`, with as many places as show two digits, at most nine."""
    value = Decimal(amount) / NANO
    places = 2
    if amount and abs(value) < 1:
        places = max(2, min(9, 1 - value.adjusted()))
    rounded = value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
    return f"{rounded:,f} USD"


def nanodollars(text: str) -> int:
    """Parse a decimal number of dollars into nanodollars; raise ValueError if it is not one."""
    try:
        value = Decimal(text.strip())
    except InvalidOperation as error:
        raise ValueError(f"{text!r} is no amount in dollars, for example 2.50") from error
    if not value.is_finite():
        raise ValueError(f"{text!r} is no amount in dollars, for example 2.50")
    return int((value * NANO).to_integral_value(rounding=ROUND_HALF_UP))


def plain_dollars(amount: int) -> str:
    """Format an amount as a plain number that `nanodollars` parses: `0.5`, `12`."""
    return f"{(Decimal(amount) / NANO).normalize():f}"
