"""The programs of this folder as text, each with the parts that it needs."""

import functools
from pathlib import Path

_FOLDER = Path(__file__).parent


@functools.cache
def program_text(*parts: str) -> bytes:
    """Join the modules; only the last one keeps its `__main__` block."""
    *before, last = (_FOLDER.joinpath(f"{part}.py").read_text("utf-8") for part in parts)
    texts = [text.partition('\nif __name__ == "__main__":')[0] for text in before]
    return "\n".join([*texts, last]).encode()
