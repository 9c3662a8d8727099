"""Lines of the log as JSON."""

import importlib
import json
import logging
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from plumbmark.common.logs import JsonLines, log_about
from plumbmark.common.redaction import RedactSecrets
from plumbmark.config import env
from plumbmark.web.request_ids import RequestIds
from tests.config.test_probes import get
from tests.stack import Stack

SECRET = "pmk_abcdefgh12345678"


def line_of(level: int = logging.WARNING, message: str = "said", *given: Any, **more: Any) -> Any:
    record = logging.LogRecord("a.logger", level, __file__, 1, message, given, None, **more)
    RedactSecrets().filter(record)
    text = JsonLines().format(record)
    assert "\n" not in text
    return json.loads(text)


def test_importing_the_scorers_switches_no_log_off() -> None:
    importlib.import_module("plumbmark.scoring.math_function")

    assert logging.getLogger().isEnabledFor(logging.CRITICAL)
    assert logging.root.manager.disable == logging.NOTSET


def test_a_line_has_its_fields_and_nothing_else() -> None:
    line = line_of(logging.ERROR, "%s failed\non %d", "it", 3)

    assert line["message"] == "it failed\non 3"
    assert (line["level"], line["logger"]) == ("ERROR", "a.logger")
    assert line["time"].endswith("+00:00")
    assert set(line) == {"time", "level", "logger", "message"}


def test_no_field_has_a_secret() -> None:
    with log_about(run_id=SECRET):
        try:
            raise ValueError(SECRET)
        except ValueError:
            record = logging.LogRecord(
                SECRET, logging.ERROR, __file__, 1, "sent %s", (SECRET,), sys.exc_info()
            )
    record.stack_info = f"at {SECRET}"
    with log_about(job_id=SECRET):
        text = JsonLines().format(record)

    assert SECRET not in text
    line = json.loads(text)
    assert set(line) == {"time", "level", "logger", "message", "job_id", "exception", "stack"}
    assert all("pmk_abcd…" in line[name] for name in set(line) - {"time", "level"})
    assert "Traceback" in line["exception"]


def test_ids_belong_to_what_is_inside_and_to_no_other_thread() -> None:
    elsewhere: list[Any] = []
    with log_about(run_id=12):
        with log_about(scoring_id=3):
            both = line_of()
            thread = threading.Thread(target=lambda: elsewhere.append(line_of()))
            thread.start()
            thread.join()
        one = line_of()

    assert (both["run_id"], both["scoring_id"]) == ("12", "3")
    assert one["run_id"] == "12"
    assert "scoring_id" not in one
    assert "run_id" not in line_of()
    assert "run_id" not in elsewhere[0]


def test_what_a_request_logs_has_its_id() -> None:
    lines = []

    def view(request: Any) -> HttpResponse:
        lines.append(line_of())
        return HttpResponse()

    RequestIds(view)(RequestFactory().get("/", headers={"X-Request-Id": "mine-1"}))

    assert lines[0]["request_id"] == "mine-1"
    assert "request_id" not in line_of()


def test_another_format_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X", "xml")

    with pytest.raises(env.BadSetting, match="X must be one of text, json, not 'xml'"):
        env.choice("X", "text", "json")


def test_every_line_of_the_processes_is_json(tmp_path: Path) -> None:
    """Libraries log too, and a request fails."""
    with Stack(tmp_path / "state", log_format="json", log_level="INFO") as stack:
        for name in ("web", "gateway"):
            stack.start(name)
        with sqlite3.connect(stack.state / "plumbmark.sqlite3", timeout=60) as database:
            database.execute("ALTER TABLE benchmarks_benchmark RENAME TO gone")
        host = f"127.0.0.1:{stack.port}"
        assert get(stack.port, "/api/v1/benchmarks", host=host)[0] == 500
        logs = {name: stack.state / f"{name}.log" for name in ("web", "gateway")}
    lines = {
        name: [json.loads(line) for line in log.read_text().splitlines()]
        for name, log in logs.items()
    }

    answered = next(line for line in lines["web"] if "was answered with 500" in line["message"])
    assert f"(request {answered['request_id']})" in answered["message"]
    traced = next(line for line in lines["web"] if "Traceback" in line.get("exception", ""))
    assert traced["request_id"] == answered["request_id"]


def test_several_processes_on_a_port_are_supervised_in_json_too(tmp_path: Path) -> None:
    with Stack(tmp_path / "state", log_format="json") as stack:
        taken = [sys.executable, "-m", "plumbmark.config.pages_server", "--port=1", "--workers=2"]
        taken += ["--host=203.0.113.1"]
        with (stack.state / "many.log").open("wb") as log:
            process = subprocess.Popen(taken, env=stack.environment, stdout=log, stderr=log)
        try:
            stack.wait_for(
                lambda: '"message": "web 1 ended' in (stack.state / "many.log").read_text()
            )
        finally:
            process.terminate()
            process.wait(timeout=120)
