"""The procedures of the `kaggle` command line: who may call what, and how they answer."""

import base64
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import jupytext
import pytest
import yaml
from django.test import Client
from django.utils import timezone

from plumbmark.accounts.models import ApiToken
from plumbmark.accounts.tokens import issue_token, revoke_token, token_behind
from plumbmark.common.models import WorkerReport
from plumbmark.compat.kaggle.rpc.pushing import with_main
from plumbmark.gateway.actions import (
    add_deployment,
    ensure_baselines,
    set_price,
)
from plumbmark.gateway.models import Deployment
from tasks_app.models import Run, Scoring, Task, TaskVersion
from tasks_app.runs.contenders import contender_of_deployment
from tasks_app.runs.control import cancel_run
from tasks_app.runs.start import start_run
from tasks_app.workers import sandbox as sandboxing
from tests.factories import publish_benchmark, publish_task, settle, submit

pytestmark = pytest.mark.django_db

TASKS = "benchmarks.BenchmarkTasksApiService"
BOARDS = "benchmarks.BenchmarksApiService"
PROXY = "models.ModelProxyApiService"
OAUTH = "security.OAuthService"
ALL_SCOPES = ("read", "write", "gateway")


def secret_of(user: Any, *scopes: str, expires_at: Any = None) -> str:
    return issue_token(
        user=user, name="test", scopes=scopes or ALL_SCOPES, expires_at=expires_at
    ).secret


def call(
    service: str, method: str, body: Any = None, *, secret: str = "", **headers: str
) -> tuple[int, Any]:
    """Return status and message of a call."""
    if secret:
        headers["Authorization"] = f"Bearer {secret}"
    response = Client().post(
        f"/api/v1/{service}/{method}",
        data=json.dumps(body if body is not None else {}),
        content_type="application/json",
        headers=headers,
    )
    return response.status_code, response.json()


@pytest.fixture
def ada(open_account: Callable[..., Any]) -> Any:
    return open_account("ada")


@pytest.fixture
def ben(open_account: Callable[..., Any]) -> Any:
    return open_account("ben")


class TestTheDoor:
    def test_both_addresses_lead_to_a_procedure(self, ada: Any) -> None:
        secret = secret_of(ada)

        for base in ("/v1", "/api/v1"):
            response = Client().post(
                f"{base}/{PROXY}/GetModelProxyQuotas",
                data="{}",
                content_type="application/json",
                headers={"Authorization": f"Bearer {secret}"},
            )

            assert response.status_code == 200
            assert len(response.json()["quotaBalances"]) == 2

    def test_the_rest_api_keeps_its_addresses(self, ada: Any) -> None:
        response = Client().get("/api/v1/tasks", headers={"Authorization": secret_of(ada)})

        assert response.status_code == 200

    def test_procedures_stay_out_of_the_description(self) -> None:
        text = Client().get("/api/v1/schema").content.decode()

        assert "ApiService" not in text
        assert "{service}" not in text

    @pytest.mark.parametrize(
        ("headers", "says"),
        [
            ({}, "Send a personal token"),
            ({"Authorization": "Bearer pmk_nothing"}, "not a token of this platform"),
            ({"Authorization": "Basic ???"}, "cannot be read"),
            ({"Authorization": "Basic"}, "cannot be read"),
        ],
    )
    def test_without_a_good_token_nothing_is_answered(
        self, headers: dict[str, str], says: str
    ) -> None:
        status, answer = call(TASKS, "ListBenchmarkTasks", **headers)

        assert status == 401
        assert answer["code"] == 401
        assert says in answer["message"]

    def test_a_session_is_not_enough(self, ada: Any) -> None:
        client = Client()
        client.force_login(ada, backend="django.contrib.auth.backends.ModelBackend")

        response = client.post(
            f"/api/v1/{PROXY}/CreateDefaultModelProxyToken",
            data="{}",
            content_type="application/json",
        )

        assert response.status_code == 401
        assert not ApiToken.objects.exists()

    @pytest.mark.parametrize(
        ("service", "method", "scopes", "needed"),
        [
            (TASKS, "PublishBenchmarkTask", ["read", "gateway"], "write"),
            (TASKS, "BatchScheduleBenchmarkTaskRuns", ["read", "gateway"], "write"),
            (TASKS, "ListBenchmarkTasks", ["gateway"], "read"),
            (PROXY, "CreateDefaultModelProxyToken", ["read", "write"], "gateway"),
        ],
    )
    def test_scopes_are_asked_for(
        self, ada: Any, service: str, method: str, scopes: list[str], needed: str
    ) -> None:
        secret = secret_of(ada, *scopes)
        basic = base64.b64encode(f"ada:{secret}".encode()).decode()

        status, answer = call(service, method, secret=secret)
        by_name, _ = call(service, method, Authorization=f"Basic {basic}")

        assert status == by_name == 403
        assert f"“{needed}”" in answer["message"]

    def test_a_name_with_a_token_opens_as_the_token_does(self, ada: Any, ben: Any) -> None:
        secret = secret_of(ada)
        mine = base64.b64encode(f"Ada:{secret}".encode()).decode()
        others = base64.b64encode(f"ben:{secret}".encode()).decode()

        assert call(TASKS, "ListBenchmarkTasks", Authorization=f"Basic {mine}") == (200, {})
        status, answer = call(TASKS, "ListBenchmarkTasks", Authorization=f"Basic {others}")
        assert status == 401
        assert "another name" in answer["message"]

    def test_an_unknown_procedure_is_told(self, ada: Any) -> None:
        status, answer = call("kernels.KernelsApiService", "ListKernels", secret=secret_of(ada))

        assert status == 404
        assert "kernels.KernelsApiService/ListKernels is not served here" in answer["message"]

    @pytest.mark.parametrize(
        ("method", "body"),
        [
            ("GetBenchmarkTask", []),
            ("GetBenchmarkTask", {"slug": "numbers"}),
            ("GetBenchmarkTask", {"slug": {"taskSlug": 3}}),
            ("GetBenchmarkTask", {"slug": {"taskSlug": "a\0b"}}),
            ("GetBenchmarkTaskRunLogs", {"runId": -1}),
            ("GetBenchmarkTaskRunLogs", {"runId": 2**70}),
            ("GetBenchmarkTaskRunLogs", {"runId": True}),
            ("ListBenchmarkTasks", {"pageToken": "first"}),
            ("ListBenchmarkTasks", {"regexFilter": "("}),
            ("BatchScheduleBenchmarkTaskRuns", {"taskSlugs": [1]}),
            ("BatchScheduleBenchmarkTaskRuns", {"modelVersionSlugs": "echo"}),
            ("BatchScheduleBenchmarkTaskRuns", {}),
        ],
    )
    def test_a_message_that_makes_no_sense_is_told(self, ada: Any, method: str, body: Any) -> None:
        status, answer = call(TASKS, method, body, secret=secret_of(ada))

        # An empty list is no message at all, and so asks for a task without a name.
        assert status == (404 if body == [] else 422)
        assert answer["code"] == status
        assert answer["message"]


class TestTokens:
    def test_a_good_token_is_told_with_its_owner(self, ada: Any) -> None:
        expires_at = timezone.now() + timedelta(days=1)
        secret = secret_of(ada, "read", expires_at=expires_at)

        status, answer = call(OAUTH, "IntrospectToken", {"token": secret})

        assert status == 200
        assert answer == {
            "active": True,
            "username": "ada",
            "scope": "read",
            "exp": int(expires_at.timestamp()),
        }

    def test_a_bad_one_is_an_answer_and_no_error(self, ada: Any) -> None:
        issued = issue_token(user=ada, name="test", scopes=["read"], expires_at=None)
        revoke_token(token=issued.token, by=ada)

        for secret in ("", "pmk_nothing", issued.secret, "x" * 300):
            # The command line sends it in the header, too.
            found = call(
                OAUTH, "IntrospectToken", {"token": secret}, Authorization=f"Bearer {secret}"
            )

            assert found == (200, {"active": False})

    def test_asking_about_a_good_token_counts_as_its_owners(self, ada: Any, settings: Any) -> None:
        settings.API_ANONYMOUS_REQUESTS_PER_MINUTE = 0
        secret = secret_of(ada, "gateway")
        message = {"token": secret}

        assert call(OAUTH, "IntrospectToken", message)[0] == 429
        assert call(OAUTH, "IntrospectToken", message, secret=secret)[0] == 200

    def test_the_token_for_the_sdk_calls_models_and_nothing_else(self, ada: Any) -> None:
        secret = secret_of(ada)

        _, first = call(PROXY, "CreateDefaultModelProxyToken", secret=secret)
        _, second = call(PROXY, "CreateDefaultModelProxyToken", secret=secret)

        token = token_behind(second["token"])
        assert token.scopes == ["gateway"]
        assert token.expires_at is not None
        assert timedelta(hours=11) < token.expires_at - timezone.now() <= timedelta(hours=12)
        assert second["expiryTime"].endswith("Z")
        assert second["baseUri"].endswith("/compat/kaggle/models")
        # One at a time.
        assert call(OAUTH, "IntrospectToken", {"token": first["token"]})[1] == {"active": False}
        assert call(OAUTH, "IntrospectToken", {"token": secret})[1]["active"]

    def test_it_does_not_outlive_the_token_that_asked_for_it(self, ada: Any) -> None:
        expires_at = timezone.now() + timedelta(minutes=10)
        secret = secret_of(ada, expires_at=expires_at)

        _, made = call(PROXY, "CreateDefaultModelProxyToken", secret=secret)

        assert token_behind(made["token"]).expires_at == expires_at


def test_the_quota_is_told_in_dollars(ada: Any, settings: Any) -> None:
    from plumbmark.gateway.queries import quota_status

    quota = quota_status(ada.namespace)

    _, answer = call(PROXY, "GetModelProxyQuotas", secret=secret_of(ada))

    day, month = answer["quotaBalances"]
    assert (day["refillPeriod"], month["refillPeriod"]) == ("DAILY", "MONTHLY")
    assert day["quotaUsed"] == 0
    assert day["totalQuotaAllowed"] == quota.day.cap / 10**9 > 0
    assert day["refillTime"] == quota.day.renews_at.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def deployment(slug: str, owner: Any = None) -> Any:
    made = add_deployment(
        slug=slug,
        provider="openai",
        upstream_id=slug,
        base_url="http://127.0.0.1:9/v1",
        by=None,
    )
    made.owner = owner
    made.save()
    set_price(deployment=made, input_per_mtok=0, output_per_mtok=0, by=None)
    return made


class TestModels:
    def test_short_names_are_unique_across_owners(self, ada: Any) -> None:
        for slug in ("acme/one@default", "acme/two", "globex/two", "globex/three"):
            deployment(slug)

        _, answer = call(BOARDS, "ListBenchmarkModels", secret=secret_of(ada))

        assert {
            model["version"]["slug"]: model["version"]["modelProxySlug"]
            for model in answer["benchmarkModels"]
        } == {
            "one-default": "acme/one@default",
            "acme-two": "acme/two",
            "globex-two": "globex/two",
            "three": "globex/three",
        }

    def test_pages_bring_every_model_once(self, ada: Any) -> None:
        slugs = {f"acme/m{n}" for n in range(5)}
        for slug in slugs:
            deployment(slug)
        secret, found, token = secret_of(ada), [], ""

        for _ in range(3):
            _, answer = call(
                *(BOARDS, "ListBenchmarkModels", {"pageSize": 2, "pageToken": token}),
                secret=secret,
            )
            found += [model["version"]["modelProxySlug"] for model in answer["benchmarkModels"]]
            token = answer.get("nextPageToken", "")

        assert token == ""
        assert found == sorted(slugs)

    def test_nobody_sees_another_persons_model(self, ada: Any, ben: Any) -> None:
        deployment("mine/model", owner=ada.namespace)

        assert call(BOARDS, "ListBenchmarkModels", secret=secret_of(ben)) == (200, {})


class TestTasks:
    def test_another_persons_private_task_is_not_there(self, ada: Any, ben: Any) -> None:
        publish_task(ada, "Numbers", visibility="private")
        slug = {"slug": {"ownerSlug": "ada", "taskSlug": "numbers"}}

        status, answer = call(TASKS, "GetBenchmarkTask", slug, secret=secret_of(ben))

        assert status == 404
        assert answer["message"] == "There is no task ada/numbers that you can see."
        assert call(TASKS, "PublishBenchmarkTask", slug, secret=secret_of(ben))[0] == 404
        assert call(TASKS, "ListBenchmarkTasks", secret=secret_of(ben)) == (200, {})

    def test_a_public_task_is_seen_but_not_published_by_others(self, ada: Any, ben: Any) -> None:
        publish_task(ada, "Numbers", visibility="unlisted")
        slug = {"slug": {"ownerSlug": "ada", "taskSlug": "numbers"}}

        status, seen = call(TASKS, "GetBenchmarkTask", slug, secret=secret_of(ben))
        refused, answer = call(TASKS, "PublishBenchmarkTask", slug, secret=secret_of(ben))

        assert status == 200
        assert seen["slug"] == {"ownerSlug": "ada", "taskSlug": "numbers", "versionNumber": 1}
        assert seen["creationState"].endswith("_COMPLETED")
        assert seen["url"].startswith("http")
        assert "isPublic" not in seen
        assert refused == 403
        assert "belongs to somebody else" in answer["message"]

    def test_publishing_opens_the_task(self, ada: Any) -> None:
        version = publish_task(ada, "Numbers", visibility="private")

        _, answer = call(
            TASKS, "PublishBenchmarkTask", {"slug": {"taskSlug": "numbers"}}, secret=secret_of(ada)
        )

        version.task.refresh_from_db()
        assert answer["isPublic"] is True
        assert version.task.visibility == "public"

    def test_tasks_are_filtered_and_paged(self, ada: Any) -> None:
        for title in ("Numbers one", "Words", "Numbers two", "Numbers three"):
            publish_task(ada, title)
        secret = secret_of(ada)
        wanted = {"regexFilter": "^numbers", "statusFilter": "completed", "pageSize": 2}

        _, first = call(TASKS, "ListBenchmarkTasks", wanted, secret=secret)
        _, second = call(
            *(TASKS, "ListBenchmarkTasks", {**wanted, "pageToken": first["nextPageToken"]}),
            secret=secret,
        )
        _, none = call(TASKS, "ListBenchmarkTasks", {"statusFilter": "errored"}, secret=secret)

        assert [task["slug"]["taskSlug"] for task in first["tasks"]] == [
            "numbers-three",
            "numbers-two",
        ]
        assert [task["slug"]["taskSlug"] for task in second["tasks"]] == ["numbers-one"]
        assert "nextPageToken" not in second
        assert none == {}


TWO_TASKS = """\
import kaggle_benchmarks as kbench

@kbench.task(name="One thing")
def one(llm) -> bool:
    return True

@kbench.task(name="Another thing")
def another(llm) -> bool:
    return False

one.run(kbench.llm)
another.run(kbench.llm)
"""


PLAIN = """\
import json

def task(name):
    return lambda function: function

@task(name="Plain")
def plain():
    return True

with open("plumbmark.result.json", "w") as file:
    json.dump({"plumbmark": 1, "score": plain()}, file)
"""


def tell_of_worker(*, reason: str) -> None:
    """Return a live worker without a sandbox."""
    WorkerReport.objects.create(
        name="worker",
        platform_version="1",
        facts={"sandbox": "", "reason": reason},
        started_at=timezone.now(),
        seen_at=timezone.now(),
    )


def converted(code: str) -> str:
    """Return the notebook that `b tasks push` makes of a file: its cells get new random ids each
    time.
    """
    made = jupytext.reads(code, fmt="py:percent")
    made.metadata["kernelspec"] = {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    }
    return str(jupytext.writes(made, fmt="ipynb"))


def notebook(code: str) -> str:
    cell = {"cell_type": "code", "source": code, "metadata": {}, "outputs": []}
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]})


class TestPushing:
    def push(self, user: Any, slug: str, text: str, **more: Any) -> tuple[int, Any]:
        body = {"slug": slug, "text": text, **more}
        return call(TASKS, "CreateBenchmarkTask", body, secret=secret_of(user))

    def test_the_pushed_task_is_the_one_that_counts(self, ada: Any) -> None:
        status, answer = self.push(ada, "another-thing", notebook(TWO_TASKS))

        assert status == 200
        task = Task.objects.get(namespace=ada.namespace, slug="another-thing")
        assert task.title == "Another thing"
        assert task.visibility == "private"
        assert answer["creationState"].endswith("_COMPLETED")
        assert answer["slug"]["versionNumber"] == 1
        assert task.latest_version is not None
        keys = task.latest_version.items.values_list("key", flat=True)
        assert list(keys) == ["Another thing"]

    def test_the_same_code_changes_nothing_and_other_code_is_a_version(self, ada: Any) -> None:
        numbers = [
            self.push(ada, "one-thing", notebook(code))[1]["slug"]["versionNumber"]
            for code in (TWO_TASKS, TWO_TASKS, f"{TWO_TASKS}# Changed.\n")
        ]
        status, answer = self.push(ada, "one-thing", notebook(TWO_TASKS))

        assert numbers == [1, 1, 2]
        assert status == 409
        assert "version 1 already" in answer["message"]

    def test_a_file_that_is_pushed_again_makes_no_version(self, ada: Any) -> None:
        code = f"# %% [markdown]\n# # Two tasks\n\n# %%\n{TWO_TASKS}"
        texts = [converted(code) for _ in range(4)]
        other = converted(code.replace("# # Two", "# # Both"))

        answers = [self.push(ada, "one-thing", text)[1] for text in [*texts, other]]

        assert len(set(texts)) == 4
        assert [answer["slug"]["versionNumber"] for answer in answers] == [1, 1, 1, 1, 2]
        assert [answer.get("notice") for answer in answers] == [
            None,
            *["Nothing changed since version 1."] * 3,
            None,
        ]
        assert TaskVersion.objects.count() == 2

    def test_errors_refuse_the_push_and_the_draft_keeps_the_code(self, ada: Any) -> None:
        code = TWO_TASKS.partition("one.run")[0]

        status, answer = self.push(ada, "one-thing", notebook(code))
        _, seen = call(
            TASKS, "GetBenchmarkTask", {"slug": {"taskSlug": "one-thing"}}, secret=secret_of(ada)
        )

        assert status == 422
        assert ".run(" in answer["message"]
        assert seen["creationState"].endswith("_KERNEL_WITHOUT_RUN")
        assert Task.objects.get(slug="one-thing").draft.code_file is not None

    @pytest.mark.parametrize(
        ("slug", "text"),
        [
            ("One Thing", notebook(TWO_TASKS)),
            ("", notebook(TWO_TASKS)),
            ("one-thing", ""),
            ("one-thing", "{"),
            ("one-thing", '{"cells": 3}'),
            ("one-thing", "print()"),
            ("one-thing", "\ud800"),
        ],
    )
    def test_what_cannot_be_read_leaves_nothing_behind(
        self, ada: Any, slug: str, text: str
    ) -> None:
        status, answer = self.push(ada, slug, text)

        assert status in {400, 422}
        assert answer["message"]
        assert not Task.objects.exists()

    def test_datasets_of_another_service_are_told_as_not_found(self, ada: Any) -> None:
        options = {"datasetDataSources": ["somebody/data"]}

        _, answer = self.push(ada, "one-thing", notebook(TWO_TASKS), options=options)

        assert answer["invalidDatasetSources"] == ["somebody/data"]

    def test_a_push_goes_to_the_callers_own_task(self, ada: Any, ben: Any) -> None:
        self.push(ada, "one-thing", notebook(TWO_TASKS))
        self.push(ben, "one-thing", notebook(TWO_TASKS))

        assert Task.objects.filter(slug="one-thing").count() == 2

    @pytest.mark.parametrize(
        ("known", "then"),
        [
            ("", "main: One thing\n"),
            ("timeout_minutes: 5\n", "timeout_minutes: 5\nmain: One thing\n"),
            ("main: Other\n", "main: Other\n"),
            ('{"timeout_minutes": 5}', '{"timeout_minutes": 5}'),
            ("a: [", "a: ["),
        ],
    )
    def test_the_authors_settings_stay(self, known: str, then: str) -> None:
        assert with_main(known, "One thing") == then

    def test_a_name_cannot_smuggle_settings_in(self) -> None:
        name = "x\nprivate: true\n# é: [*a]"

        assert yaml.safe_load(with_main("", name)) == {"main": name}


class TestRuns:
    @pytest.fixture
    def version(self, ada: Any) -> Any:
        ensure_baselines()
        return publish_task(ada, "Numbers", visibility="private")

    def schedule(self, secret: str, *models: str) -> tuple[int, Any]:
        body = {"taskSlugs": [{"taskSlug": "numbers"}], "modelVersionSlugs": list(models)}
        return call(TASKS, "BatchScheduleBenchmarkTaskRuns", body, secret=secret)

    def listed(self, secret: str, **fields: Any) -> Any:
        body = {"taskSlug": {"ownerSlug": "ada", "taskSlug": "numbers"}, **fields}
        return call(TASKS, "ListBenchmarkTaskRuns", body, secret=secret)

    def test_runs_start_in_the_order_asked_and_only_once(self, ada: Any, version: Any) -> None:
        secret = secret_of(ada)

        _, first = self.schedule(secret, "echo", "baseline/constant")
        _, second = self.schedule(secret, "constant", "first-choice")

        runs = {run.pk: run for run in Run.objects.all()}
        assert [runs[one["runId"]].contender.label for one in first["results"]] == [
            "Echo",
            "Constant",
        ]
        assert all(run.purpose == "declared" for run in runs.values())
        assert "queued already" in second["results"][0]["runSkippedReason"]
        assert second["results"][1]["runScheduled"] is True
        assert len(runs) == 3

    def test_an_unknown_model_starts_nothing(self, ada: Any, version: Any) -> None:
        status, answer = self.schedule(secret_of(ada), "echo", "nothing")

        assert status == 422
        assert "There is no model 'nothing' that you can call." in answer["message"]
        assert not Run.objects.exists()

    def test_a_run_that_cannot_start_says_why(self, ada: Any, version: Any) -> None:
        add_deployment(
            slug="acme/unpriced",
            provider="openai",
            upstream_id="unpriced",
            base_url="http://127.0.0.1:9/v1",
            by=None,
        )

        _, answer = self.schedule(secret_of(ada), "unpriced", "echo")

        assert "No price is known" in answer["results"][0]["runSkippedReason"]
        assert answer["results"][1]["runScheduled"] is True

    def test_where_no_run_can_start_every_reason_is_an_error(
        self, ada: Any, version: Any, settings: Any
    ) -> None:
        for name in ("one", "two"):
            add_deployment(
                slug=f"acme/{name}",
                provider="openai",
                upstream_id=name,
                base_url="http://127.0.0.1:9/v1",
                by=None,
            )

        status, answer = self.schedule(secret_of(ada), "one", "two")

        assert status == 409
        assert answer["code"] == 409
        assert "No run could start." in answer["message"]
        assert "numbers with one: No price is known for acme/one" in answer["message"]
        assert "numbers with two: No price is known for acme/two" in answer["message"]
        assert "An administrator can set one." in answer["message"]
        assert not Run.objects.exists()

    def test_a_run_in_progress_is_waited_for(self, ada: Any, version: Any) -> None:
        secret = secret_of(ada)
        self.schedule(secret, "echo")

        status, answer = self.schedule(secret, "echo")

        assert status == 200
        assert "queued already" in answer["results"][0]["runSkippedReason"]

    def test_without_any_model_it_is_said_who_can_add_one(self, ada: Any) -> None:
        publish_task(ada, "Numbers")

        status, answer = self.schedule(secret_of(ada), "echo")

        assert status == 422
        assert "no model can be called here yet. An administrator can add" in answer["message"]

    def test_code_is_refused_where_no_worker_has_a_sandbox(self, ada: Any, settings: Any) -> None:
        ensure_baselines()
        body = {"slug": "plain", "text": notebook(PLAIN)}
        call(TASKS, "CreateBenchmarkTask", body, secret=secret_of(ada))
        tell_of_worker(reason="It has no user namespaces; allow them.")

        status, answer = call(
            TASKS,
            "BatchScheduleBenchmarkTaskRuns",
            {"taskSlugs": [{"taskSlug": "plain"}], "modelVersionSlugs": ["echo"]},
            secret=secret_of(ada),
        )

        assert status == 409
        assert (
            "plain with echo: Code tasks cannot be run here. No worker has a sandbox: It has "
            in (answer["message"])
        )

    @pytest.mark.parametrize(
        ("reason", "says"),
        [
            ("owner", "paused by its owner. It waits for its owner to resume it."),
            ("limit", "limit is reached. It waits for its owner to raise the spend limit."),
            ("quota", "the quota is exhausted. It waits for balance; the day's limit renews on "),
        ],
    )
    def test_a_paused_run_ends_the_waiting_with_its_reason(
        self, ada: Any, version: Any, reason: str, says: str
    ) -> None:
        secret = secret_of(ada)
        self.schedule(secret, "echo")
        Run.objects.update(state="paused", pause_reason=reason)

        [run] = self.listed(secret, modelVersionSlugs=["echo"])[1]["runs"]

        assert run["state"].endswith("_ERRORED")
        assert says in run["errorMessage"]

    def test_a_queued_run_ends_the_waiting_where_no_worker_can_take_it(
        self, ada: Any, version: Any
    ) -> None:
        secret = secret_of(ada)
        self.schedule(secret, "echo")

        def state_of_run() -> tuple[str, str]:
            [run] = self.listed(secret)[1]["runs"]
            return run["state"].rpartition("STATE_")[2], run.get("errorMessage", "")

        assert state_of_run() == ("QUEUED", "")
        Run.objects.update(created_at=timezone.now() - timedelta(minutes=5))
        state, error = state_of_run()
        assert state == "ERRORED"
        assert "no worker is running. It starts as soon as an operator starts one." in error
        tell_of_worker(reason="None here.")
        assert state_of_run() == ("QUEUED", "")

    def test_a_paused_scoring_ends_the_waiting(self, ada: Any, version: Any) -> None:
        secret = secret_of(ada)
        self.schedule(secret, "echo")
        Run.objects.update(state="completed")
        Scoring.objects.update(state="paused", pause_reason="quota", failure="The day's is spent.")

        [run] = self.listed(secret)[1]["runs"]

        assert run["state"].endswith("_ERRORED")
        assert run["errorMessage"] == (
            "The scoring is paused until there is balance. The day's is spent."
        )

    def test_a_run_is_found_by_its_name_after_its_model_is_switched_off(
        self, ada: Any, version: Any
    ) -> None:
        deployment = add_deployment(
            slug="acme/free@high",
            provider="openai",
            upstream_id="free",
            base_url="http://127.0.0.1:9/v1",
            by=None,
        )
        set_price(deployment=deployment, input_per_mtok=0, output_per_mtok=0, by=None)
        secret = secret_of(ada)
        self.schedule(secret, "free-high")
        Deployment.objects.filter(pk=deployment.pk).update(is_active=False)

        [run] = self.listed(secret, modelVersionSlugs=["free-high"])[1]["runs"]

        assert run["modelVersionSlug"] == "free-high"

    def test_the_newest_run_of_each_model_is_listed(self, ada: Any, version: Any) -> None:
        secret = secret_of(ada)
        _, first = self.schedule(secret, "echo", "constant")
        earlier = Run.objects.get(pk=first["results"][0]["runId"])
        cancel_run(run=earlier, by=ada)
        _, failed = self.listed(secret, modelVersionSlugs=["echo"])
        _, second = self.schedule(secret, "echo")

        _, answer = self.listed(secret)

        [cancelled] = failed["runs"]
        assert cancelled["state"].endswith("_ERRORED")
        assert cancelled["errorMessage"] == "The run was cancelled."
        assert [run["id"] for run in answer["runs"]] == [
            second["results"][0]["runId"],
            first["results"][1]["runId"],
        ]
        assert answer["runs"][0]["modelVersionSlug"] == "echo"
        assert answer["runs"][0]["state"].endswith("_QUEUED")

    def test_others_see_a_declared_run_with_its_task_only(
        self, ada: Any, ben: Any, version: Any
    ) -> None:
        _, made = self.schedule(secret_of(ada), "echo")
        number = {"runId": made["results"][0]["runId"]}
        secret = secret_of(ben)

        assert self.listed(secret)[0] == 404
        for method in ("GetBenchmarkTaskRunLogs", "DownloadBenchmarkTaskRunOutput"):
            status, answer = call(TASKS, method, number, secret=secret)
            assert status == 404
            assert "that you can see" in answer["message"]
        call(
            TASKS, "PublishBenchmarkTask", {"slug": {"taskSlug": "numbers"}}, secret=secret_of(ada)
        )
        status, answer = self.listed(secret)
        assert status == 200
        assert len(answer["runs"]) == 1

    def test_a_log_is_a_list_once_the_run_is_over(self, ada: Any, version: Any) -> None:
        contender = contender_of_deployment(deployment=ensure_baselines()[0], by=ada)
        run = start_run(
            version=version,
            contender=contender,
            purpose="declared",
            namespace=ada.namespace,
            by=ada,
        )
        cancel_run(run=run, by=ada)

        _, pieces = call(TASKS, "GetBenchmarkTaskRunLogs", {"runId": run.pk}, secret=secret_of(ada))

        assert ["queued" in pieces[0]["data"], "cancelled" in pieces[1]["data"]] == [True, True]

    def test_a_log_is_a_stream_while_it_lasts(
        self, ada: Any, version: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from plumbmark.compat.kaggle.rpc import logs

        monkeypatch.setattr(logs, "FOLLOWED_SECONDS", -1.0)
        _, made = self.schedule(secret_of(ada), "echo")

        response = Client().post(
            f"/api/v1/{TASKS}/GetBenchmarkTaskRunLogs",
            data=json.dumps({"runId": made["results"][0]["runId"]}),
            content_type="application/json",
            headers={"Authorization": f"Bearer {secret_of(ada)}"},
        )

        assert response["Content-Type"] == "text/event-stream"
        [event] = response.getvalue().decode().strip().split("\n\n")
        assert "queued" in json.loads(event.removeprefix("data: "))["data"]

    def test_a_download_holds_what_the_caller_may_see(self, ada: Any, ben: Any) -> None:
        data = [
            {"id": f"i{n}", "question": f"Say {n}", "answer": str(n), "split": split}
            for n, split in enumerate(["public", "private", "public", "private"])
        ]
        from tests.factories import DEFINITION

        version = publish_task(
            ada,
            "Numbers",
            data=data,
            definition=DEFINITION.replace(
                "answer}", "answer, split: {column: split, private: [private]}}"
            ),
        )
        assert version.private_item_count == 2
        run = make_samples(ada, version)

        found = [self.download(secret_of(user), run) for user in (ada, ben)]

        assert [len(archive["plumbmark-samples.jsonl"].splitlines()) for archive in found] == [4, 2]
        assert "Say 1" not in found[1]["plumbmark-samples.jsonl"]
        facts = json.loads(found[1]["plumbmark-run.json"])
        assert facts["canary"] == version.canary
        assert facts["question_hash"] == run.question_hash

    @pytest.mark.skipif(not sandboxing.is_here(), reason="no sandbox holds on this machine")
    def test_what_a_private_program_wrote_is_its_authors_alone(self, ada: Any, ben: Any) -> None:
        run = run_of_private_code(ada)
        number = {"runId": run.pk, "includeSource": True}

        logs = [
            call(TASKS, "GetBenchmarkTaskRunLogs", number, secret=secret_of(user))[1]
            for user in (ada, ben)
        ]
        found = [self.download(secret_of(user), run, **number) for user in (ada, ben)]

        assert logs[0] == [{"data": "a secret\n"}]
        assert "a secret" not in str(logs[1])
        assert "queued" in logs[1][0]["data"]
        assert found[0]["left/behind.txt"] == "bytes"
        assert "SECRET = 1" in found[0]["__notebook_source__.ipynb"]
        assert set(found[1]) == {"plumbmark-run.json", "plumbmark-samples.jsonl"}

    def download(self, secret: str, run: Run, **fields: Any) -> dict[str, str]:
        response = Client().post(
            f"/api/v1/{TASKS}/DownloadBenchmarkTaskRunOutput",
            data=json.dumps({"runId": run.pk, **fields}),
            content_type="application/json",
            headers={"Authorization": f"Bearer {secret}"},
        )
        assert response.status_code == 200
        assert response["Content-Type"] == "application/zip"
        with zipfile.ZipFile(io.BytesIO(response.getvalue())) as archive:
            return {name: archive.read(name).decode() for name in archive.namelist()}


def run_of_private_code(user: Any) -> Run:
    """Return a cancelled run of a public task whose code is private, with a log and a file."""
    from django.core.files.base import ContentFile

    from tasks_app.authoring.actions import TaskFacts, create_task
    from tasks_app.authoring.publication import publish_task
    from tasks_app.code_tasks.actions import save_code_draft
    from tasks_app.models import LogChunk, RunArtifact

    task = create_task(namespace=user.namespace, facts=TaskFacts(title="Secrets"), by=user)
    code = 'SECRET = 1\nopen("plumbmark.result.json", "w").write("{}")\n'
    save_code_draft(task=task, code=code, settings_text="private: true", by=user)
    version = publish_task(task=task, visibility="public", by=user)
    [deployment] = [one for one in ensure_baselines() if one.slug == "baseline/echo"]
    run = start_run(
        version=version,
        contender=contender_of_deployment(deployment=deployment, by=user),
        purpose="declared",
        namespace=user.namespace,
        by=user,
    )
    LogChunk.objects.create(run=run, position=0, text="a secret\n")
    artifact = RunArtifact(run=run, path="left/behind.txt", size=5, sha256="0" * 64)
    artifact.file.save("behind.txt", ContentFile(b"bytes"))
    cancel_run(run=run, by=user)
    return run


def make_samples(user: Any, version: Any) -> Run:
    """Return a completed declared run with an answer to every item, as a worker would leave it."""
    from tasks_app.models import Item, Sample

    contender = contender_of_deployment(deployment=ensure_baselines()[0], by=user)
    run = start_run(
        version=version,
        contender=contender,
        purpose="declared",
        namespace=user.namespace,
        by=user,
    )
    for item in Item.objects.filter(version=version):
        Sample.objects.create(
            run=run,
            item=item,
            ordinal=item.position,
            outcome="answered",
            is_scored=True,
            output=f"Say {item.position}",
            finished_at=timezone.now(),
        )
    return run


@pytest.mark.django_db(transaction=True)
class TestLeaderboards:
    @pytest.fixture(autouse=True)
    def _gateway_ends(self) -> Iterator[None]:
        yield
        from plumbmark.gateway.calls import runtime

        runtime.shutdown()

    def test_rows_come_in_the_boards_order_with_their_scores(self, ada: Any, ben: Any) -> None:
        version = publish_task(ada, "Numbers")
        for name, right in (("Weak", 1), ("Strong", 4)):
            submit(ada, version, name, right)
        board = publish_benchmark(ada, [version], "World")
        from benchmarks_app.actions.entries import enter
        from tasks_app.models import Contender

        for contender in Contender.objects.order_by("pk"):
            enter(version=board, contender=contender, by=ada)
        settle()
        body = {"ownerSlug": "ada", "benchmarkSlug": "world"}

        status, answer = call(BOARDS, "GetBenchmarkLeaderboard", body, secret=secret_of(ben))

        assert status == 200
        assert [row["modelVersionName"] for row in answer["rows"]] == ["Strong", "Weak"]
        [cell] = answer["rows"][1]["taskResults"]
        assert cell["benchmarkTaskSlug"] == "numbers"
        result = cell["result"]["numericResult"]
        assert result["value"] == 0.25
        assert result["unevenConfidenceInterval"]["plus"] > 0
        assert result["unevenConfidenceInterval"]["minus"] > 0

    def test_unknown_boards_and_versions_are_told(self, ada: Any) -> None:
        publish_benchmark(ada, [publish_task(ada, "Numbers")], "World")
        body = {"ownerSlug": "ada", "benchmarkSlug": "world", "versionNumber": 7}
        secret = secret_of(ada)

        status, answer = call(BOARDS, "GetBenchmarkLeaderboard", body, secret=secret)
        other, _ = call(BOARDS, "GetBenchmarkLeaderboard", {"ownerSlug": "x"}, secret=secret)

        assert status == other == 404
        assert "with a version 7" in answer["message"]
