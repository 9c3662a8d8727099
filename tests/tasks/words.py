"""A small task of words, for the tests of pages."""

import json
from typing import Any

DEFINITION = """\
plumbmark: 1
description: |
  Number **words**.
data:
  id: id
  target: answer
prompt:
  system: Answer with one word.
  messages:
    - role: user
      content: "{question}"
scorers:
  - type: includes
sampling:
  max_output_tokens: 64
"""
# The echo baseline says the question back, so it is right where the question holds the answer.
ROWS = [
    {"id": "q1", "question": "Say thirteen.", "answer": "thirteen", "split": "open"},
    {"id": "q2", "question": "Which word is eight?", "answer": "eight", "split": "open"},
    {"id": "q3", "question": "What is a dozen?", "answer": "twelve", "split": "open"},
    {"id": "q4", "question": "Say <b>bold</b>.", "answer": "nothing", "split": "held"},
]
WITH_PRIVATE = DEFINITION.replace(
    "  target: answer\n", "  target: answer\n  split: {column: split, private: [held]}\n"
)


def jsonl(rows: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()
