"""The lists of the home page for programs."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from leaderboards_app.home.queries import READ_DAYS, listed_benchmarks, moved_boards


class HighlightedBenchmark(serializers.Serializer[Any]):
    id = serializers.CharField(source="public_id")
    title = serializers.CharField()
    claim = serializers.CharField()
    namespace = serializers.CharField(source="namespace.handle")
    url = serializers.CharField(source="get_absolute_url", help_text="Below the site's address.")


class RowCounts(serializers.Serializer[Any]):
    new = serializers.IntegerField()
    gone = serializers.IntegerField()
    scores = serializers.IntegerField()
    ranks = serializers.IntegerField()


class MovedBenchmark(serializers.Serializer[Any]):
    benchmark = HighlightedBenchmark()
    standings = serializers.CharField(source="public_id", help_text="The id of the snapshot.")
    at = serializers.DateTimeField()
    changes = RowCounts(help_text="How many rows differ from the snapshot before.")


class NewBenchmark(HighlightedBenchmark):
    published_at = serializers.DateTimeField(source="first_published", allow_null=True)


class ReadBenchmark(HighlightedBenchmark):
    readings = serializers.IntegerField(
        source="readings_lately", help_text=f"Of its page in {READ_DAYS} days."
    )


class Highlights(serializers.Serializer[Any]):
    moved = MovedBenchmark(many=True)
    newest = NewBenchmark(many=True)
    most_read = ReadBenchmark(many=True)


class HighlightsView(APIView):
    subject = "Benchmarks"

    @extend_schema(operation_id="get_highlights", responses=Highlights)
    def get(self, request: Request) -> Response:
        """Return the public benchmarks that moved lately, the newest, and those read most. The home
        page has the same lists.
        """
        listed = listed_benchmarks()
        lists = {
            "moved": moved_boards(),
            "newest": listed.newest,
            "most_read": listed.most_read,
        }
        return Response(Highlights(lists).data)
