"""Content hashes, salted and not, and lists of them."""

import hashlib

import pytest

from plumbmark.manifests.hashes import (
    content_hash,
    is_content_hash,
)
from plumbmark.manifests.verification import matches


def test_the_hash_is_the_sha256_of_the_canonical_json() -> None:
    expected = "h1:" + hashlib.sha256(b'{"a":1,"b":[true,null]}').hexdigest()

    assert content_hash({"b": [True, None], "a": 1.0}) == expected


def test_a_salt_changes_the_hash_and_another_salt_changes_it_again() -> None:
    hashes = {
        content_hash("18"),
        content_hash("18", salt="one"),
        content_hash("18", salt=b"two"),
    }

    assert len(hashes) == 3
    assert all(is_content_hash(found) for found in hashes)


def test_an_empty_salt_is_refused() -> None:
    with pytest.raises(ValueError, match="salt"):
        content_hash("18", salt="")


def test_verification_tells_the_right_value_from_another() -> None:
    stored = content_hash({"target": "18"}, salt="s")

    assert matches({"target": "18"}, stored, salt="s")
    assert not matches({"target": "19"}, stored, salt="s")
    assert not matches({"target": "18"}, stored, salt="t")
    assert not matches({"target": float("nan")}, stored, salt="s")


def test_a_hash_of_an_unknown_recipe_is_an_error_and_not_a_mismatch() -> None:
    with pytest.raises(ValueError, match="recipe"):
        matches(1, "h2:" + "0" * 64)
