"""Fixtures of the tests of tasks: a world to run things in, and what pages need.

`world` has people, a fake provider and tasks of sums; `make_task`, `start` and `work` run
small tasks by the keyless baselines.
"""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from plumbmark.gateway.calls import runtime
from tasks_app.models import Run
from tests.fake_provider.process import FakeProvider
from tests.tasks.gateway_process import WarmGateway
from tests.tasks.words import DEFINITION, ROWS, jsonl
from tests.tasks.world import World, check_counters


@pytest.fixture
def world(
    transactional_db: None,
    fake_provider: FakeProvider,
    open_account: Callable[..., Any],
    settings: Any,
    tmp_path: Path,
) -> Iterator[World]:
    settings.SPOOL_DIR = tmp_path / "spool"
    settings.SHARD_ITEMS = 20
    settings.WORKER_WINDOW = 8
    yield World(fake_provider, open_account)
    runtime.shutdown()


@pytest.fixture(scope="session")
def warm_gateway(
    django_db_setup: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WarmGateway]:
    with WarmGateway(tmp_path_factory.mktemp("gateway")) as warm:
        yield warm


@pytest.fixture
def gateway(
    world: World, warm_gateway: WarmGateway, settings: Any, tmp_path: Path
) -> Iterator[None]:
    """Return the gateway as a real process, which programs in the sandbox call."""
    settings.CODE_RUNS_DIR = tmp_path / "code-runs"
    with warm_gateway.serve(tmp_path) as address:
        settings.GATEWAY_ADDRESS = address
        yield


@pytest.fixture(name="check")
def _check() -> Callable[[Run], Run]:
    return check_counters


@pytest.fixture
def make_task(db: None) -> Callable[..., Any]:
    """`make_task(user, title="Words", definition=…, rows=…, publish="public")` → a task."""
    from django.core.files.uploadedfile import SimpleUploadedFile

    from tasks_app.authoring import actions as authoring
    from tasks_app.authoring import drafts, publication

    def make(
        user: Any,
        title: str = "Number words",
        definition: str = DEFINITION,
        rows: list[dict[str, Any]] = ROWS,
        publish: str = "public",
        **facts: Any,
    ) -> Any:
        task = authoring.create_task(
            namespace=user.namespace, facts=authoring.TaskFacts(title=title, **facts), by=user
        )
        drafts.save_draft(
            task=task,
            definition_text=definition,
            upload=SimpleUploadedFile("items.jsonl", jsonl(rows)),
            by=user,
        )
        if publish:
            publication.publish_task(task=task, visibility=publish, by=user)
        task.refresh_from_db()
        return task

    return make


@pytest.fixture
def echo(db: None) -> Any:
    """Return the baseline that says the question back."""
    from plumbmark.gateway.actions import ensure_baselines
    from plumbmark.gateway.models import Deployment

    ensure_baselines()
    return Deployment.objects.get(slug="baseline/echo")


@pytest.fixture
def start(echo: Any) -> Callable[..., Any]:
    """`start(task, user, purpose="declared")` → a queued run of the latest version."""
    from tasks_app.runs.contenders import contender_of_deployment
    from tasks_app.runs.start import start_run

    def begin(task: Any, user: Any, purpose: str = "declared") -> Any:
        return start_run(
            version=task.latest_version,
            contender=contender_of_deployment(deployment=echo, by=user),
            purpose=purpose,
            namespace=user.namespace,
            by=user,
        )

    return begin


@pytest.fixture
def work(transactional_db: None) -> Iterator[Callable[[], None]]:
    """`work()` does what a worker would, until nothing is due."""
    from plumbmark.gateway.calls import runtime
    from tasks_app import jobs

    def until_done() -> None:
        for _ in range(20):
            if jobs.work() == "nothing due":
                return

    yield until_done
    runtime.shutdown()


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return the folder for temporary files; the test fails if something is left in it."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


@pytest.fixture
def written(tmp_path: Path) -> Callable[[bytes, str], Path]:
    """`written(content, name)` → the path of a file with that content."""

    def write(content: bytes, name: str) -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write
