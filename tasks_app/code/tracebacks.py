"""Tracebacks without the host: which folders a program ran in is nobody's business."""

import re
from collections.abc import Sequence

_FRAME = re.compile(r'File "(?P<path>[^"\n]+)"')
_INSTALLED = re.compile(r".*[\\/](?:site|dist)-packages[\\/]")
_LIBRARY = re.compile(r".*[\\/]lib[\\/]python3[.\d]*[\\/]")
WORKING_FOLDER = "/kaggle/working"


def shortened(text: str, roots: Sequence[str] = ()) -> str:
    """A traceback whose files are told from their package on, and from the working folder on.

    `roots` are folders of the host; they vanish wherever they stand. Other text stays as it is.
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
