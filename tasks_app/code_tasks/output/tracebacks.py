"""Tracebacks without the host: which folders a program ran in is nobody's business."""

import itertools
import re
from collections.abc import Sequence

_FRAME = re.compile(r'File "(?P<path>[^"\n]+)"')
_INSTALLED = re.compile(r".*[\\/](?:site|dist)-packages[\\/]")
_LIBRARY = re.compile(r".*[\\/]lib[\\/]python3[.\d]*[\\/]")
WORKING_FOLDER = "/kaggle/working"
_RAISED = re.compile(r"(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?::.*)?")
"""A line that begins with an exception's name, as tracebacks end with."""
_MAX_LENGTH = 500


def last_error(text: str) -> str:
    """Return the last exception's name with its whole message, on one line.

    A message may have several lines of its own. The last line of the text where no traceback is
    found.
    """
    lines = text.splitlines()
    frames = [number for number, line in enumerate(lines) if line.startswith("  File ")]
    for number in range(frames[-1] + 1 if frames else len(lines), len(lines)):
        if _RAISED.fullmatch(lines[number]):
            message = list(itertools.takewhile(str.strip, lines[number:]))
            return " ".join(line.strip() for line in message)[:_MAX_LENGTH]
    shown_lines = [line.strip() for line in lines if line.strip()]
    return shown_lines[-1][:_MAX_LENGTH] if shown_lines else ""


def shorten_traceback(text: str, roots: Sequence[str] = ()) -> str:
    """Return a traceback with files named from their package on, or from the working folder on.

    `roots` are folders of the host; they are removed wherever they occur. Other text is unchanged.
    """
    for root in sorted(roots, key=len, reverse=True):
        bare = root.rstrip("/\\")
        if bare:
            text = re.sub(re.escape(bare) + r"(?:[\\/]|(?![\w.-]))", "", text)
    return _FRAME.sub(lambda frame: f'File "{_short(frame["path"])}"', text)


def _short(path: str) -> str:
    for begin in (_INSTALLED, _LIBRARY):
        if match := begin.match(path):
            return path[match.end() :]
    if path.startswith(f"{WORKING_FOLDER}/"):
        return path.removeprefix(f"{WORKING_FOLDER}/")
    is_absolute = path.startswith(("/", "\\")) or re.match(r"[A-Za-z]:[\\/]", path)
    return re.split(r"[\\/]", path)[-1] if is_absolute else path
