"""All example and guide scripts of `kaggle-benchmarks`, unmodified, through the whole platform.

Each is pushed as a code task over REST, run in the sandbox by a real worker, and asks a fake
provider through the gateway. The table in the authors' guide lists each result.
"""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from tasks_app.workers import sandbox as sandboxing
from tests.fake_provider.process import FakeProvider
from tests.stack import Api, ApiError, Stack

PAGE = Path(__file__).parents[2] / "docs" / "authors" / "kaggle-examples.md"
FOLDER = os.environ.get("PLUMBMARK_KAGGLE_EXAMPLES", "")
CANDIDATE = "google/gemini-2.5-pro"
OTHERS = (
    "google/gemini-2.5-flash",
    "google/gemini-2.0-flash",
    "google/gemini-1.5-pro",
    "meta/llama-3.1-70b",
)
SETTINGS = "timeout_minutes: 3\njudge: google/gemini-2.5-flash\n"
_ROW = re.compile(r"^\| `(?P<name>[^`]+)` \| (?P<came>[a-z ]+) \| (?P<why>.*?) ?\|$", re.MULTILINE)
_QUOTED = re.compile(r"“([^”]+)”")

pytestmark = [
    pytest.mark.slow(seconds=170),
    pytest.mark.skipif(not sandboxing.is_here(), reason="no sandbox holds on this machine"),
    pytest.mark.skipif(
        not (settings.SANDBOX_ENV_DIR / "bin" / "python").exists(),
        reason="the environment kaggle-benchmarks is not built (make sandbox-env)",
    ),
    pytest.mark.skipif(
        not FOLDER, reason="PLUMBMARK_KAGGLE_EXAMPLES names no folder (make kaggle-examples)"
    ),
]


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    environment = str(settings.SANDBOX_ENV_DIR)
    # Nothing is lost here that a sweep would find, and one a second costs as much as the pages.
    options = {"sandbox_env_dir": environment, "sweep_seconds": "15"}
    with Stack(tmp_path / "state", **options) as running:
        yield running


def scripts() -> list[Path]:
    documentation = Path(FOLDER) / "documentation"
    return sorted([*documentation.glob("examples/*.py"), *documentation.glob("guides/*.py")])


def describe() -> Mapping[str, tuple[str, str]]:
    """Return what the guide says of each script: what comes of it, and why."""
    rows = _ROW.finditer(PAGE.read_text())
    return {row["name"]: (row["came"].strip(), row["why"]) for row in rows}


def test_every_example_comes_to_what_the_guide_says(stack: Stack) -> None:
    with FakeProvider() as provider:
        _open_models(stack, provider)
        api = stack.account("ada")
        for name in ("web", "gateway", "beat", "worker1"):
            stack.start(name)
        started = {path.name: _start(api, path) for path in scripts()}
        found = {name: _ended(api, stack, one) for name, one in started.items()}
        assert provider.stats()["answered"] > 250

    expected = describe()
    assert set(found) == set(expected)
    assert len(found) == 56
    differing = {
        name: (came, why, expected[name])
        for name, (came, why) in found.items()
        if came != expected[name][0]
        or any(quoted not in why for quoted in _QUOTED.findall(expected[name][1]))
    }
    assert differing == {}
    finished = [name for name, (came, _) in found.items() if came in {"scored", "no number"}]
    assert len(finished) >= 34


def _open_models(stack: Stack, provider: FakeProvider) -> None:
    stack.shell(
        "import json\n"
        "from plumbmark.gateway.actions import add_deployment, set_price\n"
        f"for slug in {(CANDIDATE, *OTHERS)!r}:\n"
        "    one = add_deployment(slug=slug, provider='openai', upstream_id='obliging',"
        f" base_url={provider.url!r}, by=None)\n"
        "    set_price(deployment=one, input_per_mtok=10**9, output_per_mtok=10**9, by=None)\n"
        "print(json.dumps(None))"
    )


def _start(api: Api, path: Path) -> int | str:
    """Return the number of a declared run, or why the script was refused."""
    task = api.post("tasks", {"title": path.stem})
    at = f"tasks/{task['id']}"
    file = {"code_file": (path.name, path.read_bytes())}
    try:
        api.send("PUT", f"{at}/draft", {"settings": SETTINGS}, file)
        version = api.post(f"{at}/publish", {"visibility": "public"})
    except ApiError as refusal:
        if refusal.status != 422:
            raise
        return str(refusal.body["detail"])
    wish = {
        "task_version": version["id"],
        "deployment": CANDIDATE,
        "purpose": "declared",
        "spend_limit_nanodollars": 10**9,
    }
    return int(api.post("runs", wish)["id"])


def _ended(api: Api, stack: Stack, started: int | str) -> tuple[str, str]:
    if isinstance(started, str):
        return "refused", started
    found: dict[str, Any] = {}

    def has_ended() -> bool:
        found.update(api.get(f"runs/{started}"))
        return found["state"] in {"completed", "failed"}

    stack.wait_for(has_ended, seconds=1800)
    if found["state"] == "failed":
        return "failed", found["failure"]
    if found["scoring"]["value"] is not None:
        return "scored", ""
    return "no number", api.get(f"runs/{started}/samples/0")["error"]
