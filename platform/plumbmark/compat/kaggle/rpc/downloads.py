"""What a run left behind, as a zip file."""

import json
import shutil
import tempfile
import zipfile
from typing import IO, Any

from django.core.serializers.json import DjangoJSONEncoder
from django.http import FileResponse

from plumbmark.compat.kaggle.rpc.calls import Answer, RpcCall
from plumbmark.compat.kaggle.rpc.messages import absolute, lean, moment
from plumbmark.compat.kaggle.rpc.runs import run_of
from tasks_app.code_tasks.actions import code_of
from tasks_app.code_tasks.queries import artifacts_of, entry_name
from tasks_app.code_tasks.source.notebook import notebook_of, script_of
from tasks_app.kinds import kind_of
from tasks_app.models import Run, Sample
from tasks_app.permissions import can_view_program
from tasks_app.runs.queries import current_scoring, samples_of, with_scores

_AT_ONCE = 200


def download_benchmark_task_run_output(call: RpcCall) -> Answer:
    """Send the files that a program left, and the run and its samples, as the caller may see
    them; and, on demand, the source.
    """
    run = run_of(call)
    # Closed, and so deleted, with the response.
    file = tempfile.TemporaryFile()  # noqa: SIM115
    try:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("plumbmark-run.json", _text(run_facts(run)))
            with archive.open("plumbmark-samples.jsonl", "w", force_zip64=True) as lines:
                _write_samples(lines, run, call)
            if kind_of(run.task_version).runs_program and can_view_program(call.user, run):
                _write_artifacts(archive, run)
            if call.body.flag("includeSource"):
                _write_source(archive, run, call)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    response = FileResponse(file, as_attachment=True, filename=f"run-{run.pk}.zip")
    response["Content-Type"] = "application/zip"
    # It is compressed already.
    response["Content-Encoding"] = "identity"
    return response


def _write_artifacts(archive: zipfile.ZipFile, run: Run) -> None:
    for artifact in artifacts_of(run):
        name = entry_name(artifact.path, archive.NameToInfo)
        with artifact.file.open("rb") as source, archive.open(name, "w", force_zip64=True) as copy:
            shutil.copyfileobj(source, copy)


def _write_source(archive: zipfile.ZipFile, run: Run, call: RpcCall) -> None:
    """Write the definition, or the code as a notebook under the name that the command line
    expects.
    """
    version = run.task_version
    if not kind_of(version).runs_program:
        archive.writestr("plumbmark-task.json", _text(version.definition))
        return
    if version.code_file is None or not can_view_program(call.user, run):
        return
    code = code_of(version.code_file)
    if not version.code_file.name.lower().endswith(".ipynb"):
        code = notebook_of(script_of(version.code_file.name, code).code).encode()
    archive.writestr("__notebook_source__.ipynb", code)


def run_facts(run: Run) -> dict[str, Any]:
    """Return a run's frozen inputs and its result."""
    scoring = current_scoring(run)
    version = run.task_version
    return lean(
        run=run.pk,
        url=absolute(run.get_absolute_url()),
        task=f"{version.task.namespace.handle}/{version.task.slug}",
        version=version.number,
        canary=version.canary,
        contender=run.contender.label,
        configuration=run.contender.configuration,
        state=run.state,
        failure=run.failure,
        invalid_reason=run.invalid_reason,
        question_hash=run.question_hash,
        marking_hash=run.marking_hash,
        parameters=run.parameters,
        upstream_models=run.upstream_models,
        started_at=moment(run.started_at),
        finished_at=moment(run.finished_at),
        input_tokens=run.input_tokens,
        output_tokens=run.output_tokens,
        provider_cost_nanodollars=run.provider_cost,
        estimate=scoring.estimate if scoring else None,
    )


def _write_samples(lines: IO[bytes], run: Run, call: RpcCall) -> None:
    samples = with_scores(samples_of(run, to=call.user), current_scoring(run))
    for sample in samples.iterator(chunk_size=_AT_ONCE):
        lines.write(_line(sample).encode() + b"\n")


def _line(sample: Sample) -> str:
    is_withheld = sample.withheld_at is not None
    return json.dumps(
        lean(
            item=sample.item.key,
            repeat=sample.repeat,
            outcome=sample.outcome,
            output=None if is_withheld else sample.output,
            withheld=is_withheld,
            answer=None if is_withheld else getattr(sample, "answer", None),
            value=getattr(sample, "value", None),
            error=sample.error,
            input_tokens=sample.input_tokens,
            output_tokens=sample.output_tokens,
            provider_cost_nanodollars=sample.provider_cost,
            latency_ms=sample.latency_ms,
            finished_at=moment(sample.finished_at),
        ),
        ensure_ascii=False,
        cls=DjangoJSONEncoder,
    )


def _text(document: Any) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2, cls=DjangoJSONEncoder)
