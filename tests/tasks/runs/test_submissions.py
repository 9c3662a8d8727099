"""Submitted outputs: marked like any others, and nothing left of what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from plumbmark.common.errors import Conflict, DomainError, InvalidInput
from tasks_app.models import Contender, DataFile, Run, Sample, Scoring
from tasks_app.runs.control import retry_failed_samples
from tasks_app.runs.submissions import submit_outputs
from tests.tasks.world import DEFINITION

pytestmark = pytest.mark.django_db(transaction=True)

Rows = list[dict[str, Any]]


def right(items: int) -> Rows:
    return [{"id": f"i{n}", "output": str(n + n % 7)} for n in range(items)]


def as_file(rows: Rows, name: str = "outputs.jsonl") -> Any:
    text = "\n".join(json.dumps(row) for row in rows)
    return SimpleUploadedFile(name, text.encode())


def submit(world: Any, version: Any, **given: Any) -> Run:
    return submit_outputs(
        **{
            "version": version,
            "model_name": "Some model",
            "namespace": world.ada.namespace,
            "by": world.ada,
            **given,
        }
    )


@pytest.mark.parametrize("way", ["file", "rows"])
def test_submitted_outputs_are_marked_without_a_call(world: Any, way: str) -> None:
    version = world.version(10)
    rows = right(10)
    rows[3]["output"] = "wrong"
    rows[4]["output"] = ""
    given = {"upload": as_file(rows)} if way == "file" else {"rows": rows}
    run = submit(world, version, **given)
    assert run.contender.kind == Contender.Kind.SUBMITTED
    world.work()
    run.refresh_from_db()
    assert run.state == Run.State.COMPLETED
    assert run.samples_done == run.samples_total == 10
    scoring = Scoring.objects.get(run=run)
    assert scoring.state == Scoring.State.COMPLETED
    assert scoring.value == 0.8
    assert Sample.objects.get(run=run, ordinal=4).outcome == "empty"
    assert world.provider.stats()["total"] == 0
    with pytest.raises(Conflict):
        retry_failed_samples(run=run, by=world.ada)


def bad(change: Any) -> Rows:
    rows = right(10)
    change(rows)
    return rows


BAD: dict[str, tuple[Any, str]] = {
    "unknown": (bad(lambda rows: rows[2].update(id="nobody")), "no item has the id 'nobody'"),
    "missing": (bad(lambda rows: rows.pop()), "1 of 10 outputs are missing: i9"),
    "duplicate": (bad(lambda rows: rows.append(rows[0])), "is in line 1 already"),
    "repeat": (bad(lambda rows: rows[0].update(repeat=2)), "from 1 to 1, not"),
    "empty": ([], "no rows"),
    "nul": (bad(lambda rows: rows[0].update(output="a\x00b")), "null character"),
    "number": (bad(lambda rows: rows[0].update(output=4)), "must be text"),
    "column": (bad(lambda rows: rows[0].update(score=1)), "'score' is not known"),
    "no-id": (bad(lambda rows: rows[0].pop("id")), "id"),
}


@pytest.mark.parametrize("way", ["file", "rows"])
@pytest.mark.parametrize("name", BAD)
def test_bad_outputs_are_refused_with_their_place_and_leave_nothing(
    world: Any, settings: Any, name: str, way: str
) -> None:
    version = world.version(10)
    rows, message = BAD[name]
    files = sorted(Path(settings.MEDIA_ROOT).rglob("*"))
    count = DataFile.objects.count()
    given = {"upload": as_file(rows)} if way == "file" else {"rows": rows}
    with pytest.raises(InvalidInput) as refused:
        submit(world, version, **given)
    if (name, way) == ("empty", "file"):
        message = "the file is empty"
    assert message in str(refused.value)
    assert not Run.objects.exists()
    assert not Sample.objects.exists()
    assert not Contender.objects.filter(kind="submitted").exists()
    assert DataFile.objects.count() == count
    assert sorted(Path(settings.MEDIA_ROOT).rglob("*")) == files


def test_outputs_over_the_limits_are_refused(world: Any, settings: Any) -> None:
    version = world.version(10)
    count = DataFile.objects.count()
    settings.MAX_DATA_FILE_BYTES = 100
    with pytest.raises(InvalidInput):
        submit(world, version, upload=as_file(right(10)))
    assert DataFile.objects.count() == count
    assert not Run.objects.exists()


def test_a_bad_name_leaves_no_file_behind(world: Any, settings: Any) -> None:
    version = world.version(10)
    files = sorted(Path(settings.MEDIA_ROOT).rglob("*"))
    with pytest.raises(DomainError):
        submit(world, version, upload=as_file(right(10)), model_name="  ")
    assert sorted(Path(settings.MEDIA_ROOT).rglob("*")) == files


def test_repeats_are_each_wanted(world: Any) -> None:
    version = world.version(3, definition=DEFINITION + "repeats: 2\n")
    rows = [
        {"id": f"i{n}", "repeat": repeat, "output": str(n + n % 7)}
        for n in range(3)
        for repeat in (1, 2)
    ]
    with pytest.raises(InvalidInput, match=r"i2 \(repeat 2\)"):
        submit(world, version, upload=as_file(rows[:-1]))
    run = submit(world, version, upload=as_file(rows))
    world.work()
    run.refresh_from_db()
    assert run.state == Run.State.COMPLETED
    assert run.samples_done == 6


def test_reasoning_in_an_output_is_shown_folded_and_given_apart_by_the_api(world: Any) -> None:
    output = "<think>\nOr is it <b>five</b>?\n</think>\n\nIt is 4."
    rows = right(4)
    rows[0]["output"] = output
    run = submit(world, world.version(4), rows=rows)
    world.work()
    client = Client()
    client.force_login(world.ada, backend="django.contrib.auth.backends.ModelBackend")

    page = client.get(f"/runs/{run.pk}/samples/0/").content.decode()
    sample = client.get(f"/api/v1/runs/{run.pk}/samples/0").json()

    assert "Reasoning, not scored (21 characters)" in page
    assert "Or is it &lt;b&gt;five&lt;/b&gt;?" in page.partition('id="reasoning"')[2]
    assert "Or is it" not in page.partition('id="output"')[2].partition("</section>")[0]
    assert sample["output"] == output
    assert sample["reasoning"] == "Or is it <b>five</b>?"
