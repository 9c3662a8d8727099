import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plumbmark.scoring.texts import DEEPEST, storable, storable_json

_TEXTS = st.text(st.characters(codec=None, categories=["L", "Cs", "Cc", "N"]))


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Grüße 🙂", "Grüße 🙂"),
        ("a\x00b", "a\ufffdb"),
        ("a\ud83db", "a\ufffdb"),
        ("\ud83d\ude42", "🙂"),
        ("\ude42\ud83d", "\ufffd\ufffd"),
    ],
)
def test_what_no_database_takes_is_replaced_and_nothing_else(text: str, kept: str) -> None:
    assert storable(text) == kept


@given(_TEXTS)
def test_every_text_can_be_encoded_then(text: str) -> None:
    kept = storable(text)
    assert "\x00" not in kept
    assert kept.encode().decode() == kept == storable(kept)


def nested(levels: int) -> Any:
    return json.loads("[" * levels + '"a\\u0000"' + "]" * levels)


def test_data_is_taken_to_its_bound_and_refused_beyond() -> None:
    assert json.dumps(storable_json(nested(DEEPEST))).count("[") == DEEPEST
    assert storable_json({"a\x00": ({"b": "c\ud83d"}, 1, None)}) == {
        "a\ufffd": [{"b": "c\ufffd"}, 1, None]
    }
    with pytest.raises(ValueError, match="nested too deeply"):
        storable_json(nested(DEEPEST + 1))
