"""Rules of the code's shape: what import-linter and ruff cannot say."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = {
    "plumbmark": ROOT / "platform",
    "tasks_app": ROOT,
    "benchmarks_app": ROOT,
    "leaderboards_app": ROOT,
}
MAX_MODULES_OF_TASKS_APP = 8
MAX_SHARED_CLASS_NAMES = 10
MAX_FUNCTION_LINES = 83
_DJANGO_LIMITS = {"DATA_UPLOAD_MAX_MEMORY_SIZE", "DATA_UPLOAD_MAX_NUMBER_FILES"}
"""Settings that Django named."""
_OTHER_WORDS = re.compile(
    r"A|All|Always|An|And|Another|Any|As|At|Both|But|By|Each|Every|Everything|"
    r"For|From|He|Here|How|However|I|If|In|It|Its|Last|Like|Never|No|Nobody|"
    r"None|Nor|Not|Nothing|Of|On|One|Only|Or|Other|Our|Ours|Several|She|So|"
    r"Some|Somebody|Such|Than|That|The|Their|Them|Then|There|These|They|This|"
    r"Those|Three|To|Two|Until|We|What|When|Where|Whether|Which|While|Who|"
    r"Whoever|Whom|Whose|Why|With|Without|You|Your"
)
"""Articles, pronouns and the like, with which a description begins."""
_VERBS = {"Add", "Bring", "Embed", "Feed", "Need", "Ping", "Proceed", "Ring", "Seed", "Swing"}
"""Imperatives that end like another form of a verb."""


@cache
def modules() -> dict[str, tuple[Path, ast.Module]]:
    found = {}
    for package, base in PACKAGES.items():
        for path in sorted((base / package).rglob("*.py")):
            if "migrations" in path.parts:
                continue
            name = ".".join(path.relative_to(base).with_suffix("").parts)
            tree = ast.parse(path.read_text(encoding="utf-8"))
            found[name.removesuffix(".__init__")] = (path, tree)
    return found


def imports_of(tree: ast.Module) -> Iterator[str]:
    """Return modules of ours that a file imports, also inside functions; not those for types
    alone.
    """
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for part in node.body
        for inner in ast.walk(part)
    }
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules())
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                if whole in modules():
                    yield whole
                elif node.module in modules():
                    yield node.module


def test_no_module_imports_itself_by_way_of_others() -> None:
    graph = {name: set(imports_of(tree)) - {name} for name, (_, tree) in modules().items()}
    # Take away what imports nothing that is left, again and again: what stays is on a circle or
    # imports one.
    while leaves := [name for name, targets in graph.items() if not targets]:
        for name in leaves:
            del graph[name]
        for targets in graph.values():
            targets.difference_update(leaves)
    assert not graph


def test_the_root_of_tasks_app_holds_only_what_is_of_the_whole_app() -> None:
    assert len(list((ROOT / "tasks_app").glob("*.py"))) <= MAX_MODULES_OF_TASKS_APP


def test_few_class_names_stand_in_two_modules() -> None:
    places = defaultdict(set)
    for name, (_, tree) in modules().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                places[node.name].add(name)
    shared = sorted(name for name, found in places.items() if len(found) > 1)
    assert len(shared) <= MAX_SHARED_CLASS_NAMES, shared


def is_imperative(word: str) -> bool:
    """Return whether a docstring's first word can be a verb in the imperative."""
    if not re.fullmatch(r"[A-Z][a-z]*|POST", word) or _OTHER_WORDS.fullmatch(word):
        return False
    return word in _VERBS or not re.search(r"[^s]s$|ed$|ing$", word)


def test_docstrings_of_functions_begin_with_a_verb() -> None:
    odd = []
    for name, (_, tree) in modules().items():
        for node in ast.walk(tree):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            if any("property" in ast.unparse(decorator) for decorator in node.decorator_list):
                continue
            text = ast.get_docstring(node) or ""
            if text and not is_imperative(re.split(r"[\s.,:;]", text, maxsplit=1)[0]):
                odd.append(f"{name}.{node.name}: {text.splitlines()[0]}")
    assert odd == []


def test_docstrings_of_classes_do_not_begin_with_a_question() -> None:
    odd = [
        f"{name}.{node.name}"
        for name, (_, tree) in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        and re.match(r"(What|Who|Where|How)\b", ast.get_docstring(node) or "")
    ]
    assert odd == []


@pytest.mark.parametrize("word", ["Return", "Pass", "Add", "Embed", "Canvass", "POST"])
def test_an_imperative_is_told_from_other_words(word: str) -> None:
    assert is_imperative(word)


@pytest.mark.parametrize("word", ["The", "Returns", "Sorted", "Whether", "Nothing", "`name`", "0"])
def test_other_words_are_no_imperatives(word: str) -> None:
    assert not is_imperative(word)


def test_limits_are_named_max() -> None:
    odd = []
    for name, (_, tree) in modules().items():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Assign | ast.AnnAssign):
                continue
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            odd += [
                f"{name}.{target.id}"
                for target in targets
                if isinstance(target, ast.Name)
                and re.search(r"MAX_|MOST|LONGEST|LARGEST", target.id)
                and not target.id.lstrip("_").startswith("MAX_")
            ]
    assert {one.rpartition(".")[2] for one in odd} == _DJANGO_LIMITS, odd


def test_functions_fit_on_a_screen_and_a_half() -> None:
    long = [
        f"{name}.{node.name}"
        for name, (_, tree) in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 > MAX_FUNCTION_LINES
    ]
    assert long == []


def test_only_the_table_of_transitions_writes_a_state() -> None:
    """Runs, scorings and shards change in `tasks_app.runs.states`; versions have their own."""
    writers = []
    for name, (_, tree) in modules().items():
        if not name.startswith("tasks_app") or name == "tasks_app.runs.states":
            continue
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in {"update", "bulk_update"}
                and any(keyword.arg == "state" for keyword in node.keywords)
            ):
                writers.append(f"{name}:{node.lineno}")
            if isinstance(node, ast.Assign):
                writers += [
                    f"{name}:{node.lineno}"
                    for target in node.targets
                    if isinstance(target, ast.Attribute)
                    and target.attr == "state"
                    and not (isinstance(target.value, ast.Name) and target.value.id == "version")
                ]
    assert writers == []


_PARTICIPLES = {"told", "said"}
"""Words that tell a reader nothing about what a name holds."""


def test_names_are_not_participles_of_saying() -> None:
    found = sorted(
        f"{name}:{node.lineno}: {word}"
        for name, (_, tree) in modules().items()
        for node in ast.walk(tree)
        for word in _defined_by(node)
        if word.strip("_") in _PARTICIPLES
    )
    assert not found, found


def _defined_by(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        return [node.id]
    if isinstance(node, ast.arg):
        return [node.arg]
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return [node.name]
    return []
