"""The second benchmark of the demo: prime or not, answered by programs that cost something.

It shows what submitted outputs cannot: private items and the gap to them, costs, and a board before
and after a wrong key was corrected. The key is corrected when every program has answered, so that
the stored answers are scored anew.
"""

import random
from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from benchmarks_app.actions.authoring import (
    Member,
    compose_draft,
    create_benchmark,
    draft_of,
    publish_benchmark,
)
from benchmarks_app.grid.actions import start_runs
from leaderboards_app.models import Standings
from plumbmark.accounts.models import Namespace, User
from plumbmark.config.demo.author import EMAIL, publish
from plumbmark.gateway.actions import add_deployment, set_price, set_quota
from plumbmark.gateway.models import CatalogueModel, Deployment
from tasks_app.item_reports.actions import accept_report, report_item
from tasks_app.models import ItemReport
from tasks_app.runs.contenders import contender_of_deployment

_SEED = 7
_WRONG = 91
"""It is 7 × 13, and its key says that it is prime, as many people would."""

_PRIME, _NOTHING_SMALL = "prime", "other"
_PUBLIC = {_PRIME: 30, "2": 14, "3": 8, "5": 4, "7": 4}
_PRIVATE = {_PRIME: 30, "2": 6, "3": 6, "5": 4, "7": 3, _NOTHING_SMALL: 11}
"""Counts of the numbers by their least factor."""

_DEFINITION = """\
plumbmark: 1
description: |
  Is the number prime? Half of the numbers are. The public ones are below 121, so whoever divides
  them by 2, 3, 5 and 7 gets all of them right. The private ones are larger, and some of them have
  no factor below 11.
data:
  id: id
  target: answer
  split: {column: split, private: [private]}
prompt:
  system: Answer with yes or no alone.
  messages:
    - role: user
      content: Is {number} a prime number?
sampling:
  temperature: 0
  max_output_tokens: 16
scorers:
  - type: exact
"""

_CARD = {
    "measures": "Whether a number below 961 is told to be prime or not.",
    "intended_use": "Looking around: private items, costs and a corrected key. No decision should "
    "be based on it.",
    "limits": "The programs are no language models, and their costs are demo prices that nobody "
    "pays. The author published one wrong key on purpose, reported it, and corrected it.",
    "provenance": "Drawn by a program with a fixed seed when this platform was first started.",
    "licence": "CC0-1.0",
    "contact": "The administrator of this platform.",
}

_DIVISORS: Mapping[str, tuple[int, ...]] = {
    "Divides by 2": (2,),
    "Divides by 2, 3": (2, 3),
    "Divides by 2, 3, 5": (2, 3, 5),
    "Divides by 2, 3, 5, 7": (2, 3, 5, 7),
    "Divides by 7, 11, 13": (7, 11, 13),
    "Divides by 2 to 31": (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31),
}
_PRICE_OF_A_DIVISION = 100_000
"""In nanodollars: a demo price, so that costs differ as the programs' work does."""
_QUOTA = 10**9


def load_division(namespace: Namespace, owner: User) -> None:
    """Publish the benchmark with a wrong key, report that, and start the programs' runs."""
    task = publish(
        namespace,
        owner,
        "Prime or not",
        "Is the number prime? Yes or no.",
        ["demo", "numbers"],
        _DEFINITION,
        _items(),
    )
    benchmark = create_benchmark(
        namespace=namespace,
        title="Demo: private items and costs",
        claim="How far a program gets that divides by a few primes. Its cost is a demo price.",
        tags=["demo"],
        by=owner,
    )
    version = compose_draft(
        version=draft_of(benchmark=benchmark, by=owner),
        members=[Member(task, Decimal(1))],
        card=_CARD,
        smallest_difference=0.02,
        by=owner,
    )
    publish_benchmark(version=version, by=owner)
    report_item(
        version=task,
        item=task.items.get(key=f"number-{_WRONG}"),
        kind=ItemReport.Kind.WRONG_KEY,
        reason=f"{_WRONG} is 7 × 13, so it is not prime.",
        proposed="no",
        by=owner,
    )
    # Whatever people may spend: nobody pays these prices.
    set_quota(
        namespace=namespace, day_cap=_QUOTA, month_cap=_QUOTA, note="Demo prices only.", by=None
    )
    contenders = [
        contender_of_deployment(deployment=deployment, by=owner)
        for deployment in (_add_constant(), *map(_add_program, _DIVISORS))
    ]
    start_runs(version=version, contenders=contenders, namespace=namespace, by=owner)


def correct_wrong_key(payload: Mapping[str, Any]) -> None:
    """Accept the demo's report if the standings of this event have all programs' scores.

    Deliveries may repeat: a report is accepted once.
    """
    report = (
        ItemReport.objects.filter(
            status=ItemReport.State.OPEN,
            kind=ItemReport.Kind.WRONG_KEY,
            created_by__email=EMAIL,
            version__benchmark_tasks__version__standings=payload["standings_id"],
        )
        .select_related("version__task__namespace", "item", "created_by")
        .first()
    )
    if report is None:
        return
    rows = Standings.objects.get(pk=payload["standings_id"]).content["rows"]
    if sum(row["status"] == "ranked" for row in rows) == len(_DIVISORS):
        accept_report(
            report=report,
            target="no",
            note="The key was wrong on purpose: the history of the board shows what it moved.",
            by=report.created_by,
        )


def _add_program(name: str) -> Deployment:
    divisors = _DIVISORS[name]
    return _add(
        "baseline/demo-division-" + "-".join(map(str, divisors if len(divisors) < 5 else (2, 31))),
        "trial-division",
        name,
        "A program that calls a number prime if it can be divided by none of: "
        f"{', '.join(map(str, divisors))}. Each division has a demo price, which nobody pays.",
        options={"divisors": list(divisors)},
        price=len(divisors) * _PRICE_OF_A_DIVISION,
    )


def _add_constant() -> Deployment:
    return _add(
        "baseline/demo-always-no",
        "constant",
        "Always no",
        "A program that answers no, whatever it is asked.",
        options={"text": "no"},
        price=0,
    )


def _add(
    slug: str, program: str, name: str, description: str, *, options: dict[str, Any], price: int
) -> Deployment:
    CatalogueModel.objects.create(
        slug=slug, maker="Plumbmark", name=name, description=description, modalities=["text"]
    )
    deployment = add_deployment(
        slug=slug, provider=Deployment.Provider.BASELINE, upstream_id=program, by=None
    )
    deployment.options = options
    deployment.save(update_fields=["options"])
    set_price(
        deployment=deployment, input_per_mtok=0, output_per_mtok=0, per_request=price, by=None
    )
    return deployment


def _items() -> list[dict[str, Any]]:
    draw = random.Random(_SEED)  # noqa: S311 - items, no secrets
    return [
        *_numbers(draw, range(2, 121), _PUBLIC, "public"),
        *_numbers(draw, range(121, 961), _PRIVATE, "private"),
    ]


def _numbers(
    draw: random.Random, numbers: range, wanted: Mapping[str, int], split: str
) -> list[dict[str, Any]]:
    by_factor = defaultdict(list)
    for number in numbers:
        by_factor[_least_factor(number)].append(number)
    chosen = [
        (number, factor == _PRIME)
        for factor, count in wanted.items()
        for number in draw.sample(by_factor[factor], count)
    ]
    draw.shuffle(chosen)
    return [
        {
            "id": f"number-{number}",
            "number": number,
            "answer": "yes" if is_prime or number == _WRONG else "no",
            "split": split,
        }
        for number, is_prime in chosen
    ]


def _least_factor(number: int) -> str:
    factor = next((one for one in range(2, number) if number % one == 0), None)
    if factor is None:
        return _PRIME
    return str(factor) if factor < 11 else _NOTHING_SMALL
