"""What tests can do with an answer that runs in another process; forging is tried in the sandbox's
tests.
"""

import subprocess
import sys

import pytest

from plumbmark.scoring import tested_programs
from plumbmark.scoring.scorers import CodeExecution, ScorerSpecError, build_scorer
from plumbmark.scoring.tested_programs import UnreadableTests


def scorer(program: str) -> CodeExecution:
    built = build_scorer({"type": "code_execution", "program": program, "take": "whole"})
    assert isinstance(built, CodeExecution)
    return built


def run(output: str, program: str, **values: str) -> tuple[bool, str]:
    """Run without a sandbox: the programs are this file's own."""
    done = subprocess.run(
        [sys.executable, "-s", "-c", tested_programs.harness()],
        input=scorer(program).program_input(output, values, token="t0ken"),
        capture_output=True,
        timeout=300,
    )
    printed, errors = done.stdout.decode(), done.stderr.decode()
    return done.returncode == 0 and "t0ken" in printed.split("\n"), printed + errors


DOUBLE = "assert f(2) == 4"
TREE = """\
class Node:
    def __init__(self, value, left=None, right=None):
        self.value, self.left, self.right = value, left, right
"""
ORDINARY = {
    "values of every kind": (
        "def same(*values, **named): return values, named",
        "from collections import *\nfrom decimal import Decimal\nfrom fractions import Fraction\n"
        "import datetime\n"
        "Point = namedtuple('Point', 'x y')\n"
        "for one in (None, True, 3, 2**100, -2**70, 1.5, float('inf'), 1j, 'ä\\ud800', b'a', "
        "bytearray(b'a'), [1, [2]], (1, (2,)), {1}, frozenset({(1, 2)}), {'a': {1: 2}, (1,): 3}, "
        "range(3), deque([1]), Counter('aab'), OrderedDict(a=1), Point(1, 2), Decimal('1.10'), "
        "Fraction(1, 3), datetime.date(2026, 1, 2), datetime.timedelta(days=1, seconds=2)):\n"
        "    (found,), named = same(one, one=one)\n"
        "    assert found == one and type(found) == type(one) or found == Point(1, 2), one\n"
        "    assert named == {'one': one}\n"
        "assert same(float('nan'))[0][0] != 0\n"
        "assert same(Point(1, 2))[0][0].x == 1\n",
    ),
    "a list that contains itself": (
        "def loop():\n    a = [1]\n    a.append(a)\n    return a",
        "a = loop()\nassert a[1] is a and a[0] == 1",
    ),
    "a change in place": (
        "def sort(rows, table):\n    rows.sort()\n    rows[0].append(9)\n"
        "    table['n'] = len(rows)\n    return rows",
        "rows, table = [[3], [1], [2]], {}\nfirst = rows\nfound = sort(rows, table)\n"
        "assert first == [[1, 9], [2], [3]] and table == {'n': 3} and found is rows",
    ),
    "errors": (
        "class Empty(ValueError): pass\n"
        "def check_it(x):\n"
        "    if x == 1: raise KeyError('k')\n"
        "    if x == 2: raise Empty('nothing')\n"
        "    return x",
        "for number, kind in ((1, KeyError), (2, Empty), (2, ValueError)):\n"
        "    try: check_it(number)\n"
        "    except kind as error: assert error.args\n"
        "    else: assert False\n"
        "import unittest\n"
        "class Cases(unittest.TestCase):\n"
        "    def test(self):\n"
        "        with self.assertRaises(Empty): check_it(2)\n"
        "        self.assertEqual(check_it(3), 3)\n"
        "suite = unittest.TestLoader().loadTestsFromTestCase(Cases)\n"
        "found = unittest.TextTestRunner().run(suite)\n"
        "assert found.wasSuccessful() and found.testsRun == 1",
    ),
    "a class": (
        "class Stack:\n"
        "    limit = 3\n"
        "    def __init__(self): self.items = []\n"
        "    def push(self, x):\n        self.items.append(x)\n        return self\n"
        "    def __len__(self): return len(self.items)\n"
        "    def __iter__(self): return iter(self.items)\n"
        "    def __getitem__(self, n): return self.items[n]\n"
        "    def __eq__(self, other): return self.items == other.items\n"
        "    def __repr__(self): return f'Stack({self.items})'\n"
        "    @property\n    def top(self): return self.items[-1]\n"
        "    def __enter__(self): return self\n"
        "    def __exit__(self, *error): self.items.clear()\n",
        "stack = Stack()\n"
        "assert not stack and len(stack) == 0\n"
        "assert stack.push(1).push(2).top == 2\n"
        "assert list(stack) == stack.items == [1, 2] and stack[0] == 1 and stack[-1] == 2\n"
        "assert 2 in stack and 5 not in stack and Stack.limit == 3\n"
        "assert isinstance(stack, Stack) and not isinstance(3, Stack)\n"
        "assert stack == Stack().push(1).push(2) and stack != Stack()\n"
        "assert str(stack) == repr(stack) == 'Stack([1, 2])'\n"
        "stack.limit = 7\n"
        "assert stack.limit == 7 and hasattr(stack, 'push') and not hasattr(stack, 'pull')\n"
        "with stack as same: assert same.top == 2\n"
        "assert len(stack) == 0",
    ),
    "a generator": (
        "def count(n):\n    for i in range(n): yield i",
        "assert list(count(3)) == [0, 1, 2]\nfound = count(2)\nassert next(found) == 0\n"
        "assert sum(count(100)) == 4950\nimport itertools\n"
        "def endless():\n    import itertools\n",
    ),
    "a function of the tests": (
        "def twice(f, x): return f(f(x))\ndef sort(rows, key): return sorted(rows, key=key)",
        "assert twice(lambda x: x + 1, 3) == 5\n"
        "assert sort(['bb', 'a'], len) == sort(['bb', 'a'], key=lambda text: -ord(text[0]))[::-1]\n"
        "def fail(x): raise ZeroDivisionError('no')\n"
        "try: twice(fail, 1)\nexcept ZeroDivisionError: pass\nelse: assert False",
    ),
    "a function that a function returns": (
        "def adder(n): return lambda x: x + n",
        "assert adder(2)(3) == 5",
    ),
    "printed text": (
        "print('loaded')\ndef hello(name): print('Hello', name)",
        "import contextlib, io\ntext = io.StringIO()\n"
        "with contextlib.redirect_stdout(text): hello('Ada')\n"
        "assert text.getvalue() == 'Hello Ada\\n'",
    ),
    "standard input": (
        "def add(): return int(input()) + int(input())",
        "import io, sys\nsys.stdin = io.StringIO('1\\n2\\n3\\n4\\n')\n"
        "assert add() == 3 and add() == 7",
    ),
    "variables": ("answer = 6 * 7\nrows = [1, 2]", "assert answer == 42 and rows == [1, 2]"),
    "a name of the language": ("def sum(a, b): return a - b", "assert sum(3, 1) == 2"),
    "objects of the tests' own class": (
        "def total(node): return node.value + total(node.left) if node else 0\n"
        "def double(node): node.value *= 2",
        TREE + "tree = Node(1, Node(2))\nassert total(tree) == 3\ndouble(tree.left)\n"
        "assert tree.left.value == 4",
    ),
    "a module that the answer imported": (
        "import math\ndef area(r): return math.pi * r * r",
        "assert math.isclose(area(1), math.pi)",
    ),
    "deep nesting": (
        "def deep(n):\n    a = []\n    for _ in range(n): a = [a]\n    return a",
        "a = deep(3000)\nfor _ in range(3000): (a,) = a\nassert a == []",
    ),
}


@pytest.mark.parametrize("name", ORDINARY)
def test_tests_use_an_answer_as_if_it_were_in_their_process(name: str) -> None:
    output, tests = ORDINARY[name]

    passed, said = run(output, "{output}\n\n{tests}\n", tests=tests)

    assert passed, said
    passed, said = run(output, "{output}\n\n{tests}\n", tests=f"{tests}\nassert 1 == 2\n")
    assert not passed
    assert "AssertionError" in said


@pytest.mark.parametrize(
    ("given", "output", "tests", "passes"),
    [
        # What the author wrote before the answer is there for both.
        (
            "import math\nLIMIT = 3\n",
            "def f(x): return math.floor(x) + LIMIT",
            "assert f(1.5) == 4 and math.pi and LIMIT == 3",
            True,
        ),
        (
            TREE,
            "def grow(n): return Node(n, Node(n - 1))",
            "tree = grow(3)\nassert isinstance(tree, Node) and tree.left.value == 2",
            True,
        ),
        ("def f(x):\n    '''Double.'''\n", "    return 2 * x\n", DOUBLE, True),
        ("def f(x):\n", "    return 2 * x\n", DOUBLE, True),
        ("def f(x):\n    y = x + x\n", "    return y\n", DOUBLE, True),
        ("def f(x):\n    pass\n", "def f(x): return 2 * x", DOUBLE, True),
        ("def f(x): return x  # wrong\n", "def f(x): return 2 * x", DOUBLE, True),
        (
            "class A:\n    def f(self): raise NotImplementedError\n",
            "class A:\n    def f(self): return 4",
            "assert A().f() == 4",
            True,
        ),
        (
            "def f(x):\n    pass\ndef main(x): return f(x) + 1\n",
            "def f(x): return 2 * x",
            "assert main(2) == 5",
            True,
        ),
        ("rows = []\n", "rows.append(1)", "assert rows == [1]", True),
        # A complete helper beside what is to be written is the author's.
        (
            "def near(a, b): return abs(a - b) < 1\ndef f(x):\n    pass\n",
            "def near(a, b): return True\ndef f(x): return 0",
            "assert near(f(9), 9)",
            False,
        ),
        (
            "import math\n",
            "class math:\n    fabs = staticmethod(lambda x: 0)\ndef f(x): return 0",
            "assert math.fabs(f(9) - 9) < 1",
            False,
        ),
    ],
)
def test_what_stands_before_the_answer(given: str, output: str, tests: str, passes: bool) -> None:
    passed, said = run(output, "{given}{output}\n\n{tests}\n", given=given, tests=tests)

    assert passed is passes, said


def test_a_line_around_the_answer_belongs_to_it() -> None:
    program = "answer = '''{output}'''\nassert answer == \"it's {{a}}\"\n"

    assert run("it's {a}", program)[0]
    assert not run("other", program)[0]


def test_a_program_without_tests_has_to_run_to_its_end() -> None:
    assert run("x = 1", "y = 2\n{output}")[0]
    assert not run("import sys; sys.exit(0)", "{output}\n# the end\n")[0]
    assert not run("raise ValueError", "{output}\n")[0]


def test_an_error_names_the_line_of_the_answer_and_of_the_tests() -> None:
    _, said = run("def f(x):\n    return x / 0\n", "{output}\nassert f(1) == 2\n")

    assert 'File "answer.py", line 2' in said
    assert 'File "tests.py", line 1' in said
    assert "assert f(1) == 2" in said
    assert said.rstrip().endswith("ZeroDivisionError: division by zero")


@pytest.mark.parametrize("tests", ["    assert f(1)", "assert f(1", "assert f(1)\n  x"])
def test_tests_that_are_no_program_of_their_own_are_the_authors_fault(tests: str) -> None:
    with pytest.raises(UnreadableTests, match="must be Python that begins at the left margin"):
        scorer("{output}\n{tests}").program_input("", {"tests": tests}, token="t")


def test_an_indented_line_after_the_answer_is_refused_when_the_definition_is_checked() -> None:
    with pytest.raises(ScorerSpecError, match="must begin at the left margin"):
        scorer("try:\n    {output}\n    assert f(1)\nexcept ValueError: pass\n")
