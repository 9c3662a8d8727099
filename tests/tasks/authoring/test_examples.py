"""The worked examples of docs/authors/examples.md, each run as it stands there."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils.text import slugify

from plumbmark.gateway.actions import (
    add_deployment,
    ensure_baselines,
    set_price,
)
from plumbmark.gateway.models import Deployment
from tasks_app.authoring import drafts, publication
from tasks_app.code_tasks.actions import save_code_draft
from tasks_app.code_tasks.source.inspection import inspect_code
from tasks_app.datasets import actions as attaching
from tasks_app.definitions import parse_definition
from tasks_app.models import Run, Scoring, TaskDraft, TaskVersion
from tasks_app.starting_points.actions import create_task_from_starting_point
from tasks_app.starting_points.catalogue import JUDGE, STARTING_POINTS, StartingPoint
from tasks_app.workers import sandbox as sandboxing
from tests.media_files import mp3, wav

PAGE = Path(__file__).resolve().parents[3] / "docs/authors/examples.md"
_ROW = re.compile(r"^\| `([^`]+)` \| ([\d.]+) % \| ([\d.]+) to ([\d.]+) \|$", re.M)
_FILE = re.compile(r"\w+\.(?:wav|mp3)\b")
_MADE = {"wav": wav(), "mp3": mp3()}
_KINDS = {one.guide: one for one in STARTING_POINTS}

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass(frozen=True)
class Example:
    title: str
    text: str

    def block(self, kind: str) -> str:
        (found,) = re.findall(rf"^```{kind}\n(.*?)^```$", self.text, re.S | re.M)
        return str(found)

    @property
    def kind(self) -> StartingPoint | None:
        """The kind to start from that is explained here."""
        return _KINDS.get(slugify(self.title))

    @property
    def is_program(self) -> bool:
        return "\n```jsonl\n" not in self.text

    @property
    def judge(self) -> str:
        found = re.search(r"judges: \[(.+)\]", self.text)
        return found[1] if found else ""

    @property
    def files(self) -> set[str]:
        return set(_FILE.findall(self.text))


def examples() -> list[Example]:
    sections = re.split(r"^## (.+)\n", PAGE.read_text(), flags=re.M)[1:]
    return [Example(title, text) for title, text in zip(sections[::2], sections[1::2], strict=True)]


def _needs(example: Example) -> list[Any]:
    marks = []
    runs_code = any(one in example.text for one in ("code_execution", "type: python", "type: math"))
    if example.is_program or runs_code:
        marks.append(
            pytest.mark.skipif(not sandboxing.is_here(), reason="no sandbox holds on this machine")
        )
    if "import kaggle_benchmarks" in example.text or "from openai" in example.text:
        marks.append(
            pytest.mark.skipif(
                sandboxing.environment_python() is None,
                reason="the sandbox's environment is not built",
            )
        )
    return marks


@pytest.mark.parametrize(
    "example",
    [pytest.param(one, id=one.title, marks=_needs(one)) for one in examples()],
)
def test_an_example_comes_to_what_the_page_says(
    world: Any, request: pytest.FixtureRequest, example: Example
) -> None:
    if example.is_program:
        request.getfixturevalue("gateway")
    _deployments(world)
    version = _published(world, example)
    expected = _ROW.findall(example.text)
    assert expected

    found = []
    for slug, *_ in expected:
        contender = world.contender_of(Deployment.objects.get(slug=slug))
        run = world.start(version, contender, purpose="declared")
        world.work(50)
        run.refresh_from_db()
        assert run.state == Run.State.COMPLETED, run.failure
        scoring = Scoring.objects.get(run=run)
        assert scoring.state == Scoring.State.COMPLETED, scoring.failure
        assert run.samples_unscored == scoring.samples_unscored == 0
        estimate = scoring.estimate or {}
        figures = (estimate[name] for name in ("value", "low", "high"))
        found.append((slug, *(f"{100 * figure:.1f}" for figure in figures)))

    assert found == expected, (example.title, found)


def _deployments(world: Any) -> None:
    """Return the baselines, and what `example/…` stands for on the page."""
    ensure_baselines()
    for slug, rule in (
        ("example/user", "constant:In the morning."),
        ("example/judge", "judge"),
        ("example/judge-of-pairs", "judge:tie"),
        ("example/obliging", "obliging"),
    ):
        deployment = add_deployment(
            slug=slug, provider="openai", upstream_id=rule, base_url=world.provider.url, by=None
        )
        set_price(deployment=deployment, input_per_mtok=1, output_per_mtok=1, by=None)


def _published(world: Any, example: Example) -> TaskVersion:
    if example.kind is not None:
        task = create_task_from_starting_point(
            namespace=world.ada.namespace,
            starting_point=example.kind.slug,
            judge=example.judge,
            by=world.ada,
        )
        return publication.publish_task(task=task, visibility="public", by=world.ada)
    task = world.task(example.title)
    if example.is_program:
        code = SimpleUploadedFile("task.py", example.block("python").encode())
        chosen = example.block("yaml") if "\n```yaml\n" in example.text else ""
        save_code_draft(task=task, upload=code, settings_text=chosen, by=world.ada)
        return publication.publish_task(task=task, visibility="public", by=world.ada)
    uploads = [
        SimpleUploadedFile(name, _MADE[name.rpartition(".")[2]]) for name in sorted(example.files)
    ]
    attaching.attach_media(task=task, uploads=uploads, by=world.ada)
    drafts.save_draft(
        task=task,
        definition_text=example.block("yaml"),
        upload=SimpleUploadedFile("items.jsonl", example.block("jsonl").encode()),
        by=world.ada,
    )
    with drafts.check_draft(TaskDraft.objects.get(task=task)) as (_, imported):
        assert [one for one in imported.warnings if "named by no row" in one] == []
    return publication.publish_task(task=task, visibility="public", by=world.ada)


def test_every_example_reads_without_a_finding() -> None:
    found = examples()

    for example in found:
        if example.is_program:
            errors = [
                one
                for one in inspect_code(example.block("python")).findings
                if one.severity.value != "note" and one.code not in {"openai-client"}
            ]
            assert errors == [], example.title
        else:
            parse_definition(example.block("yaml"))
    assert len(found) >= 14


@pytest.mark.parametrize("kind", STARTING_POINTS, ids=lambda kind: kind.slug)
def test_a_kind_to_start_from_is_what_the_page_shows(kind: StartingPoint) -> None:
    (example,) = [one for one in examples() if one.kind is kind]

    if kind.code:
        assert kind.code == example.block("python")
    else:
        assert kind.rows == example.block("jsonl")
        assert kind.definition.replace(JUDGE, example.judge) == example.block("yaml")
