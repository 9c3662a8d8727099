"""A code task on the real processes: its worker is killed in the middle, and it starts anew."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks_app.workers import sandbox as sandboxing
from tests.fake_provider.process import FakeProvider
from tests.stack import Stack

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sandboxing.is_here(), reason="no sandbox holds on this machine"),
]

PROGRAM = b"""
import json, os, time, urllib.request

def ask(question):
    body = {"model": os.environ["LLM_DEFAULT"], "messages": [{"role": "user", "content": question}]}
    request = urllib.request.Request(
        os.environ["OPENAI_BASE_URL"] + "/chat/completions",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)["choices"][0]["message"]["content"]

answers = [ask(f"{n}+{n}") for n in range(3)]
print("asked", flush=True)
if "wait" in answers:
    time.sleep(3600)
with open("plumbmark.result.json", "w") as file:
    passed = sum(answer == "go" for answer in answers)
    json.dump({"plumbmark": 1, "score": {"passed": passed, "of": 3}}, file)
"""


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    with Stack(tmp_path / "state", work_lease_seconds="3") as running:
        yield running


def test_a_killed_workers_program_starts_anew_and_its_calls_stay_charged(stack: Stack) -> None:
    with FakeProvider() as provider:
        provider.configure(models={"arithmetic": "constant:wait"})
        model = stack.add_model("arithmetic", provider.url)
        api = stack.account("ada")
        for name in ("web", "gateway", "beat", "worker1"):
            stack.start(name)
        task = api.post("tasks", {"title": "Sums"})
        path = f"tasks/{task['id']}"
        api.send("PUT", f"{path}/draft", {}, {"code_file": ("sums.py", PROGRAM)})
        version = api.post(f"{path}/publish", {"visibility": "public"})
        run = api.post(
            "runs",
            {
                "task_version": version["id"],
                "deployment": model,
                "purpose": "declared",
                "spend_limit_nanodollars": 10**9,
            },
        )["id"]
        stack.wait_for(lambda: "asked" in api.get(f"runs/{run}/log")["text"])

        assert provider.stats()["answered"] == 3
        provider.configure(models={"arithmetic": "constant:go"})
        stack.kill("worker1")
        stack.start("worker2")
        stack.wait_for(lambda: api.get(f"runs/{run}")["state"] not in ("queued", "running"))

        found = api.get(f"runs/{run}")
        log = api.get(f"runs/{run}/log")["text"]
        assert found["state"] == "completed", (found["failure"], log)
        assert found["scoring"]["value"] == 1.0
        assert log.count("asked") == 2
        assert "The program starts again" in log
        sample = api.get(f"runs/{run}/samples/0")
        roles = [call["role"] for call in sample["calls"]]
        assert roles == ["earlier try"] * 3 + ["candidate"] * 3
        charged = sum(call["charged_nanodollars"] for call in sample["calls"])
        assert found["charged_nanodollars"] == charged > 0
        assert provider.stats()["answered"] == 3
