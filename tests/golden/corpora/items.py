"""Items with every column that the definitions of the corpus name."""

from typing import Any

_COLUMNS: dict[str, Any] = {
    "question": "What is {braces}?",
    "topic": "capitals",
    "two words": "both",
    "level": "easy",
    "answer": "Paris",
    "other": 12.50,
    "group": "g1",
    "opt_a": "London",
    "opt_b": "Paris",
    "photo": "red.png",
    "sound": "beep.wav",
    "none": "",
    "choices": [1, {"a": None}],
    "number": 1,
    "split": "open",
}
ATTACHMENTS = [
    {"name": "red.png", "sha256": "1" * 64, "media_type": "image/png", "bytes": 100},
    {"name": "beep.wav", "sha256": "2" * 64, "media_type": "audio/wav", "bytes": 2000},
]
ITEMS: list[dict[str, Any]] = [
    {
        "position": 0,
        "key": "fr",
        "input": _COLUMNS,
        "target": "B",
        "choices": ["London", "Paris", "Rome"],
        "cluster": "europe",
        "slices": {"level": "easy", "topic": "capitals"},
    },
    {
        "position": 1,
        "key": "é 2",
        "input": {**_COLUMNS, "question": 'Line\nbreak "quoted" \U0001f600', "topic": 3},
        "target": ["a", 1, 2.5, True],
        "choices": ["x", "y"],
        "split": "private",
    },
    {
        "position": 2,
        "key": "3",
        "input": {**_COLUMNS, "question": None, "topic": [1, "two"], "other": True},
        "target": None,
        "choices": None,
        "scorer_input": {"topic": "t", "level": 1},
    },
    *(
        {
            "position": number,
            "key": f"k{number}",
            "input": {**_COLUMNS, "question": f"{number}?"},
            "target": number,
            "choices": ["one", "two", "three", "four"],
        }
        for number in range(3, 8)
    ),
]
