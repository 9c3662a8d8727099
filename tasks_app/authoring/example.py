"""What a new task's editor starts with."""

EXAMPLE_DEFINITION = """\
# What this task asks, and how answers are scored. Lines after a # are notes for you.
plumbmark: 1

description: |
  Say what is measured, where the items come from and what a good score means.
  Markdown works here.

data:
  id: id          # the column with a name for each item
  target: answer  # the column with the right answer

prompt:
  # {question} stands for that column of an item's row; {{ and }} are plain braces.
  messages:
    - role: user
      content: |
        {question}

        Answer with one word.

scorers:
  - type: exact   # or includes, regex, numeric, multiple_choice

# Settings left out below are left to the provider.
sampling:
  max_output_tokens: 256
  # temperature: 0

# repeats: 3      # how often each item is asked
"""

EXAMPLE_ROWS = """\
{"id": "q1", "question": "Which number word comes after twelve?", "answer": "thirteen"}
{"id": "q2", "question": "Which number word comes before nine?", "answer": "eight"}
{"id": "q3", "question": "Which number word means a dozen?", "answer": "twelve"}
"""

EXAMPLE_CODE = '''\
"""Asks the model under test itself and writes what it came to."""

import json
import os
import urllib.request

SUMS = {"2+3": "5", "4+4": "8", "7+6": "13"}


def ask(question):
    body = {
        "model": os.environ["LLM_DEFAULT"],
        "messages": [{"role": "user", "content": question}],
    }
    request = urllib.request.Request(
        os.environ["OPENAI_BASE_URL"] + "/chat/completions",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["choices"][0]["message"]["content"]


answers = {question: ask(f"What is {question}?") for question in SUMS}
samples = [
    {"id": question, "score": SUMS[question] in answer, "output": answer}
    for question, answer in answers.items()
]
passed = sum(sample["score"] for sample in samples)
with open("plumbmark.result.json", "w") as file:
    json.dump(
        {"plumbmark": 1, "score": {"passed": passed, "of": len(samples)}, "samples": samples},
        file,
    )
'''
