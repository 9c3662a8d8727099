"""What the editor of a task costs the web process: its preview after a keystroke, and its page.

    python bench/editor.py [--requests 20] [--import-items 100000]

The preview of a definition with several scorers over files of 1,319 rows (the size of GSM8K's test
set) and 100,000 rows: as a form and as text, of the first items, of an item far down, and of a text
with a mistake. The whole application is called in this process, without a network. CPU seconds
are the machine's; beside them stands a floor page of the same run. A preview after a keystroke is
to take at most 0.15 CPU seconds; the last column says where it takes more. With `--import-items`,
a file of so many rows is imported from its bytes to the items that a version would have, in this
process.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "platform")]

from bench.pages import _prepare  # noqa: E402

_MAX_SECONDS = 0.15
_SIZES = (1_319, 100_000)
_WORDS = [
    "she",
    "he",
    "sells",
    "bakes",
    "eggs",
    "each",
    "day",
    "for",
    "dollars",
    "market",
    "how",
    "much",
    "make",
    "every",
    "friends",
]
_DEFINITION = """\
plumbmark: 1
data:
  id: id
  target: answer
  slices: [level]
prompt:
  messages:
    - role: system
      content: Solve the problem step by step. End with a line that has the answer alone.
    - role: user
      content: |
        {question}

        Hint: {hint}
sampling: {temperature: 0, max_output_tokens: 512}
main: number
scorers:
  - {type: numeric, name: number}
  - {type: exact, name: exact}
  - {type: includes, name: mentioned}
  - {type: regex, name: closing, pattern: "(?m)^(-?[0-9]+)$"}
  - {type: token_f1, name: words}
"""


def _rows(count: int) -> bytes:
    chance = random.Random(1)
    lines = []
    for number in range(count):
        words = [chance.choice(_WORDS) for _ in range(45)]
        row = {
            "id": f"q{number}",
            "question": " ".join(words).capitalize() + "?",
            "hint": " ".join(words[:6]),
            "level": chance.choice(["easy", "medium", "hard"]),
            "answer": str(chance.randint(1, 999)),
        }
        lines.append(json.dumps(row))
    return "\n".join(lines).encode()


def make_draft(user: Any, count: int) -> str:
    """Create a task whose draft has so many rows; return the address of its editor."""
    from django.core.files.uploadedfile import SimpleUploadedFile

    from tasks_app.authoring import actions, drafts

    facts = actions.TaskFacts(title=f"Rows {count}")
    task = actions.create_task(namespace=user.namespace, facts=facts, by=user)
    upload = SimpleUploadedFile("items.jsonl", _rows(count))
    drafts.save_draft(task=task, definition_text=_DEFINITION, upload=upload, by=user)
    return f"{task.get_absolute_url()}edit/"


def cpu_of(ask: Callable[[], Any], times: int) -> float:
    """Return the CPU seconds that a request takes once all is warm."""
    ask()
    before = time.thread_time()
    for _ in range(times):
        ask()
    return (time.thread_time() - before) / times


def measure_previews(client: Any, edit: str, count: int, floor: float, times: int) -> None:
    """Print the cost of the editor and of its previews, of one draft."""
    from tasks_app.definition_form.fields import Known
    from tasks_app.definition_form.submission import form_of
    from tests.tasks.definition_form.test_form import sent_by

    fields = dict(sent_by(form_of(_DEFINITION, Known())).lists())
    address = edit.removesuffix("edit/") + "preview/"
    mistake = _DEFINITION.replace("{hint}", "{hnt}")
    sent: dict[str, Mapping[str, Any]] = {
        "text": {"definition": _DEFINITION},
        "form": {"definition": _DEFINITION, "view": "form", **fields},
        "text with a mistake": {"definition": mistake},
        "text, item 9,000": {"definition": _DEFINITION, "item": "#9000"},
        "text, item by its id": {"definition": _DEFINITION, "item": f"q{min(count, 9000) - 1}"},
    }

    def post(values: Mapping[str, Any]) -> Any:
        answer = client.post(address, values)
        if answer.status_code != 200:
            raise SystemExit(f"{address} answered {answer.status_code}: {answer.content[:300]!r}")
        return answer

    for name, values in sent.items():
        _print(f"{count:,} rows: preview, {name}", cpu_of(lambda v=values: post(v), times), floor)
    for view in ("form", "text"):
        cost = cpu_of(lambda v=view: client.get(edit, {"view": v}), times)
        _print(f"{count:,} rows: the editor's page as {view}", cost, floor)


def _print(name: str, cost: float, floor: float) -> None:
    more = f"   more than {_MAX_SECONDS} CPU s" if cost > _MAX_SECONDS else ""
    print(f"{name:<48} {cost:8.4f} CPU s {cost / floor:8.1f} × floor{more}", flush=True)


def measure_import(count: int) -> None:
    """Print what reading and checking a file of so many rows takes."""
    from tasks_app.datasets import import_data
    from tasks_app.datasets.uploads import data_limits
    from tasks_app.definitions import parse_definition

    with tempfile.NamedTemporaryFile(suffix=".jsonl") as file:
        file.write(_rows(count))
        file.flush()
        before = time.thread_time()
        with import_data(
            Path(file.name),
            name="items.jsonl",
            definition=parse_definition(_DEFINITION),
            limits=data_limits(),
        ) as imported:
            read = sum(1 for _ in imported)
        print(f"import of {read:,} items: {time.thread_time() - before:.2f} CPU s")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=20)
    parser.add_argument("--import-items", type=int, default=100_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        _prepare(Path(folder))
        from django.conf import settings
        from django.test import Client

        from plumbmark.accounts.actions import open_account

        settings.ALLOWED_HOSTS = ["*"]
        user = open_account(
            handle="ada",
            email="ada@example.org",
            password="correct horse battery staple",
            is_confirmed=True,
        )
        client = Client()
        client.force_login(user)
        floor = cpu_of(lambda: client.get("/help/"), options.requests)
        _print("floor: help", floor, floor)
        for count in _SIZES:
            measure_previews(client, make_draft(user, count), count, floor, options.requests)
        if options.import_items:
            measure_import(options.import_items)


if __name__ == "__main__":
    main()
