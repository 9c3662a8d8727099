"""Workers tell what they can do, and pages say it."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from plumbmark.common.clock import now
from plumbmark.common.errors import Conflict
from plumbmark.common.models import WorkerReport
from tasks_app.runs.submissions import submit_outputs
from tasks_app.workers import reports
from tests.stack import Stack

pytestmark = pytest.mark.django_db(transaction=True)

PROGRAM = """\
plumbmark: 1
data: {id: id, target: answer}
prompt: {messages: [{role: user, content: "{question}"}]}
scorers: [{type: code_execution, program: "{output}"}]
"""


def worker(name: str, sandbox: str, *, seconds_ago: float = 1.0, reason: str = "") -> None:
    WorkerReport.objects.create(
        name=name,
        platform_version="1",
        facts={"sandbox": sandbox, "reason": reason, "tests": [["bubblewrap", "It <held>."]]},
        started_at=now(),
        seen_at=now() - timedelta(seconds=seconds_ago),
    )


def test_a_worker_reports_what_came_of_trying_its_sandbox(settings: Any) -> None:
    reports.report()
    reports.report()
    (live,) = reports.workers()
    assert live.name == reports.own_name()
    assert bool(live.sandbox) != bool(live.reason)
    settings.SANDBOX_IS_ON = False
    reports.report()
    (live,) = reports.workers()
    assert live.sandbox == ""
    assert "PLUMBMARK_SANDBOX" in live.reason
    reports.withdraw()
    assert reports.workers() == []


def test_code_is_refused_where_no_live_worker_runs_it(world: Any) -> None:
    version = world.version(2, definition=PROGRAM)

    def submit(name: str) -> None:
        submit_outputs(
            version=version,
            model_name=name,
            namespace=world.ada.namespace,
            rows=[{"id": "i0", "output": "x"}, {"id": "i1", "output": "y"}],
            by=world.ada,
        )

    submit("nobody has reported yet")
    worker("one", "", reason="bubblewrap is not installed.")
    worker("gone", "bubblewrap", seconds_ago=1000)
    with pytest.raises(Conflict, match="bubblewrap is not installed"):
        submit("refused")
    with pytest.raises(Conflict, match="bubblewrap is not installed"):
        world.start(version)
    worker("two", "landlock")
    submit("somebody can")


def test_staff_see_the_workers_and_nobody_else_does(open_account: Any) -> None:
    worker("host:1", "bubblewrap")
    worker("host:2", "", reason="User <namespaces> are off.")
    staff, other = Client(), Client()
    staff.force_login(open_account("keeper", is_administrator=True))
    other.force_login(open_account("eve"))
    page = staff.get("/staff/status/").content.decode()
    assert "host:1" in page
    assert "It &lt;held&gt;." in page
    assert "User &lt;namespaces&gt; are off." in page
    assert other.get("/staff/status/").status_code == 404
    assert Client().get("/staff/status/").status_code == 302


def test_a_real_worker_reports_and_withdraws(tmp_path: Path) -> None:
    with Stack(tmp_path / "state") as stack:
        stack.start("worker1")
        count = "from plumbmark.common.models import WorkerReport as W; print(W.objects.count())"
        stack.wait_for(lambda: stack.shell(count) == 1)
        stack.processes["worker1"].terminate()
        stack.processes["worker1"].wait(300)
        stack.wait_for(lambda: stack.shell(count) == 0)
