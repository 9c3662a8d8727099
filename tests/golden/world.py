"""A small platform full of everything that pages show, made through pages and the REST API.

Nothing here depends on where the code of the platform stands: addresses, commands, labels of models
and what forms take are all that is used, besides the fixtures that other tests use too.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.core.management.color import no_style
from django.db import connection
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from plumbmark.accounts.actions import open_account
from plumbmark.accounts.tokens import issue_token
from plumbmark.gateway.actions import ensure_baselines
from plumbmark.gateway.calls import runtime
from tests.factories import CARD, settle
from tests.fake_provider.process import FakeProvider
from tests.golden.golden import round_numbers
from tests.media_files import image, wav

WORDS = """\
plumbmark: 1
description: |
  Number **words**, as [a link](https://example.org/) and a list:

  - one
  - two
data: {id: id, target: answer, slices: [kind], split: {column: split, private: [held]}}
prompt:
  system: Answer with one word.
  messages:
    - role: user
      content: "{question}"
  few_shot: [{user: "Say one.", assistant: "one"}]
scorers:
  - {type: includes, name: holds}
  - {type: exact, name: same, normalise: [trim, case]}
main: holds
sampling: {temperature: 0, max_output_tokens: 64}
"""
WORD_ROWS = [
    {"id": "w1", "question": "Say thirteen.", "answer": "thirteen", "kind": "a", "split": "open"},
    {
        "id": "w2",
        "question": "Say <b>8</b>.",
        "answer": ["8", "eight"],
        "kind": "b",
        "split": "open",
    },
    {"id": "w3", "question": "What is a dozen?", "answer": "twelve", "kind": "a", "split": "open"},
    {"id": "w4", "question": "Held back.", "answer": "nothing", "kind": "b", "split": "held"},
]
OPTIONS = """\
plumbmark: 1
data: {id: id, target: answer, choices: options, cluster: group}
prompt:
  messages:
    - role: user
      content: "{question}\\n{choices}"
  choice_order: shuffled
scorers: [{type: multiple_choice, target_is: text}]
repeats: 2
"""
OPTION_ROWS = [
    {
        "id": f"o{n:02d}",
        "question": f"Which is {n}?",
        "options": [str(n), str(n + 1), str(n + 2)],
        "answer": str(n),
        "group": f"g{n % 4}",
    }
    for n in range(12)
]
SUMS = """\
plumbmark: 1
data: {id: id, target: answer}
prompt:
  messages: [{role: user, content: "What is {question}?"}]
scorers: [{type: numeric}]
sampling: {max_output_tokens: 32}
"""
SUM_ROWS = [{"id": f"s{n:02d}", "question": f"{n}+2", "answer": n + 2} for n in range(12)]
JUDGED = """\
plumbmark: 1
data: {id: id, target: answer}
prompt:
  messages: [{role: user, content: "Explain {question}."}]
scorers:
  - type: model_judge
    judges: [fake/judge]
    rubric: "Is it {target}? \\n{output}"
"""
JUDGED_ROWS = [{"id": f"j{n}", "question": f"<b>q{n}</b>", "answer": f"a{n}"} for n in range(6)]
MEDIA = """\
plumbmark: 1
data: {id: id, target: answer}
prompt:
  messages:
    - role: user
      content:
        - text: "{question}"
        - image: "{photo}"
        - {audio: "{sound}", optional: true}
scorers: [{type: includes}]
"""
MEDIA_ROWS = [
    {"id": "m1", "question": "Red?", "photo": "red.png", "sound": "beep.wav", "answer": "red"},
    {"id": "m2", "question": "Blue?", "photo": "blue.png", "sound": "", "answer": "blue"},
]
CODE = """\
import json

print("hello")
json.dump({"plumbmark": 1, "score": 0.5}, open("plumbmark.result.json", "w"))
"""
FAULTY = """\
plumbmark: 1
data: {id: id, target: answr}
prompt:
  mesages: []
scorers: [{type: exakt}]
"""


class Api:
    """JSON in, JSON out, as one person."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def post(self, path: str, body: Mapping[str, Any] | None = None, status: int = 201) -> Any:
        answer = self.client.post(f"/api/v1/{path}", body or {}, content_type="application/json")
        return self._read(answer, status)

    def put(self, path: str, body: Mapping[str, Any], status: int = 200) -> Any:
        answer = self.client.put(f"/api/v1/{path}", body, content_type="application/json")
        return self._read(answer, status)

    def send(self, path: str, fields: Mapping[str, Any], status: int = 200) -> Any:
        """PUT a form with files."""
        data = encode_multipart(BOUNDARY, dict(fields))
        return self._read(self.client.put(f"/api/v1/{path}", data, MULTIPART_CONTENT), status)

    def get(self, path: str) -> Any:
        return self._read(self.client.get(f"/api/v1/{path}"), 200)

    @staticmethod
    def _read(answer: Any, status: int) -> Any:
        assert answer.status_code == status, (answer.status_code, answer.content.decode())
        return answer.json() if answer.content else None


class World:
    """People, tasks, runs and boards; `page` and `api` give what they look like from outside."""

    def __init__(self, provider: FakeProvider) -> None:
        self._provider = provider
        self._today = datetime.now(UTC).date()
        self.anybody = Client()
        self.keeper = _account("keeper", is_administrator=True)
        self.ada = _account("ada")
        self.bob = _account("bob")
        self.api = Api(self.ada)
        self._bobs = Api(self.bob)
        self.runs: dict[str, int] = {}
        self.versions: dict[str, str] = {}
        self.tasks: dict[str, str] = {}
        self.paths: dict[str, str] = {}
        self._add_models()
        self._add_tasks()
        self._add_runs()
        self._add_boards()
        self._add_judged()
        self._add_program()
        self._ask_in_the_playground()
        self._leave_runs_unfinished()
        runtime.shutdown()
        self.hold_times()
        _merge_ledger()

    # --- Making it --------------------------------------------------------------------------------

    def _add_models(self) -> None:
        call_command(
            "add_provider",
            base_url=self._provider.url,
            name="fake",
            model=["arithmetic", "judge", "echo"],
            free=True,
            verbosity=0,
            stdout=_Silent(),
        )
        call_command(
            "set_price",
            "fake/arithmetic",
            input_usd_per_mtok="0.5",
            output_usd_per_mtok="3",
            stdout=_Silent(),
        )
        for handle in ("ada", "bob"):
            call_command("set_quota", handle, day_usd="5", month_usd="50", stdout=_Silent())
        ensure_baselines()

    def _task(self, title: str, definition: str, rows: Sequence[Any], **files: Any) -> str:
        task = self.api.post(
            "tasks",
            {
                "title": title,
                "summary": f"{title}, in one sentence.",
                "licence": "CC0-1.0",
                "tags": ["small"],
                "citation": "Somebody: Something, 2026.",
            },
        )
        lines = "".join(json.dumps(row) + "\n" for row in rows).encode()
        self.api.send(
            f"tasks/{task['id']}/draft",
            {
                "definition": definition,
                "data_file": SimpleUploadedFile("items.jsonl", lines),
                **files,
            },
        )
        return str(task["id"])

    def _publish(self, key: str, task: str, visibility: str = "public") -> None:
        path = f"tasks/{task}/publish"
        version = self.api.post(path, {"visibility": visibility, "notes": "Made for a test."})
        self.versions[key] = version["id"]
        self.tasks[f"task {key}"] = task

    def _add_tasks(self) -> None:
        words = self._task("Number words", WORDS, WORD_ROWS)
        self._publish("words", words)
        self.api.put(
            f"tasks/{words}/draft", {"definition": WORDS.replace("main: holds", "main: same")}
        )
        self._publish("words 2", words)
        self._publish("options", self._task("Options", OPTIONS, OPTION_ROWS))
        self._publish("sums", self._task("Sums", SUMS, SUM_ROWS))
        files = [
            SimpleUploadedFile("red.png", image()),
            SimpleUploadedFile("blue.png", image(colour="blue")),
            SimpleUploadedFile("beep.wav", wav()),
        ]
        self._publish("media", self._task("Colours", MEDIA, MEDIA_ROWS, media=files))
        self._publish("private", self._task("Nobody's", SUMS, SUM_ROWS), "private")
        self.tasks["task faulty"] = self._task("Faulty", FAULTY, SUM_ROWS)
        self.api.post("tasks", {"title": "Empty"})

    def _start(self, key: str, version: str, deployment: str, purpose: str = "declared") -> None:
        body = {
            "task_version": self.versions[version],
            "deployment": deployment,
            "purpose": purpose,
        }
        self.runs[key] = self.api.post("runs", body)["id"]

    def _add_runs(self) -> None:
        self._start("words", "words 2", "baseline/echo")
        for name in ("echo", "first-choice", "random-choice"):
            self._start(f"options {name}", "options", f"baseline/{name}")
        self._start("sums", "sums", "fake/arithmetic")
        self._start("sums echo", "sums", "baseline/echo")
        self._start("media", "media", "baseline/echo", "exploratory")
        settle()
        wrong = [{"id": row["id"], "output": f"It is {row['answer'] % 5}."} for row in SUM_ROWS]
        self.runs["submitted"] = self._submit("sums", "Own <model>", "Lithos", wrong)
        settle()
        self.hold_times()
        self._name_contenders()

    @staticmethod
    def _name_contenders() -> None:
        """Fix what is drawn and sorted by their ids, so that it is the same each time."""
        for contender in _model("tasks", "Contender").objects.order_by("pk"):
            contender.public_id = f"contender{contender.pk:05d}"
            contender.save()

    def _submit(self, version: str, name: str, maker: str, outputs: Sequence[Any]) -> int:
        file = SimpleUploadedFile(
            "outputs.jsonl", "".join(json.dumps(one) + "\n" for one in outputs).encode()
        )
        answer = self.ada.post(
            f"/api/v1/task-versions/{self.versions[version]}/submissions",
            {"model_name": name, "maker": maker, "description": "Made by hand.", "file": file},
        )
        assert answer.status_code == 201, answer.content
        return int(answer.json()["id"])

    def hold_times(self) -> None:
        """Fix latencies, which depend on the machine, so that boards are the same everywhere."""
        _model("tasks", "Run").objects.filter(median_latency_ms__isnull=False).update(
            median_latency_ms=1234
        )
        _model("tasks", "Sample").objects.filter(latency_ms__isnull=False).update(latency_ms=1234)
        for call in _model("gateway", "Call").objects.all():
            call.latency_ms = 1234
            call.attempts = [
                {name: _HELD.get(name, value) for name, value in attempt.items()}
                for attempt in call.attempts
            ]
            call.save()

    def _benchmark(self, key: str, title: str, versions: Sequence[str]) -> str:
        made = self.api.post("benchmarks", {"title": title, "claim": f"{title}: a claim."})
        tasks = [
            {"task_version": self.versions[one], "weight": n, "label": f"{one.title()} label"}
            for n, one in enumerate(versions, start=1)
        ]
        body = {"tasks": tasks, "card": CARD, "notes": "First."}
        self.api.put(f"benchmarks/{made['id']}/draft", body)
        self.paths[key] = made["url"]
        self.tasks[f"benchmark {len(self.paths)}"] = made["id"]
        return str(made["id"])

    def _add_boards(self) -> None:
        one = self._benchmark("board of one", "One task", ["options"])
        two = self._benchmark("board of two", "Two tasks", ["sums", "options"])
        self._benchmark("draft board", "Draft", ["words 2"])
        entries = {}
        for made in (one, two):
            version = self.api.post(f"benchmarks/{made}/publish", {"visibility": "public"})
            entries[made] = version["id"]
            for contender in self.api.get("contenders?limit=200")["results"]:
                if contender["label"] in {"fake: arithmetic", "Own <model>"} and made == one:
                    continue
                self.api.post(
                    f"benchmark-versions/{version['id']}/entries", {"contender": contender["id"]}
                )
        settle()
        rows = self.api.get(f"benchmark-versions/{entries[two]}/entries?limit=200")["results"]
        chosen = next(row["id"] for row in rows if row["label"].startswith("Own"))
        self.api.post(
            f"benchmark-versions/{entries[two]}/entries/{chosen}/invalidate",
            {"reason": "Its maker saw the answers."},
            status=200,
        )
        settle()
        self.versions |= {"version of one": entries[one], "version of two": entries[two]}
        standings = self.api.get(f"benchmark-versions/{entries[two]}/standings")["results"]
        self.paths["standings"] = f"/standings/{standings[-1]['id']}/"

    def _add_judged(self) -> None:
        self._publish("judged", self._task("Judged", JUDGED, JUDGED_ROWS))
        for name in ("Aster", "Borage"):
            outputs = [
                {"id": row["id"], "output": f"{row['answer']} <i>" if n % 3 else "no"}
                for n, row in enumerate(JUDGED_ROWS)
            ]
            self.runs[f"judged {name}"] = self._submit("judged", name, "Arbor", outputs)
        self._name_contenders()
        settle()
        self.hold_times()
        made = self.api.post(
            f"task-versions/{self.versions['judged']}/label-sets", {"size": 4, "seed": 7}
        )
        self.paths["labels"] = f"/labels/{made['id']}/"
        self.tasks["set of labels"] = made["id"]
        for position in range(4):
            verdict = "correct" if position % 2 else "incorrect"
            self.api.put(f"label-sets/{made['id']}/answers/{position}", {"verdict": verdict})
        settle()
        fresh = self.api.post(
            f"task-versions/{self.versions['judged']}/label-sets", {"size": 4, "seed": 8}
        )
        self.paths["fresh labels"] = f"/labels/{fresh['id']}/"

    def _add_program(self) -> None:
        task = self.api.post("tasks", {"title": "Program"})
        self.api.put(
            f"tasks/{task['id']}/draft",
            {"code": CODE, "code_name": "task.py", "settings": "timeout_minutes: 5\n"},
        )
        self._publish("program", task["id"])
        self.runs["program"] = finished_program(self.versions["program"], self.runs["options echo"])

    def _ask_in_the_playground(self) -> None:
        ids = dict(_model("gateway", "Deployment").objects.values_list("slug", "public_id"))
        answer = self.ada.post(
            "/playground/",
            {
                "prompt": "Say <b>hello</b>.",
                "system": "Be brief.",
                "models": [ids["baseline/echo"], ids["fake/echo"]],
                "max_output_tokens": 64,
            },
        )
        assert answer.status_code == 302, answer.content.decode()
        self.paths["asked"] = answer["Location"]
        fields = {"name": "laptop", "scopes": ["read"], "lifetime": "90"}
        answer = self.ada.post("/settings/tokens/new/", fields)
        assert answer.status_code in {200, 302}, answer.content.decode()

    def _leave_runs_unfinished(self) -> None:
        self._start("waiting", "sums", "fake/arithmetic", "exploratory")
        self._start("paused", "sums", "fake/arithmetic", "exploratory")
        self.api.post(f"runs/{self.runs['paused']}/pause", status=200)
        self._start("cancelled", "sums", "fake/arithmetic")
        self.api.post(f"runs/{self.runs['cancelled']}/cancel", status=200)

    # --- Looking at it ----------------------------------------------------------------------------

    def normal(self, text: str) -> str:
        """Return the text without what differs between days, machines and runs."""
        for value, name in self._names():
            text = text.replace(value, name)
        for pattern, name in _RANDOM:
            text = pattern.sub(name, text)
        for day in (-1, 0, 1):
            text = text.replace((self._today + timedelta(days=day)).isoformat(), "{date}")
        return text

    def path(self, pattern: str) -> str:
        """Return an address in which `{words}` is replaced by the number of that run, and so on."""
        if "{settled line}" in pattern:
            line = _model("gateway", "LedgerLine").objects.filter(kind="settle").order_by("pk")
            return pattern.replace("{settled line}", str(line.first().pk))
        if "{call}" in pattern:
            line = _model("gateway", "LedgerLine").objects.filter(kind="settle").order_by("pk")
            calls = line.first().call_rows.order_by("started_at", "pk")
            return pattern.replace("{call}", str(calls.first().pk))
        places: dict[str, Any] = {**self.versions, **self.tasks, **self.paths, **self.runs}
        places |= {f"version {name}": found for name, found in self.versions.items()}
        deployments = _model("gateway", "Deployment").objects.values_list("slug", "public_id")
        places |= dict(deployments)
        return re.sub(r"\{([^}]+)\}", lambda match: str(places[match[1]]), pattern)

    def filled(self, body: Any) -> Any:
        """Return a body in which `{words}` is replaced by the id of that version."""
        if isinstance(body, str):
            return self.versions[body[1:-1]] if body.startswith("{") else body
        if isinstance(body, dict):
            return {key: self.filled(inner) for key, inner in body.items()}
        return [self.filled(inner) for inner in body] if isinstance(body, list) else body

    def normal_json(self, value: Any) -> Any:
        """Normalise a document like `normal`, and the numbers that depend on the machine as
        well.
        """
        return round_numbers(json.loads(self.normal(json.dumps(value))))

    def token_headers(self) -> dict[str, str]:
        user = _model("accounts", "User").objects.get(email="ada@example.org")
        scopes = ["read", "write", "gateway"]
        issued = issue_token(user=user, name="procedures", scopes=scopes, expires_at=None)
        return {"Authorization": f"Bearer {issued.secret}"}

    def _names(self) -> list[tuple[str, str]]:
        """Return every public id and canary with a name: its row's place among its kind."""
        found = [(self._provider.url, "{provider}")]
        for model in apps.get_models():
            fields = {field.name for field in model._meta.get_fields()}
            for field in sorted({"public_id", "canary"} & fields):
                values = model._default_manager.order_by("pk").values_list(field, flat=True)
                found += [
                    (str(value), f"{{{model._meta.model_name}-{field}-{n}}}")
                    for n, value in enumerate(values, start=1)
                    if value
                ]
        return found


_RANDOM = [
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|\+00:00)?"), "{time}"),
    (re.compile(r"\bh1:[0-9a-f]{64}\b"), "{hash}"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "{sha256}"),
    (re.compile(r"\bpmk_\w+"), "{token}"),
    (re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b"), "{uuid}"),
    (re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])"), "{uuid}"),
    (re.compile(r"(?P<frame>BEGIN |END |VERDICT-)[0-9a-f]{16}\b"), r"\g<frame>{nonce}"),
    (re.compile(r"\bchatcmpl-\w+"), "chatcmpl-{id}"),
    (re.compile(r'(?<="X-CSRFToken": ")\w+'), "{csrf}"),
    (re.compile(r'(?<=name="csrfmiddlewaretoken" value=")[^"]+'), "{csrf}"),
    # Hashes of questions are among it, and those of private items have a salt.
    (re.compile(r'(?<=name="fingerprint" value=")[^"]+|(?<="fingerprint": ")\w+'), "{fingerprint}"),
    (re.compile(r'(?<=name="once" value=")[^"]+'), "{once}"),
    (re.compile(r"[\d.,e+-]+(?= samples per second)"), "{rate}"),
    (
        re.compile(
            r"\b(January|February|March|April|May|June|July|August|September|October|November"
            r"|December) \d{4}\b"
        ),
        "{month}",
    ),
]


_HELD = {"at": 1767225600.5, "ms": 1234, "waited_ms": 12}


class _Silent:
    def write(self, text: str) -> int:
        return len(text)


def _account(handle: str, *, is_administrator: bool = False) -> Client:
    user = open_account(
        handle=handle,
        email=f"{handle}@example.org",
        password="correct horse battery staple",
        is_confirmed=True,
        is_administrator=is_administrator,
    )
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def _model(app: str, name: str) -> Any:
    return apps.get_model(app, name)


def finished_program(version: str, pattern: int) -> int:
    """Store a run of code as a worker would, without a sandbox: a machine may not have one."""
    run = _model("tasks", "Run").objects.get(pk=pattern)
    code = _model("tasks", "TaskVersion").objects.get(public_id=version)
    sample = _model("tasks", "Sample").objects.filter(run=run).order_by("pk").first()
    scoring = _model("tasks", "Scoring").objects.filter(run=run).order_by("pk").first()
    run.pk, run.task_version, run.grant = None, code, None
    run.question_hash, run.marking_hash = code.question_hash, code.marking_hash
    run.item_count = run.repeats = run.samples_total = run.samples_done = 1
    run.samples_unscored = 0
    run.save()
    sample.pk, sample.run, sample.ordinal, sample.repeat = None, run, 0, 0
    sample.item = _model("tasks", "Item").objects.get(version=code)
    sample.output, sample.messages = "0.5", [{"role": "user", "content": "<b>Half?</b>"}]
    sample.save()
    scoring.pk, scoring.run, scoring.task_version = None, run, code
    scoring.samples_total = scoring.samples_done = 1
    scoring.value = 0.5
    scoring.save()
    _model("tasks", "SampleScore").objects.create(
        scoring=scoring,
        sample=sample,
        value=0.5,
        answer="1 of 2",
        explanation="1 of 2 checks passed.",
        details={
            "result": {"kind": "count", "value": 0.5, "passed": 1, "of": 2},
            "assertions": [{"name": "right", "passed": True}, {"name": "<b>", "passed": False}],
            "samples": [{"id": "<q0>", "score": 1.0, "output": "o<i>"}, {"id": "q1", "score": 0.0}],
        },
    )
    _model("tasks", "LogChunk").objects.create(run=run, position=0, text="hello <b>\n" * 3)
    _model("tasks", "RunArtifact").objects.create(
        run=run, path="plumbmark.result.json", size=33, sha256="0" * 64, file="artifacts/none"
    )
    _model("tasks", "ProgramReport").objects.create(
        run=run,
        ending="exited",
        exit_code=0,
        wall_seconds=1.5,
        cpu_seconds=0.5,
        peak_memory_bytes=50_000_000,
        requests=3,
        statuses={"200": 2, "429": 1},
        findings=[
            {
                "code": "no-samples",
                "severity": "warning",
                "message": "The result names no samples.",
                "remedy": "Name them.",
                "line": 4,
                "place": "line 4",
                "file": "task.py",
                "path": "",
            }
        ],
        left_out=[{"path": "big.bin", "reason": "too large"}],
    )
    return int(run.pk)


def _merge_ledger() -> None:
    """Merge ledger lines: one settled line for all calls of a grant, and one further line for each
    kind. How many calls a line covers, and how often something is reserved, depends on timing.
    """
    line_model, call_model = _model("gateway", "LedgerLine"), _model("gateway", "Call")
    lines = list(line_model.objects.order_by("pk"))
    calls = {call.pk: call.grant_id for call in call_model.objects.all()}
    call_model.objects.update(ledger_line=None)
    line_model.objects.all().delete()
    _model("gateway", "Budget").objects.update(reserved=0)
    first: dict[Any, Any] = {}
    for line in lines:
        kept = first.setdefault((line.payer_id, line.kind, line.grant_id), line)
        if line.kind != "settle":
            kept.amount, kept.reason = 14_000_000, "0.014 USD of something"
        elif kept is not line:
            kept.charged += line.charged
            kept.provider_cost += line.provider_cost
            kept.calls += line.calls
    settled = sorted(
        (line for line in first.values() if line.kind == "settle"), key=lambda line: line.grant_id
    )
    others = {line.kind: line for line in first.values() if line.kind != "settle"}
    for number, line in enumerate([*settled, *(others[kind] for kind in sorted(others))], start=1):
        line.pk = number
        line.reason = re.sub(r"\d+ calls?", f"{line.calls} calls", line.reason)
        line.save(force_insert=True)
        if line.kind == "settle":
            mine = [pk for pk, grant in calls.items() if grant == line.grant_id]
            call_model.objects.filter(pk__in=mine).update(ledger_line=line)


def number_rows_from_one() -> None:
    """Let primary keys begin at 1: they stand in addresses and texts. Only for a database without
    rows.
    """
    kept = {"django_content_type", "auth_permission"}
    sequences = [
        one for one in connection.introspection.sequence_list() if one["table"] not in kept
    ]
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_by_name_sql(no_style(), sequences):
            cursor.execute(statement)
