"""The first benchmark of the demo: sums and words, answered by baselines and submitted programs."""

import random
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from benchmarks_app.actions.authoring import (
    Member,
    compose_draft,
    create_benchmark,
    draft_of,
    publish_benchmark,
)
from benchmarks_app.actions.entries import enter
from benchmarks_app.grid.actions import start_runs
from plumbmark.accounts.models import Namespace, User
from plumbmark.config.demo.author import publish
from plumbmark.gateway.actions import ensure_baselines
from tasks_app.item_reports.actions import decline_report, report_item
from tasks_app.models import ItemReport, TaskVersion
from tasks_app.runs.contenders import contender_of_deployment
from tasks_app.runs.submissions import submit_outputs

_SEED = 7
_ITEMS = 200

_ARITHMETIC = """\
plumbmark: 1
description: |
  Sums and products of small numbers, each with four options of which one is right.
  The items are generated, so they cost nothing and prove little: they show how a board works.
data:
  id: id
  target: answer
  slices: [operation]
  choices: options
prompt:
  system: Answer with the letter of the right option alone.
  messages:
    - role: user
      content: |
        What is {left} {sign} {right}?
        {choices}
  choice_order: shuffled
sampling:
  temperature: 0
  max_output_tokens: 16
scorers:
  - type: multiple_choice
    target_is: text
"""

_COPYING = """\
plumbmark: 1
description: |
  The model is to say a made-up word back, exactly. A program that echoes gets all of it right.
data:
  id: id
  target: word
prompt:
  messages:
    - role: user
      content: "{word}"
sampling:
  temperature: 0
  max_output_tokens: 32
main: exact
scorers:
  - type: exact
  - type: includes
    name: contains
"""

_CARD = {
    "measures": "Small sums and copying: things a program can be written for in a minute.",
    "intended_use": "Looking around. No decision should be based on it.",
    "limits": "Generated items; its author has not run any language model on it.",
    "provenance": "Drawn by a program with a fixed seed when this platform was first started.",
    "licence": "CC0-1.0",
    "contact": "The administrator of this platform.",
}

_PROGRAMS: dict[str, tuple[str, Callable[[Mapping[str, Any]], str]]] = {
    "calculator": ("Adds, multiplies and copies.", lambda row: row["answer"]),
    "adder": ("Adds, whatever the sign says.", lambda row: str(row["left"] + row["right"])),
    "evens": (
        "Calculates where the first number is even, and else gives up.",
        lambda row: "" if row["left"] % 2 else row["answer"],
    ),
}
"""Programs whose outputs are submitted, with what each does. All of them copy words."""

_CONTENDERS = ("random-choice", "first-choice", "echo")


def load_first_steps(namespace: Namespace, owner: User) -> None:
    """Publish the benchmark, start the baselines' runs and submit the programs' outputs."""
    draw = random.Random(_SEED)  # noqa: S311 - items, no secrets
    sums = [_sum(draw, number) for number in range(1, _ITEMS + 1)]
    words = [_word(draw, number) for number in range(1, _ITEMS // 2 + 1)]
    arithmetic = publish(
        namespace,
        owner,
        "Small sums",
        "Which of four options is the sum or product?",
        ["demo", "numbers"],
        _ARITHMETIC,
        sums,
    )
    copying = publish(
        namespace,
        owner,
        "Copying words",
        "A made-up word, repeated exactly.",
        ["demo", "words"],
        _COPYING,
        words,
    )
    benchmark = create_benchmark(
        namespace=namespace,
        title="Demo: first steps",
        claim="How well simple programs do at small sums and at copying a word.",
        tags=["demo"],
        by=owner,
    )
    version = compose_draft(
        version=draft_of(benchmark=benchmark, by=owner),
        members=[Member(arithmetic, Decimal(2)), Member(copying, Decimal(1))],
        card=_CARD,
        smallest_difference=0.02,
        by=owner,
    )
    publish_benchmark(version=version, by=owner)
    contenders = [
        contender_of_deployment(deployment=deployment, by=owner)
        for deployment in ensure_baselines()
        if deployment.upstream_id in _CONTENDERS
    ]
    start_runs(version=version, contenders=contenders, namespace=namespace, by=owner)
    for name, (description, solve) in _PROGRAMS.items():
        outputs = {
            arithmetic: [{"id": row["id"], "output": solve(row)} for row in sums],
            copying: [{"id": row["id"], "output": row["word"]} for row in words],
        }
        for task_version, rows in outputs.items():
            run = submit_outputs(
                version=task_version,
                model_name=name,
                description=description,
                namespace=namespace,
                rows=rows,
                by=owner,
            )
        enter(version=version, contender=run.contender, by=owner)
    _report(copying, owner)


def _report(version: TaskVersion, owner: User) -> None:
    """Report an item, and decline it: a reader sees how both look."""
    report = report_item(
        version=version,
        item=version.items.get(position=0),
        kind=ItemReport.Kind.AMBIGUOUS,
        reason="The prompt is a bare word. It does not say what to do with it.",
        by=owner,
    )
    decline_report(
        report=report,
        note="On purpose: the task shows what a program scores that echoes its input.",
        by=owner,
    )


def _sum(draw: random.Random, number: int) -> dict[str, Any]:
    left, right = draw.randint(2, 30), draw.randint(2, 30)
    is_sum = draw.random() < 0.5
    answer = left + right if is_sum else left * right
    others: set[int] = set()
    while len(others) < 3:
        other = answer + draw.choice([-20, -10, -2, -1, 1, 2, 10, 20])
        if other > 0 and other != answer:
            others.add(other)
    options = [str(option) for option in [answer, *sorted(others)]]
    return {
        "id": f"sum-{number:03d}",
        "left": left,
        "sign": "+" if is_sum else "×",
        "right": right,
        "operation": "addition" if is_sum else "multiplication",
        "options": options,
        "answer": str(answer),
    }


def _word(draw: random.Random, number: int) -> dict[str, Any]:
    syllables = [draw.choice("bdfgklmnprstvz") + draw.choice("aeiou") for _ in range(4)]
    return {"id": f"word-{number:03d}", "word": "".join(syllables)}
