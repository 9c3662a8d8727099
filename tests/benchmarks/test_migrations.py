"""What the migrations of the benchmarks make of the rows of an older installation."""

from typing import Any

import pytest
from django.db import connection

from tests.migrating import migrations

pytestmark = pytest.mark.django_db(transaction=True)

BEFORE = [("benchmarks", "0003_entry_invalidated_by"), ("tasks", "0004_allowed_deployments")]
AFTER = [("benchmarks", "0004_drop_allowed_deployments"), ("tasks", "0004_allowed_deployments")]
OLD_TABLE = "benchmarks_alloweddeployment"


class OldRows:
    """Rows made with the models of that time."""

    def __init__(self, apps: Any) -> None:
        self.apps = apps

    def make(self, name: str, /, **fields: Any) -> Any:
        return self.apps.get_model(name).objects.create(**fields)

    def person(self, handle: str) -> Any:
        user = self.make("accounts.User", email=f"{handle}@example.org")
        return self.make("accounts.Namespace", handle=handle, user=user)

    def version_of_task(self, owner: Any, slug: str) -> Any:
        task = self.make("tasks.Task", slug=slug, namespace=owner, created_by=owner.user)
        return self.make(
            "tasks.TaskVersion",
            task=task,
            definition={},
            definition_text="",
            source_digest="",
            created_by=owner.user,
        )

    def benchmark(self, owner: Any, slug: str, *versions_of_tasks: list[Any]) -> Any:
        benchmark = self.make(
            "benchmarks.Benchmark", slug=slug, namespace=owner, created_by=owner.user
        )
        for number, members in enumerate(versions_of_tasks, start=1):
            version = self.make(
                "benchmarks.BenchmarkVersion",
                benchmark=benchmark,
                number=number,
                state="published",
                created_by=owner.user,
            )
            for position, member in enumerate(members):
                self.make(
                    "benchmarks.BenchmarkTask",
                    version=version,
                    task_version=member,
                    position=position,
                    metric="exact",
                )
        return benchmark

    def deployment(self, slug: str) -> Any:
        model = self.make("gateway.CatalogueModel", slug=slug, name=slug)
        return self.make(
            "gateway.Deployment", slug=slug, provider="openai", upstream_id=slug, model=model
        )


def test_allowed_deployments_move_from_a_benchmark_to_its_owner_s_tasks() -> None:
    with migrations(from_start=True) as migrate:
        rows = OldRows(migrate(*BEFORE))
        ada, grace = rows.person("ada"), rows.person("grace")
        first, second = rows.version_of_task(ada, "first"), rows.version_of_task(ada, "second")
        elsewhere = rows.version_of_task(ada, "elsewhere")
        of_grace = rows.version_of_task(grace, "of-grace")
        board = rows.benchmark(ada, "board", [first, of_grace], [first, second])
        rows.benchmark(ada, "without", [elsewhere])
        cheap, dear = rows.deployment("lab/cheap"), rows.deployment("lab/dear")
        for deployment in (cheap, dear):
            rows.make(
                "benchmarks.AllowedDeployment",
                benchmark=board,
                deployment=deployment,
                added_by=ada.user,
            )
        # Somebody has allowed one for a task already; that row stays as it is.
        rows.make("tasks.AllowedDeployment", task=first.task, deployment=dear, added_by=grace.user)
        assert OLD_TABLE in connection.introspection.table_names()

        apps = migrate(*AFTER)

        found = apps.get_model("tasks.AllowedDeployment").objects.values_list(
            "task__slug", "deployment__slug", "added_by__email"
        )
        assert sorted(found) == [
            ("first", "lab/cheap", "ada@example.org"),
            ("first", "lab/dear", "grace@example.org"),
            ("second", "lab/cheap", "ada@example.org"),
            ("second", "lab/dear", "ada@example.org"),
        ]
        assert OLD_TABLE not in connection.introspection.table_names()
