"""The calculator: arithmetic on exact numbers, within bounds of size and therefore of time.

Whole numbers and decimals are exact as long as the operations are; roots, logarithms and the like
give floating-point numbers. Python's grammar is used for reading alone: every node is looked at,
and nothing is evaluated by Python.
"""

import ast
import math
import re
from collections.abc import Callable, Mapping
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any, Literal

from pydantic import Field

from plumbmark.engine.tools.base import Tool, ToolContext, ToolDescription, ToolResult

Number = Fraction | float

MAX_EXPRESSION = 500
_ZERO = Fraction(0)
_MAX_BITS = 12_000
"""Of a numerator or denominator: some 3,600 digits, which Python still writes out."""
_MAX_EXPONENT = 10_000
_MAX_FACTORIAL = 1000
_DIGITS = 17
_MAX_EXACT = 60
_SIGNS = str.maketrans({"×": "*", "·": "*", "÷": "/", "−": "-", "–": "-"})
_LITERAL = re.compile(r"[0-9_]*\.?[0-9_]*(?:[eE]([-+]?[0-9_]+))?")

DESCRIPTION = (
    "Evaluates an arithmetic expression and returns the number. Operators: + - * / // % ** and "
    "parentheses. Functions: sqrt, exp, log (natural, or log(x, base)), log2, log10, sin, cos, "
    "tan, asin, acos, atan (radians), abs, round, floor, ceil, min, max, factorial. Constants: "
    "pi, e."
)
PARAMETERS: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "expression": {"type": "string", "description": "For example: (12.5 + 3) * 2 ** 10"}
    },
    "required": ["expression"],
    "additionalProperties": False,
}


class CannotCalculate(ValueError):
    """Why, in words for whoever wrote the expression."""


class Calculator(Tool):
    """Arithmetic, exact for decimals and fractions, within bounds."""

    type: Literal["calculator"]
    description: ToolDescription = Field(default_factory=lambda: DESCRIPTION)

    @property
    def parameters(self) -> Mapping[str, Any]:
        return PARAMETERS

    async def answer(self, arguments: Mapping[str, Any], situation: ToolContext) -> ToolResult:
        try:
            return ToolResult(format_number(calculate(arguments["expression"])))
        except CannotCalculate as error:
            return ToolResult(f"The expression cannot be calculated: {error}.", is_error=True)


def calculate(expression: str) -> Number:
    """Evaluate an expression; raise `CannotCalculate` with the reason if it is invalid."""
    if len(expression) > MAX_EXPRESSION:
        raise CannotCalculate(f"it has more than {MAX_EXPRESSION} characters")
    # One line of ASCII, so that a node's columns are its place in the text.
    text = " ".join(expression.split()).translate(_SIGNS).replace("^", "**")
    if not text:
        raise CannotCalculate("it is empty")
    if not text.isascii():
        strange = next(one for one in text if not one.isascii())
        raise CannotCalculate(f"it has the character {strange!r}")
    try:
        tree = ast.parse(text, mode="eval")
        return _check_size(_value(tree.body, text))
    except SyntaxError as error:
        place = f" at character {error.offset}" if error.offset else ""
        raise CannotCalculate(f"it is no expression{place}: {error.msg}") from None
    except ZeroDivisionError:
        raise CannotCalculate("division by zero") from None
    except (OverflowError, MemoryError):
        raise CannotCalculate("a number grows too large") from None
    except RecursionError:
        raise CannotCalculate("it is nested too deeply") from None
    except CannotCalculate:
        raise
    except ValueError as error:
        # What `math` says of a number outside of a function's domain; or a null character.
        raise CannotCalculate(str(error)) from None


def format_number(number: Number) -> str:
    """Format a number for the model: exactly if that is short, otherwise with 17 digits."""
    if isinstance(number, float):
        return str(int(number)) if number.is_integer() and abs(number) < 2**53 else repr(number)
    if number.denominator == 1:
        return str(number.numerator)
    rest = number.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    with localcontext() as context:
        context.prec = _MAX_EXACT if rest == 1 else _DIGITS
        quotient = Decimal(number.numerator) / Decimal(number.denominator)
        if rest == 1 and Fraction(quotient) != number:
            context.prec = _DIGITS
            quotient = +quotient
        return str(quotient)


def _value(node: ast.expr, text: str) -> Number:
    match node:
        case ast.Constant():
            return _literal(node, text)
        case ast.UnaryOp(ast.USub(), operand):
            return -_value(operand, text)
        case ast.UnaryOp(ast.UAdd(), operand):
            return _value(operand, text)
        case ast.BinOp(left, operator, right):
            operation = _OPERATIONS.get(type(operator))
            if operation is None:
                raise CannotCalculate("it has an operator other than + - * / // % **")
            return _check_size(operation(_value(left, text), _value(right, text)))
        case ast.Name(name):
            if name in _CONSTANTS:
                return _CONSTANTS[name]
            known = ", ".join(_CONSTANTS)
            raise CannotCalculate(f"there is no constant {name[:40]!r}; there are {known}")
        case ast.Call(ast.Name(name), values, []):
            if name not in _FUNCTIONS:
                known = ", ".join(_FUNCTIONS)
                raise CannotCalculate(f"there is no function {name[:40]!r}; there are {known}")
            function, least, most = _FUNCTIONS[name]
            if not least <= len(values) <= most:
                raise CannotCalculate(f"{name} takes {_range(least, most)}")
            return _check_size(function(*(_value(value, text) for value in values)))
    raise CannotCalculate("only numbers, operators, parentheses, functions and constants are taken")


def _range(least: int, most: int) -> str:
    if most >= MAX_EXPRESSION:
        return "one or more numbers"
    if least == most:
        return "one number" if most == 1 else f"{most} numbers"
    return f"{least} or {most} numbers"


def _literal(node: ast.Constant, text: str) -> Number:
    source = text[node.col_offset : node.end_col_offset]
    found = _LITERAL.fullmatch(source)
    if isinstance(node.value, bool) or not isinstance(node.value, int | float) or found is None:
        raise CannotCalculate(f"{source[:40]!r} is no number")
    if found[1] and abs(int(found[1])) > _MAX_EXPONENT:
        raise CannotCalculate("a number grows too large")
    return _check_size(Fraction(source))


def _check_size(number: Number) -> Number:
    if isinstance(number, float):
        if not math.isfinite(number):
            raise CannotCalculate("a number grows too large")
        return number
    if max(abs(number.numerator).bit_length(), number.denominator.bit_length()) > _MAX_BITS:
        raise CannotCalculate("a number grows too large")
    return number


def _power(base: Number, exponent: Number) -> Number:
    if isinstance(base, float) or isinstance(exponent, float) or exponent.denominator != 1:
        try:
            return math.pow(base, exponent)
        except ValueError:
            raise CannotCalculate("there is no such power") from None
    whole = exponent.numerator
    if abs(base) != 1 and base != 0:
        bits = max(abs(base.numerator).bit_length(), base.denominator.bit_length())
        if abs(whole) > _MAX_EXPONENT or (bits - 1) * abs(whole) > _MAX_BITS:
            raise CannotCalculate("a number grows too large")
    elif abs(whole) > _MAX_EXPONENT:
        whole %= 2  # 0, 1 and -1 to a large power
        whole += 2 * (exponent > 0) - 2 * (exponent < 0)
    return Fraction(base**whole)


def _divide(left: Number, right: Number) -> Number:
    return left / right


_OPERATIONS: Mapping[type[ast.operator], Callable[[Any, Any], Number]] = {
    ast.Add: lambda left, right: left + right,
    ast.Sub: lambda left, right: left - right,
    ast.Mult: lambda left, right: left * right,
    ast.Div: _divide,
    ast.FloorDiv: lambda left, right: _exact(left // right),
    ast.Mod: lambda left, right: _exact(left % right),
    ast.Pow: _power,
}
_CONSTANTS: Mapping[str, Number] = {"pi": math.pi, "e": math.e}


def _exact(number: int | Fraction | float) -> Number:
    return Fraction(number) if isinstance(number, int) else number


def _root(number: Number) -> Number:
    if isinstance(number, Fraction) and number >= 0:
        top, bottom = math.isqrt(number.numerator), math.isqrt(number.denominator)
        if top**2 == number.numerator and bottom**2 == number.denominator:
            return Fraction(top, bottom)
    if number < 0:
        raise CannotCalculate("a negative number has no square root")
    return math.sqrt(number)


def _logarithm(number: Number, base: Number | None = None) -> float:
    if number <= 0 or (base is not None and (base <= 0 or base == 1)):
        raise CannotCalculate("there is no such logarithm")
    found = _natural(number)
    return found if base is None else found / _natural(base)


def _natural(number: Number) -> float:
    if isinstance(number, float):
        return math.log(number)
    # Numbers too large for floating point have logarithms all the same.
    return math.log(number.numerator) - math.log(number.denominator)


def _log_of(base: int, exactly: Callable[[int], float]) -> Callable[[Number], Number]:
    def found(number: Number) -> Number:
        if isinstance(number, Fraction) and number.denominator == 1 and number > 0:
            return exactly(number.numerator)
        return _logarithm(number, Fraction(base))

    return found


def _factorial(number: Number) -> Fraction:
    if number != int(number) or number < 0:
        raise CannotCalculate("factorial takes a whole number that is not negative")
    if number > _MAX_FACTORIAL:
        raise CannotCalculate(f"factorial goes up to {_MAX_FACTORIAL}")
    return Fraction(math.factorial(int(number)))


def _round(number: Number, digits: Number = _ZERO) -> Number:
    if digits != int(digits) or not -100 <= digits <= 100:
        raise CannotCalculate("round takes a whole number of digits, at most 100")
    places = int(digits)
    if not places:
        return Fraction(round(number))
    if isinstance(number, float):
        return round(number, places)
    return Fraction(round(number, places))


def _real(function: Callable[[float], float]) -> Callable[[Number], float]:
    return lambda number: function(float(number))


_MANY = MAX_EXPRESSION
_FUNCTIONS: Mapping[str, tuple[Callable[..., Number], int, int]] = {
    "sqrt": (_root, 1, 1),
    "exp": (_real(math.exp), 1, 1),
    "log": (_logarithm, 1, 2),
    "ln": (_logarithm, 1, 1),
    "log2": (_log_of(2, math.log2), 1, 1),
    "log10": (_log_of(10, math.log10), 1, 1),
    "sin": (_real(math.sin), 1, 1),
    "cos": (_real(math.cos), 1, 1),
    "tan": (_real(math.tan), 1, 1),
    "asin": (_real(math.asin), 1, 1),
    "acos": (_real(math.acos), 1, 1),
    "atan": (_real(math.atan), 1, 1),
    "abs": (abs, 1, 1),
    "round": (_round, 1, 2),
    "floor": (lambda number: Fraction(math.floor(number)), 1, 1),
    "ceil": (lambda number: Fraction(math.ceil(number)), 1, 1),
    "min": (lambda *numbers: min(numbers), 1, _MANY),
    "max": (lambda *numbers: max(numbers), 1, _MANY),
    "factorial": (_factorial, 1, 1),
}
