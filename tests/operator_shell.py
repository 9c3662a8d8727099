"""Runs code inside the platform: one JSON object a line comes in, one goes out.

A process of its own like `manage.py shell`, for many pieces of code after each other: starting
Django takes longer than what they do.
"""

import contextlib
import io
import json
import sys
import traceback

import django
from django.db import connections


def answer(code: str) -> dict[str, str]:
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            exec(code, {"__name__": "__main__"})
    except Exception:
        return {"failure": traceback.format_exc()}
    finally:
        connections.close_all()
    return {"printed": printed.getvalue()}


if __name__ == "__main__":
    django.setup()
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line)["code"])), flush=True)
