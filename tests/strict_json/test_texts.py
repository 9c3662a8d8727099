import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plumbmark.strict_json.texts import MAX_STORED_DEPTH, make_storable, make_storable_json

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
    assert make_storable(text) == kept


@given(_TEXTS)
def test_every_text_can_be_encoded_then(text: str) -> None:
    kept = make_storable(text)
    assert "\x00" not in kept
    assert kept.encode().decode() == kept == make_storable(kept)


def nested(levels: int) -> Any:
    return json.loads("[" * levels + '"a\\u0000"' + "]" * levels)


def test_data_is_taken_to_its_bound_and_refused_beyond() -> None:
    assert json.dumps(make_storable_json(nested(MAX_STORED_DEPTH))).count("[") == MAX_STORED_DEPTH
    assert make_storable_json({"a\x00": ({"b": "c\ud83d"}, 1, None)}) == {
        "a\ufffd": [{"b": "c\ufffd"}, 1, None]
    }
    with pytest.raises(ValueError, match="nested too deeply"):
        make_storable_json(nested(MAX_STORED_DEPTH + 1))
