"""The programs of this folder as text, each with the parts that it needs."""

import functools
from pathlib import Path

_FOLDER = Path(__file__).parent


@functools.cache
def program_text(*parts: str) -> bytes:
    """The modules one after the other; only the last one's `__main__` block is kept."""
    *before, last = (_FOLDER.joinpath(f"{part}.py").read_text("utf-8") for part in parts)
    texts = [text.partition('\nif __name__ == "__main__":')[0] for text in before]
    return "\n".join([*texts, last]).encode()
