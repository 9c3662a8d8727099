"""What a new task's editor starts with."""

EXAMPLE_DEFINITION = """\
# What this task asks, and how answers are marked. Lines after a # are notes for you.
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

# What is left out below is left to the provider.
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
