"""Content hashes, salted and not, and lists of them."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plumbmark.manifests.hashes import (
    ListHasher,
    content_hash,
    is_content_hash,
    list_hash,
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


@given(st.lists(st.integers(0, 5), max_size=6))
def test_the_streamed_list_hash_equals_the_hash_of_the_list(numbers: list[int]) -> None:
    hashes = [content_hash(number) for number in numbers]

    assert list_hash(iter(hashes)) == content_hash(hashes)


def test_the_order_of_a_list_counts() -> None:
    first, second = content_hash(1), content_hash(2)

    assert list_hash([first, second]) != list_hash([second, first])


def test_reading_the_list_hash_early_does_not_end_it() -> None:
    hasher = ListHasher()
    hasher.add(content_hash(1))
    early = hasher.hash()
    hasher.add(content_hash(2))

    assert early == content_hash([content_hash(1)])
    assert hasher.hash() == content_hash([content_hash(1), content_hash(2)])


def test_only_hashes_enter_a_list_of_hashes() -> None:
    with pytest.raises(ValueError, match="no content hash"):
        ListHasher().add('h1:","x')


def test_verification_tells_the_right_value_from_another() -> None:
    stored = content_hash({"target": "18"}, salt="s")

    assert matches({"target": "18"}, stored, salt="s")
    assert not matches({"target": "19"}, stored, salt="s")
    assert not matches({"target": "18"}, stored, salt="t")
    assert not matches({"target": float("nan")}, stored, salt="s")


def test_a_hash_of_an_unknown_recipe_is_an_error_and_not_a_mismatch() -> None:
    with pytest.raises(ValueError, match="recipe"):
        matches(1, "h2:" + "0" * 64)
