"""The packed scores of a scoring are those of its rows, whenever they are packed."""

from typing import Any

import pytest

from plumbmark.scoring.vectors import pack
from tasks_app.models import PackedScores, Run, SampleScore, Scoring
from tasks_app.scorings.estimates import item_scores
from tasks_app.scorings.packed_scores import VectorReader
from tests.factories import publish_task, settle, submit

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def scorings(open_account: Any) -> list[Scoring]:
    """Completed ones: three of one version, and one of another."""
    ada = open_account("ada")
    version, other = publish_task(ada, items=8), publish_task(ada, "Others", items=3)
    for right in (0, 3, 8):
        submit(ada, version, f"m{right}", right)
    submit(ada, other, "m", 2)
    settle()
    return list(Scoring.objects.select_related("run", "task_version").order_by("pk"))


def test_they_are_stored_with_the_completion(scorings: list[Scoring]) -> None:
    assert PackedScores.objects.count() == 4
    found = VectorReader().read(scorings)
    for one in scorings:
        assert one.state == Scoring.State.COMPLETED
        assert found[one.pk] == pack(item_scores(one))
    assert [int(found[one.pk].totals.sum()) for one in scorings] == [0, 3, 8, 2]


def test_rows_of_the_same_version_share_their_items(
    scorings: list[Scoring], django_assert_num_queries: Any
) -> None:
    # One for the items of both versions, and one for the packed scores.
    with django_assert_num_queries(2):
        found = VectorReader().read(scorings)

    first, second, *_, last = (found[one.pk].items for one in scorings)
    assert first is second
    assert last.keys == ("i0", "i1", "i2")


@pytest.mark.parametrize("damage", ["missing", "cut off", "of another version", "unknown format"])
def test_what_is_missing_or_damaged_is_read_from_the_rows_and_written_anew(
    scorings: list[Scoring], damage: str
) -> None:
    stored = PackedScores.objects.get(scoring=scorings[1])
    before = bytes(stored.data)
    if damage == "missing":
        stored.delete()
    else:
        other = bytes(PackedScores.objects.get(scoring=scorings[-1]).data)
        stored.data = {
            "cut off": before[:-3],
            "of another version": other,
            "unknown format": b"PSV9" + before[4:],
        }[damage]
        stored.save()

    found = VectorReader().read(scorings)

    assert found[scorings[1].pk] == pack(item_scores(scorings[1]))
    assert bytes(PackedScores.objects.get(scoring=scorings[1]).data) == before


def test_an_unscored_sample_is_no_zero(scorings: list[Scoring]) -> None:
    scoring = scorings[2]
    SampleScore.objects.filter(scoring=scoring, sample__ordinal=4).update(value=None)
    PackedScores.objects.filter(scoring=scoring).delete()

    vector = VectorReader().read([scoring])[scoring.pk]

    assert list(vector.counts) == [1, 1, 1, 1, 0, 1, 1, 1]
    assert list(vector.unscored) == [0, 0, 0, 0, 1, 0, 0, 0]
    assert list(vector.totals) == [1, 1, 1, 1, 0, 1, 1, 1]


def test_a_scoring_that_does_not_complete_stores_none(scorings: list[Scoring]) -> None:
    run = Run.objects.get(pk=scorings[0].run_id)
    run.scorings.create(
        task_version=run.task_version, marking_hash="", platform_version="0", samples_total=8
    )
    assert PackedScores.objects.count() == 4
