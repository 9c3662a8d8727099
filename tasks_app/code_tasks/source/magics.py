"""Notebook commands in Python code: found, told, and replaced by what a script can run.

Lines are never added or removed, so that line numbers stay what they were.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from tasks_app.code_tasks.findings import Finding, error, note, warning

# Commands that only change how a notebook looks, measures or is debugged.
_HARMLESS = frozenset(
    [
        "alias_magic",
        "autocall",
        "autoreload",
        "colors",
        "config",
        "doctest_mode",
        "hist",
        "history",
        "load_ext",
        "lprun",
        "lsmagic",
        "matplotlib",
        "memit",
        "mprun",
        "notebook",
        "page",
        "pdb",
        "pdef",
        "pdoc",
        "pfile",
        "pinfo",
        "pinfo2",
        "precision",
        "prun",
        "psearch",
        "psource",
        "pylab",
        "quickref",
        "recall",
        "reload_ext",
        "rerun",
        "tb",
        "timeit",
        "unload_ext",
        "who",
        "who_ls",
        "whos",
        "xmode",
    ]
)
_INSTALLERS = frozenset(
    {"pip", "pip3", "conda", "mamba", "micromamba", "uv", "apt", "apt-get", "npm"}
)
_RUNS_ITS_STATEMENT = frozenset({"time"})
_CELL_RUNS_ITS_BODY = frozenset({"time", "capture", "prun"})
_CELL_SHOWS = frozenset({"html", "javascript", "js", "latex", "markdown", "svg", "timeit"})

_LINE_MAGIC = re.compile(r"(?P<indent>\s*)(?P<mark>%|!!?)(?P<rest>.*)")
_HELP = re.compile(r"\s*(?:\?{1,2}\s*[\w.*]+|[\w.*]+\s*\?{1,2})\s*\Z")
_ASSIGNED = re.compile(
    r"(?P<indent>\s*)(?P<names>[^=#\"'\n]*[\w\])])\s*=\s*(?P<command>!|%(?=[A-Za-z]))(?P<rest>.*)"
)
_COMMENTED_CHOOSE = re.compile(r"#\s*%choose\b(?P<rest>.*)")
_CELL_MAGIC = re.compile(r"%%(?P<name>\w*)(?P<rest>.*)")
_WRITEFILE = re.compile(r"\s*(?P<append>-a\s+|--append\s+)?(?P<name>[\w.-]+)\s*\Z")


@dataclass(slots=True)
class PlainCode:
    """Code without notebook commands. Lines count from 1 within it."""

    lines: list[str]
    chosen: str | None = None
    findings: list[Finding] = field(default_factory=list)


def without_magics(source: str, *, read_comments: bool = False) -> PlainCode:
    """Return one cell as a script can run it.

    With `read_comments` a commented `# %choose task` counts as well: this is how files write it,
    where the bare command would not be Python.
    """
    lines = source.split("\n")
    plain = PlainCode(lines)
    if _replace_cell_magic(plain):
        return plain
    state = _LexerState()
    position = 0
    while position < len(lines):
        line = lines[position]
        if not state.is_at_statement:
            state.feed(line)
            position += 1
            continue
        end = position + 1
        if _LINE_MAGIC.fullmatch(line):
            # A command may go on after a backslash.
            while lines[end - 1].endswith("\\") and end < len(lines):
                end += 1
        replaced = _replace_line(line, plain, position + 1, read_comments=read_comments)
        if replaced is None:
            state.feed(line)
        else:
            lines[position] = replaced
            for more in range(position + 1, end):
                lines[more] = f"# {lines[more].rstrip(chr(92))}"
        position = end
    return plain


def statement_lines(source: str) -> Iterator[int]:
    """Yield the lines (from 1) that begin outside strings, brackets and continuations."""
    state = _LexerState()
    for number, line in enumerate(source.split("\n"), 1):
        if state.is_at_statement:
            yield number
        state.feed(line)


# --- Commands on a line -----------------------------------------------------------------------


def _replace_line(line: str, plain: PlainCode, number: int, *, read_comments: bool) -> str | None:
    """Return the code that takes a command's place; None for ordinary code."""
    if match := _LINE_MAGIC.fullmatch(line):
        indent, rest = match["indent"], match["rest"].strip().rstrip("\\").strip()
        if match["mark"] != "%":
            return indent + _shell(rest, line, plain, number)
        return indent + _line_magic(rest, line, plain, number)
    if match := _ASSIGNED.fullmatch(line):
        plain.findings.append(
            error(
                "magic-refused",
                f"{_quote_line(line)} keeps what a notebook command returns, and no such command "
                "runs here.",
                "Use Python for it, for example pathlib or subprocess.",
                line=number,
            )
        )
        return f"{match['indent']}{match['names']} = None  # not run: {line.strip()}"
    if _HELP.fullmatch(line):
        plain.findings.append(
            note("magic-ignored", f"{_quote_line(line)} asks a notebook for help.", line=number)
        )
        return _leave_out(line, _indent_of(line))
    if read_comments and (match := _COMMENTED_CHOOSE.fullmatch(line.strip())):
        _choose(match["rest"].strip(), plain, number)
    return None


def _line_magic(rest: str, line: str, plain: PlainCode, number: int) -> str:
    name, _, arguments = rest.partition(" ")
    arguments = arguments.strip()
    if name == "choose":
        _choose(arguments, plain, number)
        return f"pass  # {line.strip()}"
    if name in _RUNS_ITS_STATEMENT:
        plain.findings.append(
            note("magic-ignored", f"%{name} was left out, its statement stays.", line=number)
        )
        return arguments or f"pass  # {line.strip()}"
    plain.findings.append(_finding_of_magic(name, arguments, line, number))
    return _leave_out(line)


def _shell(command: str, line: str, plain: PlainCode, number: int) -> str:
    words = command.split()
    if words and (words[0] in _INSTALLERS or (words[0].startswith("python") and "pip" in words)):
        plain.findings.append(_install(line, number))
    else:
        plain.findings.append(
            warning(
                "magic-not-run",
                f"The shell command {_quote_line(line)} is not run.",
                "Do it in Python, or attach the data that it would fetch.",
                line=number,
            )
        )
    return _leave_out(line)


def _finding_of_magic(name: str, arguments: str, line: str, number: int) -> Finding:
    if name in _INSTALLERS:
        return _install(line, number)
    if name in _HARMLESS:
        return note(
            "magic-ignored", f"{_quote_line(line)} only concerns the notebook itself.", line=number
        )
    remedies = {
        "cd": "Write paths relative to the working directory.",
        "env": "Set os.environ in the code.",
        "set_env": "Set os.environ in the code.",
        "load": "Put the code into the file itself.",
        "run": "Put the code into the file itself.",
        "writefile": "It must be the first line of a cell, as %%writefile.",
    }
    return warning(
        "magic-not-run",
        f"The notebook command {_quote_line(line)} is not run.",
        remedies.get(name, "Remove it, or do the same in Python."),
        line=number,
    )


def _install(line: str, number: int) -> Finding:
    return warning(
        "install-not-run",
        f"{_quote_line(line)} is not run: nothing is installed where tasks run.",
        "Remove it, or ask the operator for the package.",
        line=number,
    )


def _choose(named: str, plain: PlainCode, number: int) -> None:
    named = named.strip().strip("\"'").strip()
    if not named:
        plain.findings.append(
            error(
                "nothing-chosen",
                "%choose names no task.",
                "Write the variable or the name of the main task after it.",
                line=number,
            )
        )
        return
    if plain.chosen is not None and plain.chosen != named:
        plain.findings.append(chosen_twice(plain.chosen, named, number))
    plain.chosen = named


def chosen_twice(before: str, now: str, line: int) -> Finding:
    return warning(
        "chosen-twice",
        f"%choose names {now!r} after {before!r}; the last one counts.",
        "Keep one of them.",
        line=line,
    )


# --- Commands of a whole cell -----------------------------------------------------------------


def _replace_cell_magic(plain: PlainCode) -> bool:
    """Replace a cell's magic; return True if that handled the whole cell."""
    lines = plain.lines
    first = next((at for at, line in enumerate(lines) if line.strip()), None)
    if first is None or not (match := _CELL_MAGIC.fullmatch(lines[first].strip())):
        return False
    name, rest = match["name"].lower(), match["rest"]
    number = first + 1
    if name in _CELL_RUNS_ITS_BODY:
        plain.findings.append(
            note("magic-ignored", f"%%{name} was left out, its cell stays.", line=number)
        )
        lines[first] = f"pass  # {lines[first].strip()}"
        return False
    if name == "writefile" and (target := _WRITEFILE.fullmatch(rest)):
        text = "\n".join(lines[first + 1 :]).rstrip("\n") + "\n"
        mode = "a" if target["append"] else "w"
        plain.findings.append(
            note("magic-ignored", f"The cell writes {target['name']} as Python.", line=number)
        )
        lines[first] = (
            f"with open({target['name']!r}, {mode!r}, encoding='utf-8') as _f: _f.write({text!r})"
        )
    elif name in _CELL_SHOWS:
        plain.findings.append(
            note("magic-ignored", f"The cell with %%{name} is not run.", line=number)
        )
        lines[first] = _leave_out(lines[first])
    else:
        plain.findings.append(
            warning(
                "magic-not-run",
                f"The cell with %%{name} is not run.",
                "Do the same in Python.",
                line=number,
            )
        )
        lines[first] = _leave_out(lines[first])
    for at in range(first + 1, len(lines)):
        lines[at] = f"# {lines[at]}" if lines[at].strip() else ""
    return True


def _leave_out(line: str, indent: str = "") -> str:
    # A statement and not only a comment: it may be the only one of its block.
    return f"{indent}pass  # not run: {line.strip()}"


def _indent_of(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _quote_line(line: str) -> str:
    text = line.strip()
    return f"`{text if len(text) <= 60 else text[:59] + '…'}`"


# --- Where statements begin -------------------------------------------------------------------

_TOKENS = re.compile(
    r"""(?P<comment>\#.*)
      | (?P<triple>\"{3}|'{3})
      | (?P<quote>["'])
      | (?P<open>[(\[{])
      | (?P<close>[)\]}])""",
    re.VERBOSE,
)
_STRING_ENDS = {
    '"': re.compile(r'(?:[^"\\]|\\.)*+"'),
    "'": re.compile(r"(?:[^'\\]|\\.)*+'"),
    '"""': re.compile(r'(?:[^"\\]|\\.|"(?!""))*+"""'),
    "'''": re.compile(r"(?:[^'\\]|\\.|'(?!''))*+'''"),
}


class _LexerState:
    """Follows physical lines just far enough to know where a statement can begin."""

    def __init__(self) -> None:
        self._string = ""
        """The quotes of the string that goes on in the next line."""
        self._depth = 0
        self._is_continued = False

    @property
    def is_at_statement(self) -> bool:
        return not self._string and self._depth == 0 and not self._is_continued

    def feed(self, line: str) -> None:
        self._is_continued = False
        at = 0
        if self._string:
            closed = _STRING_ENDS[self._string].match(line)
            if closed is None:
                self._end_of_line_in_string(line)
                return
            self._string, at = "", closed.end()
        while (token := _TOKENS.search(line, at)) is not None:
            at = token.end()
            kind = token.lastgroup
            if kind == "comment":
                return
            if kind == "open":
                self._depth += 1
            elif kind == "close":
                self._depth = max(0, self._depth - 1)
            else:
                quotes = token.group()
                closed = _STRING_ENDS[quotes].match(line, at)
                if closed is None:
                    self._string = quotes
                    self._end_of_line_in_string(line)
                    return
                at = closed.end()
        self._is_continued = line.endswith("\\")

    def _end_of_line_in_string(self, line: str) -> None:
        # A string in single quotes goes on only after a backslash; else it is broken anyway.
        if len(self._string) == 1 and not line.endswith("\\"):
            self._string = ""
