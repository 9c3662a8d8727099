"""Words with numbers, for what is noted about a table."""


def count_words(number: int, one: str, many: str) -> str:
    """Return a number with the words that go with it: `1 row is`, `2,000 rows are`."""
    return f"{number:,} {one if number == 1 else many}"
