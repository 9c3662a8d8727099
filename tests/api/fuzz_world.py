"""A small platform for fuzzing: what a team owns in public and in private, and six people to ask.

Everything that only the team may see contains `PRIVATE`, so that one look tells whether an answer
to somebody else has too much in it.
"""

import json
import pickle
import re
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client

from benchmarks_app.models import Benchmark, BenchmarkVersion, Entry
from leaderboards_app.models import Standings
from plumbmark.accounts.actions import open_account
from plumbmark.accounts.models import Membership, Namespace, User
from plumbmark.accounts.tokens import issue_token
from plumbmark.background.models import Job
from plumbmark.background.work import work_on_next_job
from plumbmark.gateway.actions import add_deployment, ensure_baselines, set_price
from plumbmark.gateway.calls import runtime
from plumbmark.gateway.catalogue.credentials import put_secret
from plumbmark.gateway.models import Call, Credential, Deployment, Exchange, LedgerLine
from plumbmark.gateway.storage.records import compress, exchange_bytes
from tasks_app.authoring import draft_jobs
from tasks_app.models import (
    Contender,
    LabelSample,
    LabelSet,
    Run,
    RunArtifact,
    Sample,
    Task,
    TaskDraft,
    TaskVersion,
)
from tests.factories import CARD, settle
from tests.golden.world import CODE, Api, finished_program
from tests.media_files import image

PRIVATE = "zq7private"
"""In titles, items, prompts and outputs that only the team may see."""
PROVIDER_KEY = "sk-zq7providerkey0123456789abcdef"
TEAM = "crew"
ROLES = ("anonymous", "suspended", "stranger", "member", "owner", "staff")
"""Those who can change least come first."""
OUTSIDE = ("anonymous", "suspended", "stranger")
SCOPES = ["read", "write", "gateway"]

_SUMS = """\
plumbmark: 1
data: {id: id, target: answer, split: {column: split, private: [held]}}
prompt:
  messages: [{role: user, content: "{question}"}]
scorers: [{type: exact}]
"""
_SUM_ROWS = [
    {"id": "a", "question": "1", "answer": "1", "split": "open"},
    {"id": "b", "question": "Two?", "answer": "2", "split": "open"},
    {"id": "c", "question": f"Held back {PRIVATE}", "answer": f"{PRIVATE}", "split": "held"},
]
_PLAIN = """\
plumbmark: 1
data: {id: id, target: answer}
prompt:
  messages: [{role: user, content: "{question}"}]
scorers: [{type: exact}]
"""
_PLAIN_ROWS = [{"id": f"p{n}", "question": f"{n}", "answer": f"{n}"} for n in range(3)]
_SECRET = _PLAIN.replace("{question}", f"{PRIVATE} prompt: {{question}}")
_SECRET_ROWS = [{"id": "s", "question": f"{PRIVATE} question", "answer": f"{PRIVATE} answer"}]
_JUDGED = _PLAIN.replace(
    "{type: exact}", "{type: model_judge, judges: [baseline/echo], rubric: 'Well? {output}'}"
)
_MEDIA = """\
plumbmark: 1
data: {id: id, target: answer}
prompt:
  messages: [{role: user, content: [{text: "{question}"}, {image: "{photo}"}]}]
scorers: [{type: includes}]
"""
_MEDIA_ROWS = [{"id": "m", "question": "Red?", "photo": "red.png", "answer": "red"}]
_PLAIN_PARTS = ("places", "bodies", "secrets", "hidden", "_files")


@dataclass(frozen=True)
class Person:
    """Somebody who asks: with a token at the API, with a session at the pages."""

    role: str
    secret: str
    client: Client

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret}"} if self.secret else {}


class FuzzWorld:
    """The team's objects by what leads to them, and the people."""

    def __init__(self) -> None:
        self.people = {role: self._person(role) for role in ROLES}
        self.readers: set[str] = set()
        """Whom something private was shown to."""
        self._api = Api(self.people["owner"].client)
        self._tasks: dict[str, str] = {}
        self._versions: dict[str, str] = {}
        self._runs: dict[str, int] = {}
        self._addresses: list[str] = []
        self._add_models()
        self._add_tasks()
        self._add_runs()
        self._add_boards()
        self._add_labels()
        self._add_program()
        self._ask_in_the_playground()
        self._leave_runs_unfinished()
        self._add_jobs()
        User.objects.filter(email="suspended@example.org").update(is_active=False)
        runtime.shutdown()
        self.places = self._find_places()
        self.bodies = self._write_bodies()
        self.secrets = [PROVIDER_KEY, *(one.secret for one in self.people.values() if one.secret)]
        self.hidden = [PRIVATE, *self._hidden_ids()]
        self._copy: sqlite3.Connection | None = None
        media = Path(settings.MEDIA_ROOT)
        self._files = {
            str(path.relative_to(media)): path.read_bytes()
            for path in media.rglob("*")
            if path.is_file()
        }

    # --- Making it --------------------------------------------------------------------------------

    def _person(self, role: str) -> Person:
        client = Client(raise_request_exception=False)
        if role == "anonymous":
            return Person(role, "", client)
        user = open_account(
            handle=f"the-{role}",
            email=f"{role}@example.org",
            password="correct horse battery staple",
            is_confirmed=True,
            is_administrator=role == "staff",
        )
        team, _ = Namespace.objects.get_or_create(handle=TEAM, kind=Namespace.Kind.TEAM)
        # The suspended one was an owner too.
        roles = {"member": "member", "owner": "owner", "suspended": "owner"}
        if role in roles:
            Membership.objects.create(namespace=team, user=user, role=roles[role])
        issued = issue_token(user=user, name="fuzz", scopes=SCOPES, expires_at=None)
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        return Person(role, issued.secret, client)

    def _add_models(self) -> None:
        ensure_baselines()
        team = Namespace.objects.get(handle=TEAM)
        key = Credential(name=f"{PRIVATE} key")
        put_secret(key, PROVIDER_KEY)
        key.save()
        with_key = add_deployment(
            slug="keyed/model",
            provider="openai",
            upstream_id="model",
            base_url="http://127.0.0.1:9/v1",
            credential=key,
            by=None,
        )
        set_price(deployment=with_key, input_per_mtok=10**9, output_per_mtok=10**9, by=None)
        own = add_deployment(
            slug=f"{TEAM}/{PRIVATE}",
            provider="openai",
            upstream_id="model",
            base_url="http://127.0.0.1:9/v1",
            by=None,
        )
        Deployment.objects.filter(pk=own.pk).update(owner=team, credential=key)

    def _task(
        self, key: str, title: str, definition: str, rows: Sequence[Any], **files: Any
    ) -> str:
        task = self._api.post("tasks", {"title": title, "namespace": TEAM, "tags": ["small"]})
        lines = "".join(json.dumps(row) + "\n" for row in rows).encode()
        self._api.send(
            f"tasks/{task['id']}/draft",
            {
                "definition": definition,
                "data_file": SimpleUploadedFile("items.jsonl", lines),
                **files,
            },
        )
        self._tasks[key] = task["id"]
        return str(task["id"])

    def _publish(self, key: str, visibility: str) -> None:
        body = {"visibility": visibility, "notes": "Made for a test."}
        self._versions[key] = self._api.post(f"tasks/{self._tasks[key]}/publish", body)["id"]

    def _add_tasks(self) -> None:
        self._task("sums", "Sums", _SUMS, _SUM_ROWS)
        self._task("plain", "Plain", _PLAIN, _PLAIN_ROWS)
        self._task("judged", "Judged", _JUDGED, _PLAIN_ROWS)
        photo = SimpleUploadedFile("red.png", image())
        self._task("media", "Photos", _MEDIA, _MEDIA_ROWS, media=[photo])
        for key in ("sums", "plain", "judged", "media"):
            self._publish(key, "public")
        self._task("secret", f"{PRIVATE} task", _SECRET, _SECRET_ROWS)
        self._publish("secret", "private")
        self._task("draft", f"{PRIVATE} draft", _SECRET, _SECRET_ROWS)

    def _start(self, key: str, version: str, model: str, purpose: str = "declared") -> None:
        body = {
            "task_version": self._versions[version],
            "deployment": model,
            "purpose": purpose,
            "namespace": TEAM,
        }
        self._runs[key] = self._api.post("runs", body)["id"]

    def _submit(self, key: str, version: str, name: str, rows: Sequence[Any]) -> None:
        outputs = [{"id": row["id"], "output": row["answer"]} for row in rows]
        body = {"model_name": name, "outputs": outputs, "namespace": TEAM}
        path = f"task-versions/{self._versions[version]}/submissions"
        self._runs[key] = self._api.post(path, body)["id"]

    def _add_runs(self) -> None:
        self._start("sums", "sums", "baseline/echo")
        self._start("plain", "plain", "baseline/echo")
        self._start("media", "media", "baseline/echo")
        self._start("secret", "secret", "baseline/echo", "exploratory")
        self._start("private", "plain", "baseline/first-choice", "exploratory")
        self._submit("submitted", "plain", "Own model", _PLAIN_ROWS)
        self._submit("judged", "judged", "Own model", _PLAIN_ROWS)
        settle()
        call = Call.objects.create(
            grant=Run.objects.get(pk=self._runs["secret"]).grant,
            deployment=Deployment.objects.get(slug="keyed/model"),
            status="failed",
            error_code="http-500",
            error_message=f"{PRIVATE} message",
            attempts=[{"at": 1.0, "ms": 20, "waited_ms": 0, "status": 500}],
            started_at="2026-01-01T00:00Z",
        )
        body = compress(exchange_bytes(b'{"model": "%b"}' % PRIVATE.encode(), {"error": PRIVATE}))
        Exchange.objects.create(call=call, body=body, hash="h1:")

    def _benchmark(self, title: str, *versions: str) -> str:
        made = self._api.post(
            "benchmarks", {"title": title, "claim": f"{title}: a claim.", "namespace": TEAM}
        )
        tasks = [
            {"task_version": self._versions[one], "weight": 1, "label": f"{title} {one}"}
            for one in versions
        ]
        body = {"tasks": tasks, "card": CARD, "notes": "First."}
        self._api.put(f"benchmarks/{made['id']}/draft", body)
        return str(made["id"])

    def _add_boards(self) -> None:
        board = self._benchmark("Board", "sums", "plain")
        version = self._api.post(f"benchmarks/{board}/publish", {"visibility": "public"})["id"]
        for contender in self._api.get("contenders?limit=200")["results"]:
            self._api.post(f"benchmark-versions/{version}/entries", {"contender": contender["id"]})
        settle()
        last = Entry.objects.order_by("pk").last()
        assert last is not None
        path = f"benchmark-versions/{version}/entries/{last.pk}/invalidate"
        self._api.post(path, {"reason": "Its maker saw the answers."}, status=200)
        settle()
        self._benchmark(f"{PRIVATE} board", "secret", "plain")

    def _add_labels(self) -> None:
        version = TaskVersion.objects.get(public_id=self._versions["judged"])
        made = LabelSet.objects.create(
            task_version=version,
            scorer="model_judge",
            seed=1,
            size=1,
            created_by=User.objects.get(email="owner@example.org"),
        )
        sample = Sample.objects.filter(run__task_version=version).first()
        LabelSample.objects.create(label_set=made, position=0, sample=sample)

    def _add_program(self) -> None:
        task = self._api.post("tasks", {"title": "Program", "namespace": TEAM})
        self._api.put(
            f"tasks/{task['id']}/draft",
            {"code": CODE, "code_name": "task.py", "settings": "timeout_minutes: 5\n"},
        )
        self._tasks["program"] = task["id"]
        self._publish("program", "public")
        self._runs["program"] = finished_program(self._versions["program"], self._runs["plain"])
        for artifact in RunArtifact.objects.all():
            artifact.file.save("result.json", ContentFile(b'{"plumbmark": 1, "score": 0.5}'))

    def _ask_in_the_playground(self) -> None:
        model = Deployment.objects.get(slug="baseline/echo").public_id
        fields = {"prompt": f"{PRIVATE} question", "models": [model], "max_output_tokens": 64}
        answer = self.people["owner"].client.post("/playground/", fields)
        assert answer.status_code == 302, answer.content.decode()
        self._addresses.append(answer["Location"])

    def _leave_runs_unfinished(self) -> None:
        for key in ("waiting", "paused", "cancelled"):
            self._start(key, "plain", "keyed/model", "exploratory")
        self._api.post(f"runs/{self._runs['paused']}/pause", status=200)
        self._api.post(f"runs/{self._runs['cancelled']}/cancel", status=200)

    # --- What leads somewhere ---------------------------------------------------------------------

    def _add_jobs(self) -> None:
        """Start a check of a private draft that is done, and one that waits."""
        draft = TaskDraft.objects.select_related("task__namespace", "data_file").get(
            task__public_id=self._tasks["secret"]
        )
        owner = User.objects.get(email="owner@example.org")
        draft_jobs.start_check(draft=draft, by=owner)
        work_on_next_job()
        draft_jobs.start_build(draft=draft, by=owner)

    def _find_places(self) -> Mapping[str, Sequence[str]]:
        """Return values by the folder and the name of a parameter, or by its name alone."""

        def ids(model: Any, **only: Any) -> list[str]:
            found = model.objects.filter(**only).order_by("pk")
            return list(found.values_list("public_id", flat=True))

        media = self._api.get(f"task-versions/{self._versions['media']}/items")["results"]
        return {
            "tasks": ids(Task),
            "task-versions": ids(TaskVersion),
            "contenders": ids(Contender),
            "benchmarks": ids(Benchmark),
            "benchmark-versions": ids(BenchmarkVersion),
            "label-sets": ids(LabelSet),
            "standings": ids(Standings),
            "jobs": ids(Job),
            "run_id": [str(one) for one in self._runs.values()],
            "entry_id": [str(one.pk) for one in Entry.objects.all()],
            "artifact_id": [str(one.pk) for one in RunArtifact.objects.all()],
            "line_id": [str(one.pk) for one in LedgerLine.objects.all()],
            "position": ["0", "1", "99"],
            "ordinal": ["0", "2", "99"],
            "deployment_id": ids(Deployment),
            "call_id": [str(one.pk) for one in Call.objects.order_by("pk")],
            "sha256": re.findall(r"\b[0-9a-f]{64}\b", json.dumps(media)),
            "task": ids(Task),
            "task_version": ids(TaskVersion),
            "contender": ids(Contender),
            "namespace": [TEAM, "the-owner", "the-stranger", "nobody"],
            "handle": [TEAM, "the-owner", "the-stranger", "nobody"],
            "slug": [one.slug for one in (*Task.objects.all(), *Benchmark.objects.all())],
            "number": ["1", "2"],
            "limit": ["1", "2", "1000"],
            "asked": [re.findall(r"\d+|[^/]+", self._addresses[0])[-1]],
        }

    def _hidden_ids(self) -> list[str]:
        """Return the ids of what only the team may see."""
        return [
            self._tasks["secret"],
            self._tasks["draft"],
            self._versions["secret"],
            *Benchmark.objects.exclude(title="Board").values_list("public_id", flat=True),
            Deployment.objects.get(slug=f"{TEAM}/{PRIVATE}").public_id,
            *LabelSet.objects.values_list("public_id", flat=True),
            *Job.objects.values_list("public_id", flat=True),
        ]

    def _write_bodies(self) -> Mapping[str, Sequence[Any]]:
        """Return valid bodies by the operation that takes them."""
        contender = Contender.objects.filter(deployment__slug="baseline/echo")[0].public_id
        sums, secret = self._versions["sums"], self._versions["secret"]
        run = {"task_version": sums, "deployment": "baseline/echo", "purpose": "exploratory"}
        runs = [
            run,
            {**run, "namespace": TEAM, "spend_limit_nanodollars": 10**9},
            {**run, "task_version": secret, "namespace": TEAM, "purpose": "try"},
            {"task_version": sums, "contender": contender, "purpose": "declared"},
            {**run, "configuration": {"temperature": 0.5, "max_output_tokens": 16}},
        ]
        several = {"contenders": [contender], "namespace": TEAM}
        output = {"id": "p0", "output": "0"}
        return {
            "create_entry": [{"contender": contender}],
            "invalidate_entry": [{"reason": "Seen."}],
            "list_missing_runs": [several, {"contenders": [contender]}],
            "create_suite": [
                {"name": "New", "contenders": [contender], "namespace": TEAM, "is_public": True},
                {"name": "Newer", "contenders": [contender], "of_platform": True},
            ],
            "update_suite": [{"name": "New"}, {"contenders": [contender], "is_public": False}],
            "start_missing_runs": [several, {**several, "spend_limit_nanodollars": 5}],
            "create_benchmark": [
                {"title": "New", "claim": "A claim.", "namespace": TEAM, "tags": ["a"]},
                {"title": "New", "slug": "new-one"},
            ],
            "update_benchmark": [{"title": "New", "claim": "Claim."}, {"visibility": "private"}],
            "save_benchmark_draft": [
                {
                    "tasks": [{"task_version": sums, "weight": "2.5", "label": "Sums"}],
                    "card": CARD,
                    "notes": "New.",
                    "unscored_allowed": "0.05",
                }
            ],
            "publish_benchmark": [{"visibility": "public"}, {}],
            "create_contender": [
                {"deployment": "baseline/echo", "configuration": {"temperature": 0.5}},
                {"deployment": "keyed/model"},
            ],
            "label_answer": [{"verdict": "correct"}, {"grade": 1}],
            "create_run": runs,
            "get_cost_bound": runs,
            "invalidate_run": [{"reason": "Seen."}],
            "set_spend_limit": [
                {"spend_limit_nanodollars": 10**9},
                {"spend_limit_nanodollars": None},
            ],
            "create_label_set": [{"scorer": "model_judge", "size": 1, "seed": 3}, {}],
            "submit_outputs": [
                {"model_name": "New", "maker": "M", "outputs": [output]},
                {"model_name": "New", "namespace": TEAM, "outputs": [output, output]},
            ],
            "withdraw_task_content": [{"reason": "Wrong answers."}],
            "create_task": [
                {"title": "New", "namespace": TEAM, "summary": "S.", "tags": ["a"], "slug": "new"},
                {"title": "New", "licence": "CC0-1.0", "citation": "Somebody."},
            ],
            "update_task": [
                {"title": "New", "tags": []},
                {"visibility": "public"},
                {"visibility": "private"},
            ],
            "allow_deployment": [
                {"deployment": "keyed/model"},
                {"deployment": f"{TEAM}/{PRIVATE}"},
            ],
            "save_task_draft": [
                {"definition": _PLAIN, "format": "yaml"},
                {"code": CODE, "code_name": "task.py", "settings": "timeout_minutes: 5\n"},
                {"kind": "declarative", "remove_media": ["red.png"], "detach": ["a.py"]},
            ],
            "publish_task": [{"visibility": "public", "notes": "New."}, {}],
        }

    # --- As it was --------------------------------------------------------------------------------

    def restore(self) -> None:
        """Make all rows what they were at first; SQLite alone can do so quickly."""
        if self._copy is not None:
            connection.ensure_connection()
            self._copy.backup(connection.connection)
        for name, content in self._files.items():
            path = Path(settings.MEDIA_ROOT) / name
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)

    def save(self, path: Path) -> None:
        """Store it for other processes, which need not make it again."""
        connection.ensure_connection()
        state = {
            "people": [
                (
                    one.role,
                    one.secret,
                    {name: cookie.value for name, cookie in one.client.cookies.items()},
                )
                for one in self.people.values()
            ],
            "rows": connection.connection.serialize(),
            **{name: getattr(self, name) for name in _PLAIN_PARTS},
        }
        path.write_bytes(pickle.dumps(state))

    @classmethod
    def load(cls, path: Path) -> "FuzzWorld":
        """Return the world that another process saved; `begin_anew` makes its rows and files."""
        state = pickle.loads(path.read_bytes())
        world = cls.__new__(cls)
        world.readers = set()
        world._copy = sqlite3.connect(":memory:", check_same_thread=False)
        rows = bytearray(state["rows"])
        # It was in WAL mode, which a database in memory cannot be.
        rows[18:20] = b"\x01\x01"
        world._copy.deserialize(bytes(rows))
        world.people = {}
        for role, secret, cookies in state["people"]:
            client = Client(raise_request_exception=False)
            client.cookies.load(cookies)
            world.people[role] = Person(role, secret, client)
        for name in _PLAIN_PARTS:
            setattr(world, name, state[name])
        return world

    def begin_anew(self) -> None:
        """Make everything what it was at first, for another test."""
        self.readers.clear()
        self.restore()

    def close(self) -> None:
        if self._copy is not None:
            self._copy.close()

    # --- What an answer may hold ------------------------------------------------------------------

    def too_much(self, role: str, answer: bytes, asked: str = "") -> list[str]:
        """Return what an answer shows that the person must not see, unless they sent it."""
        if PRIVATE.encode() in answer:
            self.readers.add(role)
        needles = [*self.secrets, *(self.hidden if role in OUTSIDE else ())]
        return [one for one in needles if one.encode() in answer and one not in asked]
