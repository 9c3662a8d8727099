"""What the pages tell of the whole platform, with workers that have no port."""

import urllib.request
from pathlib import Path

from tests.exposition import Exposition
from tests.stack import Stack

TOKEN = "a-token-of-the-metrics"


def scrape(stack: Stack) -> Exposition:
    request = urllib.request.Request(f"{stack.url}/metrics")
    request.add_header("Authorization", f"Bearer {TOKEN}")
    with urllib.request.urlopen(request, timeout=60) as answer:
        return Exposition(answer.read().decode())


def test_what_workers_did_is_told_by_the_pages(tmp_path: Path) -> None:
    with Stack(tmp_path / "state", metrics_token=TOKEN) as stack:
        stack.manage("load_demo")
        stack.start("web")
        waiting = scrape(stack)
        assert waiting.sum("plumbmark_database_up") == 1
        assert waiting.sum("plumbmark_runs", state="queued") > 0
        assert waiting.sum("plumbmark_workers") == 0

        stack.start("worker")
        stack.start("beat")

        def is_told() -> bool:
            found = scrape(stack)
            calls = found.sum("plumbmark_calls_total", provider="baseline", outcome="answered")
            boards = found.sum("plumbmark_board_refresh_duration_seconds_count")
            return calls > 0 and boards > 0 and found.sum("plumbmark_runs") == 0

        stack.wait_for(is_told)
        found = scrape(stack)

    assert found.sum("plumbmark_workers") == 1
    processes = {one.labels["process"] for one in found.samples if "process" in one.labels}
    assert len(processes) == 2
    assert any(name.endswith(":web-1") for name in processes)
    assert all(name.startswith("plumbmark_") for name in found.names)
    secrets = [TOKEN, str(stack.state), (stack.state / "secret_key").read_text()]
    handles = ["demo-first-steps"]
    assert not [
        value for value in found.label_values for told in (*secrets, *handles) if told in value
    ]
