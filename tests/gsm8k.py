"""GSM8K's problems with the recorded outputs of four models, and the right figures for them."""

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest

RIGHT = {
    "175b_verification": 742,
    "6b_verification": 515,
    "175b_finetuning": 458,
    "6b_finetuning": 286,
}
ITEMS = 1319

DEFINITION = """\
plumbmark: 1
description: Grade-school maths in a few steps.
data:
  target:
    column: answer
    after: "####"
prompt:
  messages:
    - role: user
      content: "{question}"
sampling:
  max_output_tokens: 400
scorers:
  - type: numeric
    after: "A:"
"""

CARD = {
    "measures": "Whether a model reaches the right number in a short word problem.",
    "intended_use": "Comparing models on elementary arithmetic reasoning.",
    "limits": "Short English problems only; widely known, so likely in training data.",
    "provenance": "GSM8K's test split by its authors.",
    "licence": "MIT",
    "contact": "The benchmark's owner.",
}


def folder() -> Path:
    """Return the data's folder; skip with the reason if it is not given."""
    root = os.environ.get("PLUMBMARK_REAL_DATA")
    if not root or not (Path(root) / "gsm8k").is_dir():
        pytest.skip("PLUMBMARK_REAL_DATA names no folder with gsm8k in it")
    return Path(root) / "gsm8k"


def problems() -> bytes:
    return (folder() / "test.jsonl").read_bytes()


@cache
def _solutions(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def solutions() -> list[dict[str, Any]]:
    """Return one row per problem, in order: `question`, and per model `solution` and
    `is_correct`.
    """
    return _solutions(folder() / "model_solutions.jsonl")


def outputs_file(model: str) -> bytes:
    """Return a file of submitted outputs."""
    lines = [
        json.dumps({"id": str(number), "output": row[model]["solution"]})
        for number, row in enumerate(solutions(), start=1)
    ]
    return "\n".join(lines).encode()
