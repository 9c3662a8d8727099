"""What a program finds around it: its folders on the host, and its environment variables."""

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from django.conf import settings

from plumbmark.sandbox import (
    GATEWAY_URL,
    WORK,
    Limits,
    Mount,
    Sandbox,
    SandboxJob,
    environment_mounts,
)
from plumbmark.sandbox.locked_folders import locked_folder, remove_left_behind
from tasks_app.code_tasks.definition import CodeDefinition
from tasks_app.code_tasks.output.results import SCRIPT_NAME
from tasks_app.code_tasks.settings import BARE, MAX_MINUTES
from tasks_app.models import Run
from tasks_app.workers import sandbox as sandboxing

SOURCE = "/kaggle/src"
INPUT = "/kaggle/input"
_ENVIRONMENT = "/opt/environment"
_DUMMY_KEY = "the-gateway-adds-the-key"
_MIB = 1024 * 1024
_LEFT_BEHIND_SECONDS = (MAX_MINUTES + 60) * 60.0


class CannotPrepare(Exception):
    """Why a program cannot be started; a sentence for people."""


@dataclass(frozen=True, slots=True)
class Folders:
    """Of one try of one run, on the host."""

    run: Run
    definition: CodeDefinition
    top: Path

    @property
    def work(self) -> Path:
        return self.top / "work"

    def job(self, sandbox: Sandbox) -> SandboxJob:
        """Return the job, without the gateway's socket. Raises `CannotPrepare`."""
        definition = self.definition
        mounts = [Mount(self.top / "src", SOURCE), Mount(self.top / "input", INPUT)]
        python = sandbox.python
        variables = _environment(self.run)
        if definition.environment != BARE:
            own = sandboxing.environment_python()
            if own is None:
                raise CannotPrepare(sandboxing.missing_environment(definition.environment))
            mounts += environment_mounts(own, at=_ENVIRONMENT)
            python = f"{_ENVIRONMENT}/bin/python"
            # Code that a model wrote is run as `python`, and notebook kernels are found by name.
            variables["PATH"] = f"{_ENVIRONMENT}/bin:/usr/local/bin:/usr/bin:/bin"
        return SandboxJob(
            argv=(python, "-u", f"{SOURCE}/{SCRIPT_NAME}"),
            work=self.work,
            mounts=mounts,
            environment=variables,
            limits=_limits(definition),
            merges_errors=True,
        )


def with_socket(job: SandboxJob, socket: Path) -> SandboxJob:
    return replace(job, gateway_socket=socket)


@contextlib.contextmanager
def prepared_folders(run: Run, definition: CodeDefinition) -> Iterator[Folders]:
    """Create folders with the script and the attached files, removed at the end with everything in
    them.
    """
    remove_folders_left_behind()
    with locked_folder(Path(settings.CODE_RUNS_DIR), str(run.pk)) as top:
        folders = Folders(run, definition, top)
        for name in ("work", "src", "input"):
            (folders.top / name).mkdir(mode=0o755)
        script = folders.top / "src" / SCRIPT_NAME
        script.write_text(definition.script, encoding="utf-8")
        _open_to_all(script)
        for row in run.task_version.attached_files.select_related("data_file"):
            target = folders.top / "input" / row.data_file.name
            with row.data_file.file.open("rb") as source, target.open("wb") as copy:
                shutil.copyfileobj(source, copy)
            _open_to_all(target)
        yield folders


def _open_to_all(path: Path) -> None:
    """Open to all: the program runs as another user; the folder above keeps everyone else away."""
    path.chmod(0o644)


def remove_folders_left_behind() -> int:
    """Remove the folders that killed workers left on this host; return how many."""
    return remove_left_behind(Path(settings.CODE_RUNS_DIR), oldest_seconds=_LEFT_BEHIND_SECONDS)


def _environment(run: Run) -> dict[str, str]:
    """Return the names that the SDK of Kaggle and OpenAI's client look for. The keys are
    dummies.
    """
    slug = str(run.deployment_facts["slug"])
    judge = str(run.parameters.get("judge", slug))
    further = run.parameters.get("models", {})
    return {
        "MODEL_PROXY_URL": f"{GATEWAY_URL}/compat/kaggle/models",
        "MODEL_PROXY_API_KEY": _DUMMY_KEY,
        "LLM_DEFAULT": slug,
        "LLM_DEFAULT_JUDGE": judge,
        "LLM_DEFAULT_EVAL": judge,
        # By the names that the code uses: it looks them up in this list.
        "LLMS_AVAILABLE": ",".join(dict.fromkeys([slug, judge, *further])),
        "KAGGLE_KERNEL_RUN_TYPE": "batch",
        "OPENAI_BASE_URL": f"{GATEWAY_URL}/v1",
        "OPENAI_API_KEY": _DUMMY_KEY,
        "PLUMBMARK_MODEL": slug,
        # As in a notebook, modules that the program writes can be imported.
        "PYTHONPATH": WORK,
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _limits(definition: CodeDefinition) -> Limits:
    seconds = definition.timeout_minutes * 60
    if definition.environment == BARE:
        return Limits(wall_seconds=float(seconds), cpu_seconds=seconds, output_bytes=2 * _MIB)
    return Limits(
        wall_seconds=float(seconds),
        cpu_seconds=seconds,
        memory_bytes=3072 * _MIB,
        address_space_bytes=8192 * _MIB,
        processes=256,
        disk_bytes=1024 * _MIB,
        output_bytes=2 * _MIB,
        open_files=1024,
    )
