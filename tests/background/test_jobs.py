"""Work on large files: a worker does it, its progress is shown, and it happens once."""

import json
import sys
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.utils.module_loading import import_string

from plumbmark.background import actions, jobs, kinds, work
from plumbmark.background.kinds import JobResult, record_result
from plumbmark.background.models import Job
from plumbmark.background.retention import FINISHED_JOBS
from plumbmark.common.clock import shift_clock
from plumbmark.common.errors import Busy, Conflict
from plumbmark.common.progress import count_progress, report_progress
from plumbmark.common.retention import purge_policy
from tasks_app.authoring import actions as authoring
from tasks_app.authoring import draft_jobs, drafts
from tasks_app.models import DataFile, Run, Task, TaskVersion
from tasks_app.runs import submission_jobs

pytestmark = pytest.mark.django_db

DEFINITION = """\
plumbmark: 1
data: {id: id, target: answer}
prompt:
  messages: [{role: user, content: "What is {question}?"}]
scorers: [{type: exact}]
"""


@pytest.fixture(autouse=True)
def _every_file_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draft_jobs, "JOB_BYTES", 1)
    monkeypatch.setattr(submission_jobs, "JOB_BYTES", 1)


@pytest.fixture
def ada(open_account: Any) -> Any:
    return open_account("ada")


@pytest.fixture
def task(ada: Any) -> Task:
    return make_task(ada)


def make_task(user: Any, answers: str = "0123456789", title: str = "Sums") -> Task:
    task = authoring.create_task(
        namespace=user.namespace, facts=authoring.TaskFacts(title=title), by=user
    )
    lines = [
        json.dumps({"id": f"q{number}", "question": f"{number}+0", "answer": answer})
        for number, answer in enumerate(answers)
    ]
    upload = SimpleUploadedFile("sums.jsonl", "\n".join(lines).encode())
    drafts.save_draft(task=task, definition_text=DEFINITION, upload=upload, by=user)
    return Task.objects.get(pk=task.pk)


@pytest.fixture
def api(client: Client, ada: Any) -> Client:
    client.force_login(ada)
    return client


def post(api: Client, path: str, body: Any = None) -> Any:
    return api.post(f"/api/v1/{path}", json.dumps(body or {}), content_type="application/json")


def get(api: Client, path: str) -> Any:
    return api.get(f"/api/v1/{path}").json()


# --- drafts -------------------------------------------------------------------------------------


def test_a_large_draft_is_checked_by_a_worker(
    api: Client, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = post(api, f"tasks/{task.public_id}/draft/check")

    assert answer.status_code == 202
    assert answer.json()["state"] == "queued"
    assert answer.headers["Location"] == f"/api/v1/jobs/{answer.json()['id']}"
    assert answer.headers["Retry-After"] == "2"
    assert jobs.work() == f"job {answer.json()['id']}"
    job = get(api, f"jobs/{answer.json()['id']}")
    assert (job["state"], job["error"]) == ("completed", None)
    monkeypatch.setattr(draft_jobs, "JOB_BYTES", 10**9)
    at_once = post(api, f"tasks/{task.public_id}/draft/check")
    assert at_once.status_code == 200
    assert job["result"] == at_once.json()


def test_a_wrong_draft_fails_with_the_problems_that_a_request_would_tell(
    api: Client, ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = make_task(ada)
    rows = b'{"id": "a", "question": "1+1", "answer": "2"}\n{"id": "a", "question": "", "x": 1}'
    upload = SimpleUploadedFile("b.jsonl", rows)
    drafts.save_draft(task=task, upload=upload, replaces_fitting_file=True, by=ada)
    path = f"tasks/{task.public_id}/publish"
    job_id = post(api, path, {"visibility": "public"}).json()["id"]
    jobs.work()

    job = get(api, f"jobs/{job_id}")

    monkeypatch.setattr(draft_jobs, "JOB_BYTES", 10**9)
    at_once = post(api, path, {"visibility": "public"})
    assert at_once.status_code == 422
    told = at_once.json()
    assert job["state"] == "failed"
    assert job["error"] == {key: told[key] for key in ("status", "code", "detail", "problems")}
    assert TaskVersion.objects.count() == 0


def test_a_large_draft_is_published_once(api: Client, task: Task) -> None:
    path = f"tasks/{task.public_id}/publish"
    first = post(api, path, {"visibility": "public"})
    again = post(api, path, {"visibility": "public"})

    assert first.json()["id"] == again.json()["id"], "two clicks are one job"
    jobs.work()
    job = get(api, f"jobs/{first.json()['id']}")
    version = TaskVersion.objects.get()
    assert job["result"]["id"] == version.public_id
    assert (version.number, version.item_count) == (1, 10)
    assert Job.objects.get().result_url == version.get_absolute_url()


def test_a_draft_that_changed_meanwhile_is_not_published(ada: Any, task: Task) -> None:
    draft = task.draft
    job = draft_jobs.start_publication(draft=draft, visibility="public", notes="", by=ada)
    drafts.save_draft(task=task, definition_text=DEFINITION + "# more", by=ada)
    work.work_on_next_job()

    job.refresh_from_db()

    assert job.state == Job.State.FAILED
    assert "was changed after this was started" in job.error["detail"]
    assert not TaskVersion.objects.exists()


def test_a_worker_that_dies_after_the_publication_publishes_no_second_version(
    ada: Any, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = draft_jobs.start_publication(draft=task.draft, visibility="public", notes="", by=ada)
    with monkeypatch.context() as patched:
        patched.setattr(work, "_end", lambda *args, **columns: None)
        work.work_on_next_job()
    job.refresh_from_db()
    assert (job.state, job.result["value"]["number"]) == (Job.State.RUNNING, 1)

    with shift_clock(work.LEASE + timedelta(seconds=1)):
        work.recover_jobs()
        work.work_on_next_job()

    job.refresh_from_db()
    assert job.state == Job.State.COMPLETED
    assert TaskVersion.objects.count() == 1


def test_an_account_that_was_suspended_meanwhile_gets_nothing_done(ada: Any, task: Task) -> None:
    job = draft_jobs.start_publication(draft=task.draft, visibility="public", notes="", by=ada)
    ada.is_active = False
    ada.save()
    work.work_on_next_job()

    job.refresh_from_db()

    assert job.error["code"] == "not-allowed"
    assert not TaskVersion.objects.exists()


# --- submitted outputs --------------------------------------------------------------------------


def publish(ada: Any, task: Task) -> TaskVersion:
    draft_jobs.start_publication(draft=task.draft, visibility="public", notes="", by=ada)
    work.work_on_next_job()
    return TaskVersion.objects.get(task=task)


@pytest.mark.parametrize("form", ["rows", "file"])
def test_large_outputs_are_submitted_by_a_worker(
    api: Client, ada: Any, task: Task, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = publish(ada, task)
    monkeypatch.setattr(submission_jobs, "HEAVY_ITEMS", 1)
    rows = [{"id": f"q{number}", "output": str(number)} for number in range(10)]
    path = f"task-versions/{version.public_id}/submissions"
    if form == "rows":
        answer = post(api, path, {"model_name": "Abacus", "outputs": rows})
    else:
        file = SimpleUploadedFile("o.jsonl", "\n".join(map(json.dumps, rows)).encode())
        answer = api.post(f"/api/v1/{path}", {"model_name": "Abacus", "file": file})
    assert answer.status_code == 202, answer.content
    jobs.work()

    job = get(api, f"jobs/{answer.json()['id']}")

    run = Run.objects.get()
    assert job["result"]["id"] == run.pk
    assert run.samples_total == run.samples.count() == 10
    assert run.contender.label == "Abacus"


def test_the_file_of_outputs_goes_where_they_are_refused_or_cancelled(ada: Any, task: Task) -> None:
    version = publish(ada, task)
    kept = set(DataFile.objects.values_list("pk", flat=True))

    def start(content: bytes) -> Job:
        return submission_jobs.start_submission(
            version=version,
            model=submission_jobs.NamedModel("Abacus"),
            namespace=ada.namespace,
            upload=SimpleUploadedFile("o.jsonl", content),
            by=ada,
        )

    refused = start(b'{"id": "q1", "output": "1"}')
    work.work_on_next_job()
    refused.refresh_from_db()
    assert refused.error["problems"]
    actions.cancel_job(job=start(b'{"id": "q2", "output": "1"}'), by=ada)

    assert set(DataFile.objects.values_list("pk", flat=True)) == kept
    assert not Run.objects.exists()


# --- who, how many, in which order --------------------------------------------------------------


def test_jobs_are_seen_by_those_who_can_act_for_their_namespace(
    client: Client, ada: Any, task: Task, open_account: Any
) -> None:
    job = draft_jobs.start_check(draft=task.draft, by=ada)
    for visitor in (None, open_account("bob"), open_account("boss", is_administrator=True)):
        if visitor is not None:
            client.force_login(visitor)
        addresses = [f"/api/v1/jobs/{job.public_id}", job.get_absolute_url()]
        statuses = [client.get(address).status_code for address in addresses]
        assert statuses == ([401, 302] if visitor is None else [404, 404])
        assert client.post(f"/api/v1/jobs/{job.public_id}/cancel").status_code in {401, 404}
        if visitor is not None:
            assert get(client, "jobs")["results"] == []
    client.force_login(ada)
    assert [one["id"] for one in get(client, "jobs")["results"]] == [job.public_id]
    assert "Sums" in client.get(job.get_absolute_url()).content.decode()


def test_each_namespace_has_one_job_worked_on_and_others_come_in_between(
    ada: Any, open_account: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob = open_account("bob")
    first = draft_jobs.start_check(draft=make_task(ada).draft, by=ada)
    second = draft_jobs.start_check(draft=make_task(ada, title="More").draft, by=ada)
    third = draft_jobs.start_check(draft=make_task(bob).draft, by=bob)

    assert work._claim() == first
    assert work._claim() == third
    assert work._claim() is None
    first.refresh_from_db()
    assert first.lease_token is not None
    work._end(first, first.lease_token, state=Job.State.COMPLETED)
    assert work._claim() == second


def test_a_namespace_has_few_jobs_waiting(ada: Any) -> None:
    tasks = [make_task(ada, title=f"Task {n}") for n in range(actions.MAX_LIVE_JOBS + 1)]
    started = [draft_jobs.start_check(draft=one.draft, by=ada) for one in tasks[:-1]]

    with pytest.raises(Busy, match="5 large pieces of work of ada are under way"):
        draft_jobs.start_check(draft=tasks[-1].draft, by=ada)
    actions.cancel_job(job=started[0], by=ada)
    draft_jobs.start_check(draft=tasks[-1].draft, by=ada)


def test_the_functions_of_every_kind_can_be_loaded() -> None:
    assert len(kinds._kinds) >= 8
    for kind in kinds._kinds.values():
        assert callable(import_string(kind.work))
        assert not kind.discard or callable(import_string(kind.discard))


# --- a worker -----------------------------------------------------------------------------------


def start(ada: Any, work_of: Any, monkeypatch: pytest.MonkeyPatch) -> Job:
    monkeypatch.setattr(sys.modules[__name__], "_work_of_odd_job", work_of, raising=False)
    kinds.register_job_kind("odd", f"{__name__}._work_of_odd_job")
    monkeypatch.setitem(kinds._kinds, "odd", kinds._kinds.pop("odd"))
    return actions.start_job(
        kind="odd", title="Odd", namespace=ada.namespace, subject="", arguments={}, by=ada
    )


def test_an_unknown_fault_fails_the_job_and_tells_nothing_of_its_inside(
    ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(job: Job) -> JobResult:
        raise RuntimeError("the password is swordfish")

    job = start(ada, fail, monkeypatch)
    work.work_on_next_job()

    job.refresh_from_db()

    assert job.state == Job.State.FAILED
    assert job.public_id in job.error["detail"]
    assert "swordfish" not in json.dumps(job.error)


def test_a_job_whose_worker_dies_is_done_by_another_and_fails_at_last(
    ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = start(ada, lambda job: JobResult(), monkeypatch)
    for attempt in range(1, work.MAX_ATTEMPTS + 1):
        claimed = work._claim()
        assert claimed is not None
        assert claimed.attempts == attempt
        assert work._claim() is None
        work.recover_jobs()
        assert work._claim() is None, "its lease is not over"
        with shift_clock(work.LEASE + timedelta(seconds=1)):
            work.recover_jobs()

    job.refresh_from_db()
    assert job.state == Job.State.FAILED
    assert job.error["code"] == "worker-lost"


def test_a_worker_that_ends_gives_its_job_back(ada: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def end_amid(job: Job) -> JobResult:
        work.stopping.set()
        report_progress("Counting", 1, 2)
        raise AssertionError("it goes on although its worker ends")

    job = start(ada, end_amid, monkeypatch)
    try:
        work.work_on_next_job()
        assert work.work_on_next_job() is None
    finally:
        work.stopping.clear()

    job.refresh_from_db()
    assert (job.state, job.attempts, job.lease_token) == (Job.State.QUEUED, 0, None)


def test_a_job_that_is_cancelled_stops_and_stores_nothing(
    ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work_on(job: Job) -> JobResult:
        actions.cancel_job(job=Job.objects.get(pk=job.pk), by=ada)
        if monkeypatched["reports"]:
            report_progress("Counting", 1, 2)
        else:
            record_result(job, JobResult(message="stored"))
        raise AssertionError("it goes on although it was cancelled")

    for reports in (True, False):
        monkeypatched = {"reports": reports}
        job = start(ada, work_on, monkeypatch)
        work.work_on_next_job()
        job.refresh_from_db()
        assert (job.state, job.result) == (Job.State.CANCELLED, None)


def test_what_is_done_already_is_not_cancelled(ada: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def work_on(job: Job) -> JobResult:
        record_result(job, JobResult(message="stored"))
        actions.cancel_job(job=Job.objects.get(pk=job.pk), by=ada)
        return JobResult(message="stored")

    job = start(ada, work_on, monkeypatch)
    work.work_on_next_job()

    job.refresh_from_db()
    assert job.state == Job.State.COMPLETED


@pytest.mark.django_db(transaction=True)
def test_progress_is_seen_while_a_job_is_worked_on(
    ada: Any, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "_REPORT_SECONDS", 0)
    go_on, reached = threading.Event(), threading.Event()

    def work_on(job: Job) -> JobResult:
        for number in count_progress("Counting sheep", range(500), 500):
            if number == 350:
                reached.set()
                go_on.wait(60)
        return JobResult(message="500 sheep")

    job = start(ada, work_on, monkeypatch)

    def run() -> None:
        work.work_on_next_job()
        connection.close()

    worker = threading.Thread(target=run)
    worker.start()
    assert reached.wait(60)
    client.force_login(ada)
    amid = get(client, f"jobs/{job.public_id}")
    page = client.get(job.get_absolute_url()).content.decode()
    go_on.set()
    worker.join()

    assert (amid["state"], amid["step"]) == ("running", "Counting sheep")
    assert (amid["done"], amid["total"]) == (300, 500)
    assert "Counting sheep" in page
    assert "300 of 500" in page
    after = client.get(job.get_absolute_url()).content.decode()
    assert "500 sheep" in after


def test_old_jobs_are_forgotten(ada: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    start(ada, lambda job: JobResult(), monkeypatch)
    work.work_on_next_job()
    waiting = start(ada, lambda job: JobResult(), monkeypatch)
    assert purge_policy(FINISHED_JOBS) == 0
    with shift_clock(timedelta(days=31)):
        assert purge_policy(FINISHED_JOBS) == 1
    assert Job.objects.get() == waiting


def test_a_task_that_is_gone_is_told(ada: Any, task: Task) -> None:
    job = draft_jobs.start_check(draft=task.draft, by=ada)
    job.arguments["task"] = "nothing"
    with pytest.raises(Conflict, match="no longer exists"):
        draft_jobs.check_in_job(job)
