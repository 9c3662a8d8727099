"""The endpoint of the search."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from leaderboards_app.models import SearchEntry
from leaderboards_app.search.queries import search
from leaderboards_app.search.words import MAX_QUERY, parse_query
from plumbmark.common.errors import InvalidInput, Problem

MAX_LIMIT = 50
_DEFAULT_LIMIT = 10
MAX_OFFSET = 1_000


class SearchResult(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=SearchEntry.Kind.choices)
    title = serializers.CharField()
    address = serializers.CharField(help_text="Of its page, below the address of the site.")
    by = serializers.CharField(help_text="The handle of its owner; empty where there is none.")
    summary = serializers.CharField()
    is_similar = serializers.BooleanField(
        help_text="Whether it was found by words that are only similar."
    )


class SearchAnswer(serializers.Serializer[Any]):
    counts = serializers.DictField(
        child=serializers.IntegerField(), help_text="Results by kind that you may see."
    )
    results = SearchResult(many=True, source="found")


class SearchView(APIView):
    subject = "Search"

    @extend_schema(
        operation_id="list_search_results",
        responses=SearchAnswer,
        parameters=[
            OpenApiParameter(
                "q",
                str,
                description=f"Words, at most {MAX_QUERY} characters. Nothing is found without.",
            ),
            OpenApiParameter(
                "kind", str, enum=SearchEntry.Kind.values, description="Only results of this kind."
            ),
            OpenApiParameter(
                "limit",
                int,
                description=f"Results of each kind, from 1 to {MAX_LIMIT}; {_DEFAULT_LIMIT} "
                "without it.",
            ),
            OpenApiParameter(
                "offset", int, description="How many results of each kind are left out before."
            ),
        ],
    )
    def get(self, request: Request) -> Response:
        """Search benchmarks, tasks, models, people and guides. The best results come first: whole
        titles, words of titles, words of descriptions, and last titles with similar words. The last
        word may be the beginning of one.
        """
        query = parse_query(request.query_params.get("q", "").strip())
        if query.text and not query.words:
            raise InvalidInput([Problem("must have a word or a number", "q")])
        kind = request.query_params.get("kind", "")
        if kind not in ("", *SearchEntry.Kind.values):
            known = ", ".join(SearchEntry.Kind.values)
            raise InvalidInput([Problem(f"must be one of {known}", "kind")])
        results = search(
            query,
            to=request.user,
            kind=kind,
            limit=_number(request, "limit", _DEFAULT_LIMIT, least=1, most=MAX_LIMIT),
            offset=_number(request, "offset", 0, least=0, most=MAX_OFFSET),
        )
        return Response(SearchAnswer(results).data)


def _number(request: Request, name: str, default: int, *, least: int, most: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if text.isascii() and text.isdigit() and len(text) < 9 and least <= int(text) <= most:
        return int(text)
    raise InvalidInput([Problem(f"must be a whole number from {least} to {most}", name)])
