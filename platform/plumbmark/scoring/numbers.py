"""Finding numbers in text, in the forms that people and models write, and reading them exactly.

Decimal arithmetic throughout: 0.1 is one tenth. The expressions here are ours and never backtrack
far, so reading ten megabytes is linear.
"""

import re
import sys
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Context, Decimal, DivisionByZero, InvalidOperation, Overflow
from functools import lru_cache

MAX_NUMBER_LENGTH = 1000
"""Longer runs of digits are not answers, and arithmetic on them would be slow."""

SEVERAL = "it names more than one number"
"""Why a range, a list or a pair is no number."""

_MAX_EXPONENT = 100_000
_MAX_POWER_DIGITS = 20_000
_CONTEXT = Context(
    prec=2 * MAX_NUMBER_LENGTH, Emax=10**9, Emin=-(10**9), traps=[InvalidOperation, DivisionByZero]
)

CURRENCY = "$€£¥₹₩₽¢"
_MINUS = "\u2212\u2010\u2011\u2012\u2013\ufe63\uff0d"
_THIN = "\u2009"
"""Stands for every space that keeps a number together: narrow ones and those without a break."""

_SPACES = "\u00a0\u202f\u2007\u2008\u2009\u200a\u066c"
_VULGAR = "\u00bc-\u00be\u2150-\u215e"
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-")
# Letters of scripts that put spaces between words: in 答案是5 the digit is no part of a word.
_LETTER = "[A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u0370-\u03ff\u0400-\u04ff]"
_MAGNITUDES = {
    "thousand": 3, "million": 6, "billion": 9, "trillion": 12, "lakh": 5, "crore": 7,
    "mn": 6, "mln": 6, "bn": 9, "tausend": 3, "millionen": 6, "milliarde": 9, "milliarden": 9,
    "mio": 6, "mrd": 9, "milliard": 9, "mil": 3, "millón": 6, "millones": 6, "milhão": 6,
    "milhões": 6, "тысяча": 3, "тысячи": 3, "тысяч": 3, "миллион": 6, "миллиона": 6, "миллионов": 6,
    "миллиард": 9, "миллиарда": 9, "миллиардов": 9, "万": 4, "萬": 4, "亿": 8, "億": 8, "만": 4,
    "억": 8, "k": 3, "m": 6, "b": 9,
}  # fmt: skip
"""Words for powers of ten behind a number, by the exponent."""

_MONEY = "USD|EUR|GBP|CHF|JPY|CNY|RMB|INR|AUD|CAD|RM|RS|Rs|Kc|kr"


@dataclass(frozen=True, slots=True)
class NumberForm:
    """The form of numbers: the decimal sign, the sign between thousands, fractions."""

    decimal: str = "."
    thousands: str = ","
    fractions: bool = True


@dataclass(frozen=True, slots=True)
class FoundNumber:
    """A number in a text, at `start` … `end`. `value` is None where it cannot be read."""

    text: str
    start: int
    end: int
    value: Decimal | None
    is_percent: bool
    problem: str = ""
    magnitude: int = 0
    """The power of ten that a word behind it names: 6 for “1.5 million”, whose value has it."""


class _Unreadable(ValueError):
    """Why a number cannot be read."""


@lru_cache(maxsize=1)
def _plain_characters() -> dict[int, str]:
    """Map foreign digits, minus signs and narrow spaces one to one, so that positions do not
    change.
    """
    table = dict.fromkeys(map(ord, _MINUS), "-")
    table.update(dict.fromkeys(map(ord, _SPACES), _THIN))
    table.update({0xFF0B: "+", 0xFF0C: ",", 0xFF0E: ".", 0xFF05: "%", 0xFF04: "$", 0x2044: "/"})
    table.update({0x2215: "/", 0xFF0F: "/", 0x066A: "%", 0xFF3E: "^", 0x2019: "'"})
    for code in range(0x80, sys.maxunicode + 1):
        character = chr(code)
        if unicodedata.category(character) == "Nd":
            table[code] = str(unicodedata.decimal(character))
    return table


def plain_characters(text: str) -> str:
    """Return `text` with every digit, minus and space in its plain form, of the same length."""
    return text if text.isascii() else text.translate(_plain_characters())


def _whole(form: NumberForm, name: str) -> str:
    """Return the expression of digits without decimals, in groups or in one row.

    The sign between groups is the same throughout, so it needs a group, called `name`.
    """
    always = rf"\{{?\\[,;:]\}}?|\\\ |~|{_THIN}"
    if not form.thousands:
        return rf"""(?:
            [0-9]{{1,3}} (?P<{name}>{always}) [0-9]{{3}} (?:(?P={name})[0-9]{{3}})* (?![0-9])
            | [0-9]+
        )"""
    sign = re.escape(form.thousands)
    between = rf"{always}|(?:\\!)?{sign}(?:\\!)?|\{{{sign}\}}|['_]"
    alone = r"(?<![0-9][.,' ])(?<![0-9])"
    return rf"""(?:
        [0-9]{{1,3}} (?P<{name}>{between}) [0-9]{{3}} (?:(?P={name})[0-9]{{3}})* (?![0-9])
        # 12 500 is one number, 100 200 may be two
        | {alone} (?: [1-9][0-9]? | [1-9][0-9]{{2}} (?=\ 0) ) (?:\ [0-9]{{3}}){{1,6}}
          (?! [0-9] | \ [0-9] | \ ?/ )
        | [0-9]{{1,2}} (?:{sign}[0-9]{{2}}){{1,6}} {sign}[0-9]{{3}} (?![0-9])     # 12,34,567
        | [0-9]+
    )"""


def _other_form(form: NumberForm) -> str:
    """Return the expression of numbers whose signs show that they are written the other way, as
    0,5 and 1.234,5 and 1.234.567 are where the decimal sign is a point.
    """
    if not form.thousands:
        return "(?!)"
    sign = re.escape(form.decimal)
    other = r"\." if form.decimal == "," else ","
    return rf"""(?: (?<![(\[0-9.,]) 0 {other}[0-9]+ (?![.,][0-9])
        | (?<![(\[0-9.,]) [1-9][0-9]{{0,8}} {other} (?: [0-9]{{1,2}} | [0-9]{{4,20}} )
          (?![0-9]|[.,][0-9])
        | [1-9][0-9]{{0,2}} (?:
        (?:{sign}[0-9]{{3}}){{1,8}} {other}[0-9]{{1,2}} (?![0-9]|[.,][0-9])
        | (?:[\ '{_THIN}][0-9]{{3}}){{1,8}} {other}[0-9]{{1,2}} (?![0-9]|[.,][0-9])
        | (?:{sign}[0-9]{{3}}){{2,8}} (?![0-9]|[.,][0-9])
    ))"""


def _several_numbers(row: str) -> str:
    """Return the expression of more than one number: 3 to 5, 4 or 6, between 3 and 5, a pair.

    Two numbers with a dash, `low` and `high`, are a range only where they ascend.
    """
    one = rf"(?:\\?[{re.escape(CURRENCY)}])? {row}"
    return rf"""(?P<several>
          (?<![\w.,/]) (?<!from\ ) (?<!From\ ) {one}
          (?: \ ?%? \ (?:to|bis|до)\  | (?:\ ?%|\ [a-z]{{1,12}})? \ (?:or|oder|ou|или)\  )
          {one} (?! \w*[/^] )
        | \b[Bb]etween\ {one} \ ?%? \ and\  {one}
        | (?<![\w.]) [(\[] [-+]? {row} ,\ ? [-+]? {row} [)\]]
        | (?<![\w.:]) [0-9]{{1,9}}:[0-9]{{1,9}} (?![\w:])
        | (?<![\w.,]) [0-9]{{1,9}} \ (?:(?:out\ of|in)\ every|out\ of)\ {row}
        | (?<![\w.]) [0-9]{{1,3}} ['′] \ ? [0-9]{{1,2}} (?:"|″|'')
        )
        | (?<![\w.,/^*)\]}}-]) (?P<low> [0-9]{{1,9}} (?:\.[0-9]{{1,9}})? )
          - (?P<high> [0-9]{{1,9}} (?:\.[0-9]{{1,9}})? )
          (?! [\w^*/] | [.,]?[0-9] | -\ ?[0-9] | \ ?[=+*/×] )"""


def _magnitude_words() -> str:
    """Return the expression of words for powers of ten; of K, M and B only behind money."""
    spaced = "|".join(one for one in _MAGNITUDES if len(one) > 1)
    joined = "".join(one for one in _MAGNITUDES if len(one) == 1 and not one.isascii())
    return rf"""(?:
        [\ {_THIN}]? (?i: {spaced} )s? (?!{_LETTER}) | [\ ]?[{joined}]
        | k (?![A-Za-z0-9]) | (?(money) [KMB] (?![A-Za-z0-9]) )
    )"""


@lru_cache(maxsize=64)
def _expression(form: NumberForm) -> re.Pattern[str]:
    decimal = re.escape(form.decimal)
    point = rf"(?:{decimal}|\{{{decimal}\}})"
    exponent = r"(?:[eE][+-]?[0-9]+)?"
    # What is repeated without being taken is bounded, or a long row would be gone through from
    # each of its places.
    row = rf"[0-9]++(?:[.,][0-9]++){{0,4}}+{exponent}"
    number = rf"""(?:
        (?: {_other_form(form)} | {_whole(form, "between")} (?:{point}[0-9]+)?
          | (?<![0-9]) (?<!{_LETTER}) {decimal}[0-9]+ )
        {exponent}
    )"""
    # In a date or a path, as in 3/4/2024, nothing is a fraction.
    fraction = rf"""(?(slash)|(?:
        (?: (?P<mixed_above> \ [0-9]{{1,3}} ) (?=/[0-9]) )?
        \ ?/\ ? (?P<below> {_whole(form, "below_between")} ) (?!{decimal}?[0-9]|/)
    )?)"""
    braces = r"\{ (?: [^{}] | \{[^{}]{0,100}\} ){0,100} \}"
    raised = r"""(?:
        (?: \ ?\^\ ? | \*\* | \ \*\*\  )
        (?: [-+]?[0-9]+ | \{\ ?[-+]?[0-9]+\ ?\} | \(\ ?[-+]?[0-9]+\ ?\) ) (?! \*\* | \^ )
        | <sup>[-+]?[0-9]+</sup> | [⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+
    )"""
    unknown_exponent = rf"""(?:
        (?! \{{? (?: \\(?:circ|degree|prime|text|mathrm) | (?:st|nd|rd|th)\b ) )
        (?: {_LETTER}+ | \\[a-z]+
          | (?= [{{(]\ ?[-+]? (?: {_LETTER} | \\ | [0-9.]++[^0-9.)}}\ ] ) )
            (?: {braces} | \([^()]{{0,100}}\) ) )
    )"""
    times = r"(?: × | \* | · | ⋅ | ∙ | [xX] | \\times | \\cdot )"
    currency = re.escape(CURRENCY)
    return re.compile(
        rf"""
        # A digit that belongs to a word, to a unit or to a sign: H2O, Q3, GPT-4, cm^2, x_1, ± 2.
        (?P<skipped>
          (?<!\\) (?<!{_LETTER}) (?! [xX][0-9] | (?:{_MONEY})[0-9] )
          {_LETTER}++ -? [0-9]+ (?:[.,][0-9]+)* (?:{_LETTER}|[0-9])*
        | \^ \ ? [{{(]? \ ? [-+]? {row}
        | <su(?:p|b)> [^<>]{{0,20}} </su(?:p|b)>
        | (?<=[A-Za-z0-9)\]}}]) _ \{{? [0-9]+
        | (?<=[A-Za-z)]) \*\* [0-9]++ (?! [.,%]? \*\* )
        | (?: ± | \\pm(?![a-z]) ) [\ {{]{{0,3}} [{currency}]? {row}
        )
        # A number that no decimal says: 2√3, 4π, 2^n; digits to another base.
        | (?P<unreadable>
          (?<![\w.]) 0[xXbBoO][0-9A-Fa-f]++ (?!\w)
        |
          [-+]? (?:{row}\ ?)?
          (?: \\sqrt (?:\[[^\]]{{0,20}}\])? (?: {braces} | \ ?[0-9]+ ) | √\ ?\(?{row}\)? )
        | [-+]? {row} \ ? (?: \\pi(?![a-z]) | π )
        | (?<!{_LETTER}) (?: log|ln|lg|sin|cos|tan|exp ) [\ {{(]{{1,3}} {row}
        | [-+]? {row} \ ? \^ \ ? {unknown_exponent}
        | \( [-+]? {row} \) \ ? {raised}
        )
        | {_several_numbers(row)}
        | (?P<slash> (?<=/) )?
        (?P<sign> (?<![\w)\]}}%{currency}]) [-+]     # 10-5 and 10 - 5 are no minus five
          | (?<![\w)%]\ ) \b (?:[Mm]inus|[Nn]egative)\  )?
        (?P<percent_before> (?<![0-9\ ]) % (?=[0-9]) )?
        (?P<money> \\?[{currency}] [\ {_THIN}]? (?P<inner> [-+] )? )?
        (?:
          (?P<latex_whole> [0-9]+\ ? )?
          \\ [dtc]?frac \ ?(?P<latex_above> {braces} | [0-9] )
          \ ?(?P<latex_below> {braces} | [0-9] )
        | (?P<vulgar_whole> [0-9]+\ ? )? (?P<vulgar> [{_VULGAR}] )
        | (?P<above> {number} )
          (?: (?P<raised> {raised} )
            | [\ {_THIN}]? {times} [\ {_THIN}]? 10 (?P<scale> {raised} )
            | {fraction if form.fractions else ""} )
        )
        (?P<magnitude> {_magnitude_words()} )?
        (?P<percent> [\ {_THIN}]? (?: \\?% | (?:percent|per\ cent)\b ) )?
        """,
        re.VERBOSE,
    )


def numbers_in(text: str, form: NumberForm) -> Iterator[FoundNumber]:
    """Yield all numbers of a text, from the left."""
    plain = plain_characters(text)
    for match in _expression(form).finditer(plain):
        if match["skipped"] is None:
            if _is_difference(match):
                yield _part_of(text, match, "low")
            yield _read_match(text, match, form)


def last_number_in(text: str, form: NumberForm) -> FoundNumber | None:
    """Return the last number of a text; reads only its value."""
    plain = plain_characters(text)
    last = None
    for match in _expression(form).finditer(plain):
        if match["skipped"] is None:
            last = match
    return None if last is None else _read_match(text, last, form)


def _is_difference(match: re.Match[str]) -> bool:
    """Return whether 10-5 and not 5-10 was found: a difference, and no range."""
    return match["low"] is not None and Decimal(match["low"]) >= Decimal(match["high"])


def _part_of(text: str, match: re.Match[str], name: str) -> FoundNumber:
    start, end = match.span(name)
    return FoundNumber(text[start:end], start, end, Decimal(match[name]), False)


def _read_match(text: str, match: re.Match[str], form: NumberForm) -> FoundNumber:
    if _is_difference(match):
        return _part_of(text, match, "high")
    start, end = match.span()
    is_percent = match["percent"] is not None or match["percent_before"] is not None
    if end - start > MAX_NUMBER_LENGTH:
        problem = f"it has {end - start:,} characters, and {MAX_NUMBER_LENGTH:,} are read"
        return FoundNumber(text[start : start + 40] + "…", start, end, None, is_percent, problem)
    source_text = text[start:end].strip()
    try:
        value = _value(match, form)
    except _Unreadable as error:
        return FoundNumber(source_text, start, end, None, is_percent, str(error))
    magnitude = _magnitude(match["magnitude"])
    if magnitude:
        value = _CONTEXT.scaleb(value, magnitude)
    return FoundNumber(source_text, start, end, value, is_percent, magnitude=magnitude)


def _magnitude(word: str | None) -> int:
    name = (word or "").strip(f" {_THIN}").lower()
    return 0 if not name else _MAGNITUDES.get(name) or _MAGNITUDES[name.removesuffix("s")]


def _value(match: re.Match[str], form: NumberForm) -> Decimal:
    if match["unreadable"] is not None:
        raise _Unreadable("it is no plain number")
    if match["several"] is not None or match["low"] is not None:
        raise _Unreadable(SEVERAL)
    sign = (match["sign"] or "").strip() or match["inner"] or ""
    if match["above"] is None:
        value = _written_fraction(match, form)
    else:
        value = _decimal(match["above"], form)
        if match["raised"] is not None:
            value = _power(value, _exponent(match["raised"]))
        elif match["scale"] is not None:
            value = _CONTEXT.multiply(value, _power(Decimal(10), _exponent(match["scale"])))
        elif form.fractions and match["below"] is not None:
            below = _decimal(match["below"], form)
            above = match["mixed_above"]
            if above is None:
                value = _divide(value, below)
            else:
                value = _add_fraction(value, Decimal(above.strip()), below)
    return -value if sign.lower() in {"-", "minus", "negative"} else value


def _written_fraction(match: re.Match[str], form: NumberForm) -> Decimal:
    r"""Return the value of ½, 1½, \frac{1}{2} or 1\frac{1}{2}."""
    if not form.fractions:
        raise _Unreadable("it is a fraction, and fractions are not read")
    if match["vulgar"] is not None:
        whole = match["vulgar_whole"]
        above, _, below = unicodedata.normalize("NFKC", match["vulgar"]).partition("\u2044")
        parts = Decimal(above), Decimal(below)
    else:
        whole = match["latex_whole"]
        parts = _part(match["latex_above"], form), _part(match["latex_below"], form)
    return _divide(*parts) if whole is None else _add_fraction(Decimal(whole.strip()), *parts)


def _part(braced: str, form: NumberForm) -> Decimal:
    """Return the number above or below the line, which stands in braces or is one digit."""
    text = braced.strip("{} ")
    found = list(numbers_in(text, form))
    if len(found) != 1 or found[0].text != text or found[0].value is None:
        raise _Unreadable("it is no plain number")
    return found[0].value


def _add_fraction(whole: Decimal, above: Decimal, below: Decimal) -> Decimal:
    if not 0 < above < below or whole != whole.to_integral_value():
        raise _Unreadable("it can be read in more than one way")
    return _CONTEXT.add(whole, _divide(above, below))


def _divide(above: Decimal, below: Decimal) -> Decimal:
    if not below:
        raise _Unreadable("it divides by zero")
    return _CONTEXT.divide(above, below)


def _exponent(raised: str) -> int:
    return _bounded_exponent(raised.translate(_RAISED).strip("^*{}()<>/sup "))


def _bounded_exponent(digits: str) -> int:
    if len(digits) > 8 or abs(int(digits)) > _MAX_EXPONENT:
        raise _Unreadable("its exponent is out of reach")
    return int(digits)


def _power(base: Decimal, exponent: int) -> Decimal:
    if base == 10:
        return Decimal(1).scaleb(exponent, _CONTEXT)
    digits = max(len(base.as_tuple().digits), abs(base.adjusted()) + 1)
    if digits * abs(exponent) > _MAX_POWER_DIGITS:
        raise _Unreadable("its exponent is out of reach")
    if not base and exponent <= 0:
        raise _Unreadable("it divides by zero")
    return _CONTEXT.power(base, exponent)


@lru_cache(maxsize=64)
def _written_the_other_way(form: NumberForm) -> re.Pattern[str]:
    return re.compile(_other_form(form), re.VERBOSE)


def _decimal(digits: str, form: NumberForm) -> Decimal:
    mantissa, _, exponent = digits.lower().partition("e")
    thousands, decimal = form.thousands, form.decimal
    if _written_the_other_way(form).fullmatch(mantissa):
        thousands, decimal = decimal, "." if decimal == "," else ","
    mantissa = mantissa.replace(thousands, "") if thousands else mantissa
    mantissa = "".join(one for one in mantissa.replace(decimal, ".") if one in "0123456789.")
    if exponent:
        mantissa = f"{mantissa}e{_bounded_exponent(exponent)}"
    return _CONTEXT.create_decimal(mantissa)


def distance(one: Decimal, other: Decimal) -> Decimal:
    """Return |one − other|, exact for all numbers of ordinary size."""
    try:
        return _CONTEXT.subtract(one, other).copy_abs()
    except Overflow:
        return Decimal("Infinity")


def product(one: Decimal, other: Decimal) -> Decimal:
    return _CONTEXT.multiply(one, other)


def format_number(value: Decimal) -> str:
    """Format a number for an explanation, without trailing zeros and with bounded length."""
    short = Context(prec=20).create_decimal(value).normalize()
    exponent = short.adjusted()
    return f"{short:f}" if -10 <= exponent <= 25 else str(short)
