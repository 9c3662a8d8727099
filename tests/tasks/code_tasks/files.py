"""Task files and run files as the SDK writes them, made by hand."""

import json
from pathlib import Path
from typing import Any

DEFINITIONS = {
    "": "@kbench.task()\ndef f(llm):\n    ...\n",
    "bool": "@kbench.task()\ndef f(llm) -> bool:\n    ...\n",
    "int": "@kbench.task()\ndef f(llm) -> int:\n    ...\n",
    "float": "@kbench.task()\ndef f(llm) -> float:\n    ...\n",
    "margin": "@kbench.task()\ndef f(llm) -> tuple[float, float]:\n    ...\n",
    "count": "@kbench.task()\ndef f(llm) -> tuple[int, int]:\n    ...\n",
    "dict": "@kbench.task()\ndef f(llm) -> dict:\n    ...\n",
    "own": "@kbench.task()\ndef f(llm) -> Own:\n    ...\n",
    "none": "",
}


def task(name: str = "Main", returns: str = "float", **more: Any) -> dict[str, Any]:
    return {"versionNumber": 1, "name": name, "definition": DEFINITIONS[returns], **more}


def run(
    result: dict[str, Any] | None = None,
    *,
    name: str = "Main",
    returns: str = "float",
    number: int = 1,
    state: str = "COMPLETED",
    **more: Any,
) -> dict[str, Any]:
    """Return one run; `result` is the part beside the type."""
    document: dict[str, Any] = {
        "taskVersion": task(name, returns),
        "modelVersion": {"slug": "maker/model@v1"},
        "state": f"BENCHMARK_TASK_RUN_STATE_{state}",
        "startTime": f"2026-11-20T22:58:{number:02d}.017581Z",
        "endTime": f"2026-11-20T22:59:{number:02d}.128257Z",
        "pyRunId": f"{name}-Run #{number}",
    }
    if result is not None:
        document["results"] = [{"type": "AGGREGATED", **result}]
    return {**document, **more}


def content(role: str, text: str, sender: str = "User") -> dict[str, Any]:
    return {"parts": [{"text": text}], "role": f"CONTENT_ROLE_{role}", "senderName": sender}


def store(folder: Path, document: Any, file: str = "") -> str:
    """Write a document under the name that the SDK would give it."""
    if not file:
        if "taskVersion" in document:
            name = document["taskVersion"]["name"].replace(" ", "_")
            file = f"{name}-{document['pyRunId'][-1]}.run.json"
        else:
            file = f"{document['name'].replace(' ', '_')}.task.json"
    (folder / file).write_text(json.dumps(document))
    return file
