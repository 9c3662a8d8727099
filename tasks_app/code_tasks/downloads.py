"""Files that a program left, as downloads."""

import tempfile

from django.http import FileResponse, HttpResponse

from tasks_app.code_tasks import queries as programs
from tasks_app.models import Run

_IN_MEMORY = 16 * 1024 * 1024


def zip_response(run: Run) -> FileResponse:
    target = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - the response closes it
    programs.write_zip(run, target)
    target.seek(0)
    return FileResponse(
        target, as_attachment=True, filename=f"run-{run.pk}.zip", content_type="application/zip"
    )


def file_response(run: Run, artifact_id: int) -> FileResponse:
    artifact = programs.artifact_at(run, artifact_id)
    # Never as what it claims to be: a page made by a stranger's program is no page of ours.
    return FileResponse(
        artifact.file.open("rb"),
        as_attachment=True,
        filename=artifact.path.rpartition("/")[2],
        content_type="application/octet-stream",
    )


def log_response(run: Run) -> HttpResponse:
    """Return the whole log; a run's is bounded, but too long for a page."""
    response = HttpResponse(programs.whole_log(run), content_type="text/plain; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="run-{run.pk}-output.txt"'
    return response
