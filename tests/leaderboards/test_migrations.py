"""Migrations of the boards, with the rows of an older installation."""

import pytest

from tests.migrating import migrations

pytestmark = pytest.mark.django_db(transaction=True)


def test_slices_that_are_stored_get_their_counts_and_the_index_stays(ada: object) -> None:
    from tests.factories import publish_benchmark, publish_task

    board = publish_benchmark(ada, [publish_task(ada, items=4)])
    content = {
        "format": 1,
        "tasks": [
            {
                "title": "Sums",
                "columns": [
                    {
                        "name": "topic",
                        "left_out": 2,
                        "values": [{"name": "a", "items": 20}, {"name": "b", "items": 5}],
                        "rows": [],
                    }
                ],
            }
        ],
    }
    with migrations() as migrate:
        old = migrate(("leaderboards", "0010_chained_standings"))
        standings = old.get_model("leaderboards.Standings").objects.create(
            version_id=board.pk, number=900, content_hash="h", content={}
        )
        old.get_model("leaderboards.SliceResults").objects.create(
            standings=standings, content=content
        )
        entries = old.get_model("leaderboards.SearchEntry").objects
        entries.create(kind="help", topic="boards", names="\nx\n", title_words="x")

        new = migrate()

        kept = new.get_model("leaderboards.SliceResults").objects.get()
        assert kept.content == content
        assert kept.counts == [
            {"task": "Sums", "column": "topic", "values": [["a", 20], ["b", 5]], "left_out": 2}
        ]
        topic = new.get_model("leaderboards.SearchEntry").objects.get(topic="boards")
        assert topic.title_words == "x"
        topic.topic = "readers/" + "x" * 150
        topic.save()


def test_topics_of_an_older_release_leave_the_index() -> None:
    from leaderboards_app.models import SearchEntry
    from leaderboards_app.search.actions import index_help

    SearchEntry.objects.create(kind="help", topic="boards", names="\nx\n", title_words="x")
    assert index_help() > 100
    assert not SearchEntry.objects.filter(topic="boards").exists()
    assert index_help() == 0
