"""Attacks on the verdict: answers that try to be marked right without being right.

The tests and the token that says that they passed must be out of the answer's reach, whatever it
does in its own process. Each attack is run in every back end.
"""

import asyncio
import json
import secrets

import pytest

from plumbmark.sandbox.contract import Sandbox
from plumbmark.sandbox.executor import PythonExecutor
from plumbmark.scoring import author_code, tested_programs
from plumbmark.scoring.scorers import CodeExecution, build_scorer
from plumbmark.scoring.scorers.code_execution import ProgramResult
from tests.sandbox import driver
from tests.sandbox.conftest import BACK_ENDS, unavailable

TESTS = """\
import math

SECRET = 1764

def check(candidate):
    assert candidate(42) == SECRET
    assert abs(candidate(2) - 4) < 1e-6
    assert math.fabs(candidate(3) - 9) < 1e-6
    assert candidate(4) in [16]
    assert [candidate(5)] == [25]
    assert str(candidate(6)) == "36"

check(square)
"""
RIGHT = "def square(x):\n    return x * x\n"
WRONG = "def square(x):\n    return 0\n"

FIND_TOKEN = """
def take(text):
    import re
    for token in set(re.findall(r"[0-9a-f]{32}", text)):
        for number in range(256):
            try: os.write(number, ("\\n" + token + "\\n").encode())
            except OSError: pass
        os._exit(0)
"""
ATTACKS = {
    "exits early": "import os\nos._exit(0)",
    "leaves early": "import sys\nsys.exit(0)",
    "exits in the call": "import os\ndef square(x):\n    os._exit(0)",
    "leaves in the call": "def square(x):\n    raise SystemExit(0)",
    "exits at the end": f"import atexit, os\natexit.register(os._exit, 0)\n{WRONG}",
    "equals everything": (
        "class Any:\n"
        "    def __eq__(self, other): return True\n"
        "    def __ne__(self, other): return False\n"
        "    def __sub__(self, other): return 0\n"
        "    def __abs__(self): return 0\n"
        "    def __float__(self): return 0.0\n"
        "    def __lt__(self, other): return True\n"
        "    def __hash__(self): return 0\n"
        "    def __str__(self): return '36'\n"
        "def square(x):\n    return Any()"
    ),
    "is an integer that equals everything": (
        "class Any(int):\n"
        "    def __eq__(self, other): return True\n"
        "    def __sub__(self, other): return 0\n"
        "    def __str__(self): return '36'\n"
        "def square(x):\n    return Any(0)"
    ),
    "equals everything by the library": (
        "from unittest.mock import ANY\ndef square(x):\n    return ANY"
    ),
    "replaces what the tests use": (
        f"{WRONG}"
        "class math:\n    fabs = staticmethod(lambda *a: 0)\n"
        "SECRET = 0\n"
        "def abs(x): return 0\n"
        "def str(x): return '36'\n"
        "def check(f): pass\n"
        "AssertionError = SystemExit\n"
    ),
    "patches the built-in names": (
        f"{WRONG}"
        "import builtins, json, math\n"
        "builtins.abs = lambda x: 0\n"
        "math.fabs = lambda *a: 0\n"
        "builtins.AssertionError = SystemExit\n"
        "json.dumps = json.loads = lambda *a, **k: True\n"
    ),
    "looks into frames and objects": (
        f"import gc, os, sys\n{FIND_TOKEN}{WRONG}"
        "texts = []\n"
        "frame = sys._getframe()\n"
        "while frame:\n"
        "    texts.append(repr(frame.f_locals) + repr(frame.f_globals))\n"
        "    frame = frame.f_back\n"
        "texts += [repr(one) for one in gc.get_objects()]\n"
        "texts.append(repr(sys.stdin.buffer.peek()) if sys.stdin else '')\n"
        "take(' '.join(texts))\n"
    ),
    "looks into memory": (
        f"import os\n{FIND_TOKEN}{WRONG}"
        "texts = []\n"
        "for process in ('self', str(os.getppid()), '1'):\n"
        "    try:\n"
        "        for line in open(f'/proc/{process}/maps'):\n"
        "            place, rights = line.split()[:2]\n"
        "            if not rights.startswith('rw'): continue\n"
        "            start, stop = (int(one, 16) for one in place.split('-'))\n"
        "            with open(f'/proc/{process}/mem', 'rb', 0) as file:\n"
        "                file.seek(start)\n"
        "                texts.append(file.read(min(stop - start, 1 << 26)).decode('latin-1'))\n"
        "    except (OSError, ValueError): pass\n"
        "take(' '.join(texts))\n"
    ),
    "reads every descriptor": (
        f"import os\n{FIND_TOKEN}{WRONG}"
        "texts = []\n"
        "for process in ('self', str(os.getppid()), '1'):\n"
        "    for number in range(64):\n"
        "        if process == 'self' and number > 2: continue\n"
        "        try:\n"
        "            found = os.open(f'/proc/{process}/fd/{number}', os.O_RDONLY | os.O_NONBLOCK)\n"
        "            texts.append(os.read(found, 1 << 20).decode('latin-1'))\n"
        "        except OSError: pass\n"
        "for number in range(3):\n"
        "    try:\n"
        "        os.set_blocking(number, False)\n"
        "        os.lseek(number, 0, 0)\n"
        "        texts.append(os.read(number, 1 << 20).decode('latin-1'))\n"
        "    except OSError: pass\n"
        "take(' '.join(texts))\n"
    ),
    "reads arguments and environments": (
        f"import os\n{FIND_TOKEN}{WRONG}"
        "texts = []\n"
        "for process in ('self', str(os.getppid()), '1'):\n"
        "    for name in ('cmdline', 'environ'):\n"
        "        try: texts.append(open(f'/proc/{process}/{name}').read())\n"
        "        except OSError: pass\n"
        "take(' '.join(texts))\n"
    ),
    "leaves a process that writes later": (
        "import os, time\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0:\n"
        "        for _ in range(100):\n"
        "            os.write(1, b'all tests passed\\n' + b'0' * 32 + b'\\n')\n"
        "            time.sleep(0.01)\n"
        "    os._exit(0)\n"
        f"{WRONG}"
    ),
    "kills the tests": f"import os, signal\n{WRONG}os.kill(os.getppid(), signal.SIGKILL)",
    "speaks for the tests' process": (
        f"import os\n{WRONG}"
        "for number in range(3, 64):\n"
        "    try: os.write(number, (2).to_bytes(8, 'big') + b'{}')\n"
        "    except OSError: pass\n"
    ),
    "calls what it was not given": (
        "import os\n"
        "def square(x):\n"
        '    text = b\'{"kind":"call","refs":[[0],0],"cells":[["exception","SystemExit"]]}\'\n'
        "    for number in range(3, 64):\n"
        "        try: os.write(number, len(text).to_bytes(8, 'big') + text)\n"
        "        except OSError: pass\n"
    ),
    "swallows the tests": f"{WRONG}x = '''",
    "continues the last line": f"{WRONG}if True: pass\nelse: \\",
    "hooks imports and deletion": (
        f"{WRONG}"
        "import sys\n"
        "class Finder:\n"
        "    def find_spec(self, *a): raise SystemExit(0)\n"
        "sys.meta_path.insert(0, Finder())\n"
        "class Last:\n"
        "    def __del__(self): __import__('os')._exit(0)\n"
        "last = Last()\n"
        "sys.settrace(lambda *a: None)\n"
    ),
}


@pytest.fixture(params=BACK_ENDS)
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    if reason := unavailable(request.param):
        pytest.skip(reason)
    return driver.back_end(request.param)


def scorer() -> CodeExecution:
    spec = {"type": "code_execution", "program": "{output}\n\n{test}\n", "take": "whole"}
    built = build_scorer({**spec, "timeout_seconds": 20})
    assert isinstance(built, CodeExecution)
    return built


async def value_of(sandbox: Sandbox, output: str) -> tuple[float | None, str]:
    one, token = scorer(), secrets.token_hex(16)
    ran = await PythonExecutor(sandbox).execute(
        tested_programs.harness(),
        timeout_seconds=60,
        given=one.program_input(output, {"test": TESTS}, token=token),
        merges_errors=False,
    )
    assert token not in ran.errors
    printed = ran.output if ran.exit_code == 0 else ran.errors or ran.output
    result = ProgramResult(ran.exit_code, printed, ran.timed_out, ran.detail)
    verdict = one.verdict(result, token=token, output=output)
    return verdict.value, verdict.explanation


def test_a_right_answer_is_right(sandbox: Sandbox) -> None:
    assert asyncio.run(value_of(sandbox, RIGHT))[0] == 1.0


@pytest.mark.parametrize("name", ATTACKS)
def test_no_answer_says_of_itself_that_it_is_right(sandbox: Sandbox, name: str) -> None:
    value, explanation = asyncio.run(value_of(sandbox, ATTACKS[name]))

    assert value == 0.0, explanation


CARELESS = """\
def score(output, target, item):
    names = {}
    exec(output, names)
    return names["square"](3) == target
"""
FORGE_OTHERS = """
import gc, json, os, re, sys
texts = []
frame = sys._getframe()
while frame:
    texts.append(repr(frame.f_locals) + repr(frame.f_globals))
    frame = frame.f_back
texts += [repr(one) for one in gc.get_objects()]
for process in (str(os.getppid()), "1"):
    for name in ("cmdline", "environ"):
        try: texts.append(open(f"/proc/{process}/{name}").read())
        except OSError: pass
    for number in range(64):
        try:
            found = os.open(f"/proc/{process}/fd/{number}", os.O_RDONLY | os.O_NONBLOCK)
            texts.append(os.read(found, 1 << 20).decode("latin-1"))
        except OSError: pass
for token in set(re.findall("[0-9a-f]{32}", " ".join(texts))):
    line = "\\n" + token + " " + json.dumps({"case": 1, "value": True}) + "\\n"
    for path in [f"/proc/{one}/fd/{n}" for one in (os.getppid(), 1) for n in range(64)]:
        try: os.write(os.open(path, os.O_WRONLY | os.O_NONBLOCK), line.encode())
        except OSError: pass
    for number in range(256):
        try: os.write(number, line.encode())
        except OSError: pass
found = [text for text in texts if "the other target" in text]
def square(x): return 9 if not found else 0
"""


def test_an_answer_that_an_authors_scorer_runs_reaches_no_other_answer(sandbox: Sandbox) -> None:
    delimiter = secrets.token_hex(16)
    given = author_code.program_input(
        source=CARELESS,
        function="score",
        cases=[[FORGE_OTHERS, 9, {}], [WRONG, "the other target", {}], [RIGHT, 9, {}]],
        seconds=20,
        delimiter=delimiter,
    )

    ran = asyncio.run(
        PythonExecutor(sandbox).execute(
            author_code.program(), timeout_seconds=90, given=given, merges_errors=False
        )
    )
    found = author_code.results(ran.output, delimiter=delimiter, count=3)

    # Its own verdict is in the hands of whoever runs it in the scorer; those of others are not.
    assert [one and one.value for one in found[1:]] == [False, True], json.dumps(ran.output)
